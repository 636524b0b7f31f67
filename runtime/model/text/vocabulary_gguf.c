// Reads a vocabulary from the tokenizer.* keys of an archive.
#include "runtime/model/text/vocabulary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/log.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/text/normalize.h"
#include "runtime/model/files/source.h"
#include "runtime/status.h"

#define KEY(name) "tokenizer.ggml." name

#define NONE UINT32_MAX

enum { LLAMA3_TOKENS = 128256, BERT_SEPARATOR = 102, BERT_WORD_LIMIT = 100 };

// What files of a kind mean where they say nothing, and what only they have.
typedef struct defaults defaults;

// What is read from the archive, lent, and where it goes.
typedef struct reader {
    tern__vocabulary *v;
    const tern_archive *archive;
    const defaults *defaults;
    bool add_bos; // where the file does not say
    char *bytes;  // byte-level: of a token or of two that merge
    size_t capacity;
    tern__array tokens;
    tern__array scores; // count 0: none
    tern__array types;  // count 0: none
} reader;

struct defaults {
    const char *kind;
    uint32_t unknown, bos, eos;
    bool add_bos, add_eos;
    bool byte_level;
    tern_status (*prepare)(reader *r);  // before the tokens
    tern_status (*complete)(reader *r); // after them; NULL: nothing to do
};

static tern_status contradiction(const reader *r, const char *what, uint64_t got) {
    return tern__fail(r->v->context, TERN_STATUS_CORRUPT_DATA,
                      "%s: %s is %" PRIu64 ", but the vocabulary has %" PRIu64 " tokens",
                      r->v->file, what, got, r->tokens.count);
}

// An array with one element for each token, or none.
static tern_status read_column(const reader *r, const char *key, tern_value_type type,
                               tern__array *out) {
    tern_status status = tern__archive_array(r->archive, key, type, out);
    if (status == TERN_STATUS_NOT_FOUND) {
        out->count = 0;
        return TERN_STATUS_OK;
    }
    TERN_TRY(status);
    if (out->count != r->tokens.count) {
        char what[64];
        snprintf(what, sizeof what, "the length of %s", key);
        return contradiction(r, what, out->count);
    }
    return TERN_STATUS_OK;
}

static tern_status read_columns(reader *r) {
    const tern__vocabulary *v = r->v;
    tern_status status =
        tern__archive_array(r->archive, KEY("tokens"), TERN_VALUE_STRING, &r->tokens);
    if (status == TERN_STATUS_NOT_FOUND) {
        return tern__fail(v->context, status, "%s: key '" KEY("tokens") "' is missing", v->file);
    }
    TERN_TRY(status);
    if (r->tokens.count == 0 || r->tokens.count > TERN__MAX_TOKENS) {
        return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: " KEY("tokens") " has %" PRIu64 " tokens, expected 1 to %d", v->file,
                          r->tokens.count, TERN__MAX_TOKENS);
    }
    TERN_TRY(read_column(r, KEY("scores"), TERN_VALUE_F32, &r->scores));
    return read_column(r, KEY("token_type"), TERN_VALUE_I32, &r->types);
}

// |text| in |out|, with room for |size|, as bytes if its characters stand for bytes.
static size_t copy_bytes(const char *text, size_t size, char *out) {
    size_t bytes = 0;
    if (!tern__byte_letters(text, size, out, &bytes)) {
        memcpy(out, text, size);
        bytes = size;
    }
    return bytes;
}

static tern_status reserve(reader *r, size_t size) {
    return tern__grow(r->v->context, (void **)&r->bytes, &r->capacity, size, 1)
               ? TERN_STATUS_OK
               : tern__fail_memory(r->v->context, size, "a vocabulary");
}

static tern_status read_token(reader *r, uint32_t id) {
    size_t size;
    const char *text = tern__array_string(&r->tokens, id, &size);
    int32_t type = tern__token_byte(text, size) >= 0 && !r->defaults->byte_level
                       ? TERN__TOKEN_BYTE
                       : TERN__TOKEN_NORMAL;
    type = r->types.count ? tern__array_i32(&r->types, id) : type;
    float score = r->scores.count ? tern__array_f32(&r->scores, id) : 0.0f;
    // Added tokens are written as they are.
    if (r->defaults->byte_level && (type == TERN__TOKEN_NORMAL || type == TERN__TOKEN_UNDEFINED)) {
        TERN_TRY(reserve(r, size));
        size = copy_bytes(text, size, r->bytes);
        text = r->bytes;
    }
    return tern__vocabulary_set(r->v, id, text, size, score, type);
}

