// What a tokenizer is made of, whatever file it came from. A reader fills one (vocabulary_gguf.c,
// vocabulary_tiktoken.c, ...); tern__tokenizer_make checks it and makes it a tern_tokenizer.
//
// A text is encoded so: added tokens are cut out; each stretch between them is normalised, cut into
// words by the splits, and each word goes to the kind's model; |before| and |after| go around it.
#ifndef TERN_RUNTIME_MODEL_VOCABULARY_H_
#define TERN_RUNTIME_MODEL_VOCABULARY_H_

#include <stdbool.h>

#include <tern/archive.h>
#include <tern/tokenizer.h>

// What a token is; the numbers of tokenizer.ggml.token_type.
enum {
    TERN__TOKEN_UNDEFINED = 0,
    TERN__TOKEN_NORMAL = 1,
    TERN__TOKEN_UNKNOWN = 2,
    TERN__TOKEN_CONTROL = 3,
    TERN__TOKEN_USER_DEFINED = 4,
    TERN__TOKEN_UNUSED = 5,
    TERN__TOKEN_BYTE = 6 // spelled <0x00> to <0xFF>
};

// How an added token (control, unknown or user-defined) is found in a text.
enum {
    TERN__ADDED_LSTRIP = 1u << 0,      // takes the white space before it
    TERN__ADDED_RSTRIP = 1u << 1,      // and after it
    TERN__ADDED_NORMALIZED = 1u << 2,  // looked for in the normalised text
    TERN__ADDED_SINGLE_WORD = 1u << 3, // not within a word
    TERN__ADDED_SPECIAL = 1u << 4,     // skipped when decoding, though it is user-defined
    TERN__ADDED_AS_SPELLED = 1u << 5,  // with NORMALIZED: is itself not normalised first
    TERN__ADDED_ONLY = 1u << 6,        // no part of the model, which cannot make it
    TERN__ADDED_KEPT = 1u << 7         // a map of characters leaves it alone where a text has it
};

enum { TERN__MAX_TOKENS = 1 << 24, TERN__MAX_AFFIX = 4, TERN__MAX_ENDS = 16 };

// Bytes of |continuing| and |ending| where BPE has them.
enum { TERN__MAX_JOINT = 64 };

// Text that lies in the vocabulary's own memory. NUL-terminated.
typedef struct tern__span {
    uint32_t start;
    uint32_t size;
} tern__span;

typedef struct tern__token {
    uint32_t start; // in the vocabulary's text
    uint32_t size;
    double score; // higher is better; by rank: minus the rank
    uint8_t type;
    uint8_t added;       // TERN__ADDED_*
    tern__span spelling; // what is looked for in a text; a reader leaves it empty: the token itself
} tern__token;

// The token that |left| and |right| make; the earlier in the list, the better.
typedef struct tern__merge {
    uint32_t left;
    uint32_t right;
    uint32_t result;
} tern__merge;

// What becomes of the matches of a split's pattern.
typedef enum tern__split_behaviour {
    TERN__SPLIT_ISOLATED = 0, // words of their own
    TERN__SPLIT_REMOVED = 1,
    TERN__SPLIT_MERGED_WITH_PREVIOUS = 2,
    TERN__SPLIT_MERGED_WITH_NEXT = 3,
    TERN__SPLIT_CONTIGUOUS = 4 // adjacent matches are one word
} tern__split_behaviour;

// One step of the pre-tokenizer: each word that the step before left is cut again.
typedef struct tern__split {
    tern__span pattern; // PCRE2 with UTF and UCP
    uint8_t behaviour;
    bool inverted; // what does not match counts as the matches
} tern__split;

