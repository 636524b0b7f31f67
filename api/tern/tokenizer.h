// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_TOKENIZER_H_
#define TERN_TOKENIZER_H_

#include <tern/archive.h>

/**
 * Text to token ids and back. Kinds, by the names of GGUF: "llama" (BPE of characters, as
 * SentencePiece has it, arXiv 1808.06226, with byte fallback), "gpt2" (BPE of bytes), "t5"
 * (unigram, arXiv 1804.10959), "bert" (WordPiece) and "word" (each word is a token).
 *
 * Ownership: destroy what tern_tokenizer_create gave; a model's own tokenizer is borrowed.
 * Threads:   immutable once made: any thread.
 */
typedef struct tern_tokenizer tern_tokenizer;

enum {
    TERN_TOKENIZE_BOS =
        1u << 0, /**< the beginning-of-text id goes first, where the vocabulary asks for one */
    TERN_TOKENIZE_SPECIAL = 1u << 1, /**< control tokens spelled out in the text become their ids */
    TERN_TOKENIZE_EOS = 1u << 2 /**< the ids that end a text, where the vocabulary asks for any */
};

/** Ids with a meaning; -1 where the vocabulary has none. Plain data. */
typedef struct tern_tokenizer_info {
    uint32_t struct_size; /**< set by the caller */
    uint32_t size;        /**< number of tokens */
    int32_t bos;
    int32_t eos;
    int32_t unknown;
    int32_t add_bos; /**< 1 if TERN_TOKENIZE_BOS adds one */
    char kind[32];
} tern_tokenizer_info;

/** What a token is; the numbers of GGUF. */
enum {
    TERN_TOKEN_UNDEFINED = 0,
    TERN_TOKEN_NORMAL = 1,
    TERN_TOKEN_UNKNOWN = 2,
    TERN_TOKEN_CONTROL = 3,      /**< a text becomes it with TERN_TOKENIZE_SPECIAL only, but for the
                                    one that a byte-level vocabulary has for a byte */
    TERN_TOKEN_USER_DEFINED = 4, /**< found in a text before anything else is */
    TERN_TOKEN_UNUSED = 5,
    TERN_TOKEN_BYTE = 6
};

/** One token as the vocabulary has it. Plain data. */
typedef struct tern_token_info {
    uint32_t struct_size; /**< set by the caller */
    uint32_t type;        /**< TERN_TOKEN_* */
    const char *text;     /**< lent by the tokenizer, NUL-terminated; of byte-level vocabularies the
                             bytes themselves, of SentencePiece's with U+2581 for spaces */
    uint64_t size;        /**< bytes before the NUL */
    double score;         /**< 0 where the vocabulary has none */
} tern_token_info;

/** How a vocabulary is read. Zero is a sensible value of every member. */
typedef struct tern_tokenizer_desc {
    uint32_t struct_size; /**< sizeof(tern_tokenizer_desc) */
    uint32_t reserved;
    /** How a text is cut before bytes are joined, by a name that tokenizer.ggml.pre may have
     * ("llama-bpe", "qwen2", "default", ...), whatever the file names. NULL: as the file says.
     * Where a GGUF file does not, "default", and a warning; but "llama-bpe" for BitNet with Llama
     * 3's vocabulary: its published model was trained with that, and its file does not say so, so
     * that other runtimes give the ids of "default". Forms that are not GGUF's "gpt2", tiktoken's
     * text or vocab.json spell out their steps: a name is UNSUPPORTED. */
    const char *pretokenizer;
} tern_tokenizer_desc;

#define TERN_TOKENIZER_DESC_INIT                                                                   \
    { sizeof(tern_tokenizer_desc), 0, NULL }

TERN_BEGIN_DECLS