static tern_status read_tokens(reader *r) {
    for (uint32_t id = 0; id < r->tokens.count; id++) {
        TERN_TRY(read_token(r, id));
    }
    return TERN_STATUS_OK;
}

// |fallback| applies where the key is absent and the vocabulary long enough. All ones means none.
static tern_status read_id(const reader *r, const char *key, uint32_t fallback, int32_t *out) {
    uint32_t id;
    TERN_TRY(tern__archive_u32(r->archive, key, NONE, &id));
    tern_value value = {.struct_size = sizeof value};
    if (tern_archive_find(r->archive, key, &value) == TERN_STATUS_NOT_FOUND &&
        fallback < r->tokens.count) {
        id = fallback;
    }
    *out = -1;
    if (id == NONE) {
        return TERN_STATUS_OK;
    }
    if (id >= r->tokens.count) {
        return contradiction(r, key, id);
    }
    *out = (int32_t)id;
    return TERN_STATUS_OK;
}

static tern_status read_affix(const reader *r, const char *key, bool fallback, int32_t id,
                              tern__affix *out) {
    bool wanted;
    TERN_TRY(tern__archive_bool(r->archive, key, fallback, &wanted));
    if (wanted && id >= 0) {
        out->ids[out->count++] = id;
    }
    return TERN_STATUS_OK;
}

static tern_status read_ids(reader *r) {
    tern__vocabulary *v = r->v;
    const defaults *d = r->defaults;
    TERN_TRY(read_id(r, KEY("bos_token_id"), d->bos, &v->bos));
    TERN_TRY(read_id(r, KEY("eos_token_id"), d->eos, &v->eos));
    TERN_TRY(read_id(r, KEY("unknown_token_id"), d->unknown, &v->unknown));
    TERN_TRY(read_id(r, KEY("eot_token_id"), NONE, &v->end_of_turn));
    TERN_TRY(read_id(r, KEY("eom_token_id"), NONE, &v->end_of_message));
    TERN_TRY(read_id(r, KEY("padding_token_id"), NONE, &v->padding));
    TERN_TRY(read_affix(r, KEY("add_bos_token"), r->add_bos, v->bos, &v->before));
    return read_affix(r, KEY("add_eos_token"), d->add_eos, v->eos, &v->after);
}

// A vocabulary that does not say what its tokens are: these at least are no text.
static void mark_types(reader *r) {
    tern__vocabulary *v = r->v;
    if (r->types.count > 0) {
        return;
    }
    const int32_t control[] = {v->bos, v->eos, v->end_of_turn, v->end_of_message, v->padding};
    for (size_t i = 0; i < sizeof control / sizeof control[0]; i++) {
        if (control[i] >= 0) {
            v->tokens[control[i]].type = TERN__TOKEN_CONTROL;
        }
    }
    if (v->unknown >= 0) {
        v->tokens[v->unknown].type = TERN__TOKEN_UNKNOWN;
    }
}

// U+2581 for spaces, and one before the text unless the file says no.
static tern_status prepare_marked(reader *r) {
    bool prefix;
    TERN_TRY(tern__archive_bool(r->archive, KEY("add_space_prefix"), true, &prefix));
    r->v->prefix = prefix ? TERN__PREFIX_EACH : TERN__PREFIX_NEVER;
    r->v->mark_spaces = true;
    r->v->decoder = TERN__DECODE_MARKED;
    return TERN_STATUS_OK;
}

static tern_status prepare_llama(reader *r) {
    r->v->join_by_score = true;
    return prepare_marked(r);
}