typedef enum tern__normal_form {
    TERN__NORMAL_NFC,
    TERN__NORMAL_NFD,
    TERN__NORMAL_NFKC,
    TERN__NORMAL_NFKD,
    TERN__NORMAL_LOWERCASE,
    TERN__NORMAL_STRIP_ACCENTS,
    TERN__NORMAL_STRIP_LEFT,
    TERN__NORMAL_STRIP_RIGHT,
    TERN__NORMAL_REPLACE,            // |pattern|, plain text, by |content|
    TERN__NORMAL_REPLACE_PATTERN,    // |pattern|, PCRE2, by |content|
    TERN__NORMAL_PREPEND,            // |content|, to what is not empty
    TERN__NORMAL_PREPEND_ONCE,       // the same where it is not there yet
    TERN__NORMAL_PREPEND_FIRST,      // and only to what begins the text
    TERN__NORMAL_CHARSMAP,           // SentencePiece's precompiled map, in |content|
    TERN__NORMAL_CHARSMAP_GRAPHEMES, // the same map as the package tokenizers reads it
    TERN__NORMAL_SQUEEZE_SPACES,     // SentencePiece's remove_extra_whitespaces
    TERN__NORMAL_BERT_CLEAN,         // no control characters, all white space a space
    TERN__NORMAL_BERT_CHINESE,       // spaces around each ideograph
    TERN__NORMAL_BERT_ACCENTS,       // only marks that take no space go; STRIP_ACCENTS drops all
    TERN__NORMAL_NMT,                // control characters go or become spaces, as for translation
    TERN__NORMAL_FORMS
} tern__normal_form;

// What BERT does to a text; each is one or two steps.
typedef struct tern__bert_normals {
    bool clean;
    bool chinese;
    bool strip_accents;
    bool lowercase;
} tern__bert_normals;

typedef struct tern__normal {
    tern__normal_form form;
    tern__span pattern;
    tern__span content;
} tern__normal;

// Where U+2581, written for spaces, is put in front of a text.
typedef enum tern__prefix {
    TERN__PREFIX_NEVER,
    TERN__PREFIX_FIRST, // of the text
    TERN__PREFIX_EACH   // of each stretch between added tokens
} tern__prefix;

// How the bytes of a token become text.
typedef enum tern__decoder {
    TERN__DECODE_RAW,       // they are text
    TERN__DECODE_MARKED,    // U+2581 is a space, and the first one is dropped if |prefix| put it
    TERN__DECODE_WORDPIECE, // |joint| continues a word, a space goes before any other
    TERN__DECODE_WORDS,     // a space goes before every token but the first
    TERN__DECODE_ENDED      // |joint| ends a word: it is a space
} tern__decoder;

// Ids around a text.
typedef struct tern__affix {
    int32_t ids[TERN__MAX_AFFIX];
    uint32_t count;
} tern__affix;

// All memory is the context's. Ids are -1 where there is no such token.
typedef struct tern__vocabulary {
    tern_context *context;
    const char *file;         // for messages; lent, not kept
    const char *pretokenizer; // to take in place of what the file names; NULL: none; lent, not kept
    const char *kind;         // static: "llama", "gpt2", ... of the table in tokenizer.c
    char *text;               // of tokens, patterns and contents
    size_t text_size, text_capacity;
    tern__token *tokens;
    size_t token_count, token_capacity;
    uint32_t *slots; // open addressing: id + 1 of the tokens that text may become, 0 when free
    uint32_t slot_mask;
    tern__merge *merges;
    size_t merge_count, merge_capacity;
    tern__split *splits;
    size_t split_count, split_capacity;
    size_t split_letters; // byte-level: splits from here on see letters; at least the count: none
    tern__normal *normals;
    size_t normal_count, normal_capacity;
    size_t normal_late;        // steps from here on come after cutting ADDED_NORMALIZED tokens out
    tern__affix before, after; // added by TERN_TOKENIZE_BOS and TERN_TOKENIZE_EOS
    int32_t bos, eos, unknown, end_of_turn, end_of_message, padding;
    int32_t ends[TERN__MAX_ENDS]; // more ids that end a text
    uint32_t end_count;
    tern__prefix prefix;
    tern__decoder decoder;
    tern__span joint;      // of the decoder
    tern__span continuing; // what tokens within a word begin with; empty in most kinds of BPE
    tern__span ending;     // BPE: what the last token of a word ends with
    uint32_t word_limit;   // WordPiece: a word of more characters is unknown; 0: no limit
    bool fuse_unknown;     // unknown characters in a row are one unknown token
    bool drop_unknown;     // without an unknown token they vanish
    bool single_scores;    // unigram: sums of scores are float
    bool mark_spaces;      // spaces are written as U+2581 before the model sees them
    bool byte_level;       // the model's letters are bytes, not characters
    bool join_by_score;    // pairs join when their text is a token; else as |merges| says
    bool named_splits;     // they are those of a pre-tokenizer's name
    bool whole_words;      // a word that is a token is that token, whatever merges say
    bool whole_lines;      // the same of words that are line feeds alone
    bool spelled_bytes;    // unigram: a text may spell a byte's token
    bool clean_spaces;     // decoding drops the space before punctuation
} tern__vocabulary;