/**
 * From the tokenizer.* metadata of |archive|, or, where it has none, from the files of its folder:
 * tokenizer.json, else tokenizer.model, else vocab.json and merges.txt as the tokenizer_class reads
 * them (GPT2Tokenizer, CodeGenTokenizer, Qwen2Tokenizer; others are UNSUPPORTED), with what
 * added_tokens.json, special_tokens_map.json, tokenizer_config.json, generation_config.json and
 * config.json say of ids with a meaning.
 * |archive| is not needed afterwards. UNSUPPORTED names a kind, or a step of a tokenizer.json, that
 * is not implemented, CORRUPT_DATA a vocabulary that contradicts itself, NOT_FOUND what is missing.
 * |desc| may be NULL: all defaults.
 */
TERN_API tern_status tern_tokenizer_create(tern_context *context, const tern_archive *archive,
                                           const tern_tokenizer_desc *desc,
                                           tern_tokenizer **out_tokenizer);

/** From a file of its own, told apart by its content: a GGUF file, a tokenizer.json, or a
 * tokenizer.model of SentencePiece or of Llama 3 (tiktoken's text). |source| is not needed
 * afterwards. UNSUPPORTED if it is none of these, else as tern_tokenizer_create; IO and whatever
 * else the source returns. */
TERN_API tern_status tern_tokenizer_open(tern_context *context, const tern_source *source,
                                         const tern_tokenizer_desc *desc,
                                         tern_tokenizer **out_tokenizer);

/** From the path of a model (a file, the first of a split, or a folder) or of a tokenizer's own
 * file. As tern_tokenizer_open and tern_archive_open_path. */
TERN_API tern_status tern_tokenizer_open_path(tern_context *context, const char *path,
                                              const tern_tokenizer_desc *desc,
                                              tern_tokenizer **out_tokenizer);

/** Accepts NULL. */
TERN_API void tern_tokenizer_destroy(tern_tokenizer *tokenizer);

TERN_API tern_status tern_tokenizer_describe(const tern_tokenizer *tokenizer,
                                             tern_tokenizer_info *out_info);

/**
 * Encodes |size| bytes, UTF-8 or not: other bytes become byte tokens. A few byte-level vocabularies
 * lack some bytes: of a text these are left out, as the tools do that made the vocabularies; one
 * that no UTF-8 has becomes U+FFFD. Writes at most |capacity| ids to |out_ids| and the number
 * needed to |*out_count|: OUT_OF_RANGE if that is more. |size| + 2 ids are nearly always enough;
 * vocabularies that normalise texts or lack bytes may need several times that.
 *
 * Time is linear in the text but for words of unusual length, n log n in theirs. 1.3 MB of
 * wikitext-2 took 0.10 s with Llama 3's vocabulary and 0.15 s with Llama 2's; 1 MB of one letter,
 * of spaces, of digits or without any space at most 0.36 s (Xeon, one thread, 2026-11-21).
 *
 * INVALID_ARGUMENT for 1 GiB and more, for unknown flags, and for a byte that the vocabulary can
 * spell in no way; UNSUPPORTED if a pattern of the vocabulary takes too long; OUT_OF_MEMORY.
 */
TERN_API tern_status tern_tokenizer_encode(const tern_tokenizer *tokenizer, const char *text,
                                           size_t size, uint32_t flags, int32_t *out_ids,
                                           size_t capacity, size_t *out_count);

/**
 * The bytes that |id| adds to a text, at most |capacity| of them written and the number needed in
 * |*out_size|. One token may be a part of a UTF-8 character; control tokens add nothing. |first|
 * non-zero: at the start of a text, where the dummy prefix is dropped: no token before it adds
 * anything, were it not the first. OUT_OF_RANGE if |id| is none or more room is needed.
 */
TERN_API tern_status tern_tokenizer_decode(const tern_tokenizer *tokenizer, int32_t id,
                                           int32_t first, char *out_bytes, size_t capacity,
                                           size_t *out_size);

/** What token |id| is, whether or not it adds to a text. OUT_OF_RANGE if there is none. */
TERN_API tern_status tern_tokenizer_token(const tern_tokenizer *tokenizer, int32_t id,
                                          tern_token_info *out_info);

/** Non-zero if |id| ends a text. */
TERN_API int32_t tern_tokenizer_is_end(const tern_tokenizer *tokenizer, int32_t id);

TERN_END_DECLS

#endif