// Unigram: what SentencePiece's normaliser does, then the same marks.
static tern_status prepare_unigram(reader *r) {
    tern__vocabulary *v = r->v;
    tern__array map;
    bool squeeze;
    v->single_scores = true;
    tern_status status =
        tern__archive_array(r->archive, KEY("precompiled_charsmap"), TERN_VALUE_U8, &map);
    if (status == TERN_STATUS_OK && map.count > 0) {
        TERN_TRY(tern__charsmap_check(v, (const char *)map.data, (size_t)map.count));
        TERN_TRY(tern__vocabulary_normal(v, TERN__NORMAL_CHARSMAP, NULL, (const char *)map.data,
                                         (size_t)map.count));
    } else if (status != TERN_STATUS_OK && status != TERN_STATUS_NOT_FOUND) {
        return status;
    }
    TERN_TRY(tern__archive_bool(r->archive, KEY("remove_extra_whitespaces"), false, &squeeze));
    if (squeeze) {
        TERN_TRY(tern__vocabulary_normal(v, TERN__NORMAL_SQUEEZE_SPACES, NULL, NULL, 0));
    }
    return prepare_marked(r);
}

// WordPiece as BERT has it. Such files write U+2581 before a word and nothing within it.
static tern_status prepare_bert(reader *r) {
    tern__vocabulary *v = r->v;
    const tern__bert_normals all = {true, true, true, true};
    v->word_limit = BERT_WORD_LIMIT;
    v->decoder = TERN__DECODE_WORDPIECE;
    TERN_TRY(tern__vocabulary_keep(v, "##", 2, &v->continuing));
    v->joint = v->continuing;
    TERN_TRY(tern__vocabulary_bert_normals(v, all));
    return tern__vocabulary_bert_words(v);
}

// Back to what BERT's own vocabulary has: nothing before a word, "##" within it.
static tern_status respell(reader *r, uint32_t id) {
    tern__vocabulary *v = r->v;
    const tern__token *token = &v->tokens[id];
    size_t size = token->size;
    const char *text = v->text + token->start;
    if (token->type != TERN__TOKEN_NORMAL || size == 0) {
        return TERN_STATUS_OK;
    }
    bool begins = size > 3 && memcmp(text, "\xe2\x96\x81", 3) == 0;
    TERN_TRY(reserve(r, size + 2));
    memcpy(r->bytes, "##", 2);
    memcpy(r->bytes + 2, text, size);
    return begins ? tern__vocabulary_set(v, id, r->bytes + 5, size - 3, 0.0, TERN__TOKEN_NORMAL)
                  : tern__vocabulary_set(v, id, r->bytes, size + 2, 0.0, TERN__TOKEN_NORMAL);
}

// [CLS] before and [SEP] after a text, under the names that such files have for them.
static tern_status complete_bert(reader *r) {
    tern__vocabulary *v = r->v;
    int32_t separator;
    bool wanted;
    for (uint32_t id = 0; id < v->token_count; id++) {
        TERN_TRY(respell(r, id));
    }
    TERN_TRY(read_id(r, KEY("cls_token_id"), v->bos >= 0 ? (uint32_t)v->bos : NONE, &v->bos));
    TERN_TRY(read_id(r, KEY("seperator_token_id"), BERT_SEPARATOR, &separator));
    TERN_TRY(tern__archive_bool(r->archive, KEY("add_sep_token"), true, &wanted));
    v->before.count = 0;
    v->after.count = 0;
    TERN_TRY(read_affix(r, KEY("add_bos_token"), true, v->bos, &v->before));
    if (wanted && separator >= 0) {
        v->after.ids[v->after.count++] = separator;
    }
    return TERN_STATUS_OK;
}

// The published file of BitNet b1.58 2B-4T does not name its pre-tokenizer, which is Llama 3's in
// training. Other files without a name are from before there were any, made for what "default"
// does.
static tern_status find_pretokenizer(const reader *r, const char **out_name) {
    const char *architecture;
    TERN_TRY(tern__archive_string(r->archive, "general.architecture", "", &architecture));
    TERN_TRY(tern__archive_string(r->archive, KEY("pre"), NULL, out_name));
    if (*out_name) {
        return TERN_STATUS_OK;
    }
    bool is_bitnet = strncmp(architecture, "bitnet", 6) == 0 && r->tokens.count == LLAMA3_TOKENS;
    *out_name = is_bitnet ? "llama-bpe" : "default";
    if (!is_bitnet && !r->v->pretokenizer) {
        tern__log(r->v->context, TERN_LOG_WARNING,
                  "%s: key '" KEY("pre") "' is missing: pre-tokenizer 'default' is assumed, and "
                                         "ids may not be those the model was trained with",
                  r->v->file);
    }
    return TERN_STATUS_OK;
}