void tern__vocabulary_init(tern__vocabulary *v, tern_context *context, const char *file);

// Frees everything; a cleared one is accepted.
void tern__vocabulary_finish(tern__vocabulary *v);

// All that follow return OUT_OF_MEMORY, or what is said; messages name |file|.

// Copies |size| bytes. UNSUPPORTED past 4 GiB in all.
tern_status tern__vocabulary_keep(tern__vocabulary *v, const char *text, size_t size,
                                  tern__span *out);

// Token |id|; ids in between become unused tokens without text. CORRUPT_DATA: an id past
// TERN__MAX_TOKENS, a type past 6, a score that is NaN, a byte not spelled as one. Setting an id
// again replaces it.
tern_status tern__vocabulary_set(tern__vocabulary *v, uint32_t id, const char *text, size_t size,
                                 double score, int32_t type);

// Gets ready for tern__vocabulary_find and _merge, once tokens have their text and type. Again
// after a change.
tern_status tern__vocabulary_index(tern__vocabulary *v);

// The token that is spelled so and that text may become (not control, unknown or byte), or -1. The
// last of several.
int32_t tern__vocabulary_find(const tern__vocabulary *v, const char *text, size_t size);

// The first token of any type that is spelled so, or -1. Looks at all of them.
int32_t tern__vocabulary_find_any(const tern__vocabulary *v, const char *text, size_t size);

// The next best merge, whose result has no |continuing| within it. CORRUPT_DATA if one of the three
// is no token of the index.
tern_status tern__vocabulary_merge(tern__vocabulary *v, const char *left, size_t left_size,
                                   const char *right, size_t right_size);

tern_status tern__vocabulary_split(tern__vocabulary *v, const char *pattern,
                                   tern__split_behaviour behaviour, bool inverted);

// |pattern| and |content| may be NULL where the form has none.
tern_status tern__vocabulary_normal(tern__vocabulary *v, tern__normal_form form,
                                    const char *pattern, const char *content, size_t content_size);

// BERT's steps: of the normaliser, and the splits at white space and punctuation.
tern_status tern__vocabulary_bert_normals(tern__vocabulary *v, tern__bert_normals n);
tern_status tern__vocabulary_bert_words(tern__vocabulary *v);

// The byte that "<0x0A>" and its like stand for, or -1.
int tern__token_byte(const char *text, size_t size);

// Bytes from the printable characters of byte-level vocabularies, at most |size| of them. False if
// a character stands for none.
bool tern__byte_letters(const char *text, size_t size, char *out, size_t *out_size);

// The other way round: adds the characters that bytes are written as.
struct tern__text;
void tern__letters_of_bytes(const char *bytes, size_t size, struct tern__text *out);

// Adds the splits of a pre-tokenizer that GGUF knows by name, or of |v->pretokenizer| in its place.
// UNSUPPORTED names one it does not.
// |*out_add_bos|: what its vocabularies mean where they do not say.
tern_status tern__vocabulary_pretokenizer(tern__vocabulary *v, const char *name, bool *out_add_bos);

// Makes a tokenizer of |v|, which is empty afterwards, also on failure. UNSUPPORTED names a kind
// that is not known or a pattern that PCRE2 refuses, CORRUPT_DATA a contradiction.
tern_status tern__tokenizer_make(tern__vocabulary *v, tern_tokenizer **out_tokenizer);

// |desc| may be NULL.
tern_status tern__tokenizer_check_desc(tern_context *context, const tern_tokenizer_desc *desc);

// Readers. Each fills an initialised |v|, which the caller finishes whatever they return.
tern_status tern__vocabulary_read_gguf(tern__vocabulary *v, const tern_archive *archive);
tern_status tern__vocabulary_read_folder(tern__vocabulary *v, const tern_archive *archive);
tern_status tern__vocabulary_read_file(tern__vocabulary *v, const char *data, size_t size);
tern_status tern__vocabulary_read_sentencepiece(tern__vocabulary *v, const char *data, size_t size);
tern_status tern__vocabulary_read_json(tern__vocabulary *v, const char *data, size_t size);
tern_status tern__vocabulary_read_tiktoken(tern__vocabulary *v, const char *data, size_t size);

#endif