static tern_status prepare_gpt2(reader *r) {
    const char *name;
    r->v->byte_level = true;
    TERN_TRY(find_pretokenizer(r, &name));
    return tern__vocabulary_pretokenizer(r->v, name, &r->add_bos);
}

// "left right", where neither has a space but that the left may be one.
static tern_status read_merge(reader *r, const char *text, size_t size, uint64_t index) {
    const char *space = size > 2 ? memchr(text + 1, ' ', size - 1) : NULL;
    if (!space || space + 1 == text + size) {
        return tern__fail(r->v->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: merge %" PRIu64 " is '%.40s', expected two tokens and a space",
                          r->v->file, index, text);
    }
    TERN_TRY(reserve(r, size));
    size_t left = (size_t)(space - text);
    size_t right = size - left - 1;
    if (!r->defaults->byte_level) {
        return tern__vocabulary_merge(r->v, text, left, space + 1, right);
    }
    left = copy_bytes(text, left, r->bytes);
    right = copy_bytes(space + 1, right, r->bytes + left);
    return tern__vocabulary_merge(r->v, r->bytes, left, r->bytes + left, right);
}

static tern_status complete_gpt2(reader *r) {
    tern__array merges;
    tern_status status = tern__archive_array(r->archive, KEY("merges"), TERN_VALUE_STRING, &merges);
    if (status == TERN_STATUS_NOT_FOUND) {
        return tern__fail(r->v->context, status, "%s: key '" KEY("merges") "' is missing",
                          r->v->file);
    }
    TERN_TRY(status);
    TERN_TRY(tern__vocabulary_index(r->v));
    for (uint64_t i = 0; i < merges.count; i++) {
        size_t size;
        const char *text = tern__array_string(&merges, i, &size);
        TERN_TRY(read_merge(r, text, size, i));
    }
    return TERN_STATUS_OK;
}

// Gemma 4: merges of characters, as SentencePiece's vocabularies are spelled; only line feeds are
// words of their own. Its files do not always say that a text begins with a token; it does.
static tern_status prepare_gemma4(reader *r) {
    tern__vocabulary *v = r->v;
    v->kind = "llama";
    v->mark_spaces = true;
    v->drop_unknown = true;
    v->whole_lines = true;
    v->decoder = TERN__DECODE_MARKED;
    return tern__vocabulary_split(v, "[^\\n]+|\\n+", TERN__SPLIT_ISOLATED, false);
}

static tern_status complete_gemma4(reader *r) {
    r->v->before = (tern__affix){{r->v->bos}, r->v->bos >= 0};
    return complete_gpt2(r);
}

static const defaults kinds[] = {
    {"gemma4", NONE, NONE, NONE, true, false, false, prepare_gemma4, complete_gemma4},
    {"llama", 0, 1, 2, true, false, false, prepare_llama, NULL},
    {"t5", 2, NONE, 1, false, true, false, prepare_unigram, NULL},
    {"bert", 100, 101, NONE, true, false, false, prepare_bert, complete_bert},
    {"gpt2", NONE, NONE, NONE, false, false, true, prepare_gpt2, complete_gpt2},
};

static tern_status find_kind(reader *r) {
    const char *name;
    TERN_TRY(tern__archive_need_string(r->archive, KEY("model"), &name));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].kind, name) == 0) {
            r->defaults = &kinds[i];
            r->v->kind = kinds[i].kind;
            return TERN_STATUS_OK;
        }
    }
    return tern__fail(r->v->context, TERN_STATUS_UNSUPPORTED,
                      "%s: tokenizer '%.64s' is not supported", r->v->file, name);
}

static tern_status read_all(reader *r) {
    TERN_TRY(find_kind(r));
    TERN_TRY(read_columns(r));
    r->add_bos = r->defaults->add_bos;
    TERN_TRY(r->defaults->prepare(r));
    TERN_TRY(read_tokens(r));
    TERN_TRY(read_ids(r));
    mark_types(r);
    return r->defaults->complete ? r->defaults->complete(r) : TERN_STATUS_OK;
}

tern_status tern__vocabulary_read_gguf(tern__vocabulary *v, const tern_archive *archive) {
    reader r = {.v = v, .archive = archive};
    tern_status status = read_all(&r);
    tern__free(v->context, r.bytes);
    return status;
}
