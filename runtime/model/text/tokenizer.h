// A finished vocabulary and what encoding with it needs.
#ifndef TERN_RUNTIME_MODEL_TOKENIZER_H_
#define TERN_RUNTIME_MODEL_TOKENIZER_H_

#include "runtime/model/text/vocabulary.h"

// Where ids go: at most |capacity| are written, all are counted.
typedef struct tern__ids {
    int32_t *ids;
    size_t capacity;
    size_t count;
} tern__ids;

static inline void tern__ids_add(tern__ids *out, int32_t id) {
    if (out->count < out->capacity) {
        out->ids[out->count] = id;
    }
    out->count++;
}

// Added tokens that spelling them out does not make, were they user-defined: these, and all that
// end a text.
typedef struct tern__barred {
    const int32_t *ids;
    uint32_t count;
} tern__barred;

typedef struct tern__splitter tern__splitter;

// Memory of one call to encode.
typedef struct tern__encoder {
    const tern_tokenizer *tokenizer;
    tern_context *context;
    tern__ids *out;
    bool after_unknown;         // of the same word
    bool special;               // control tokens spelled out in the text become their ids
    const tern__barred *barred; // NULL: none is
    void *room;                 // of the kind's encode
    size_t room_size;
    char *text; // of a stretch, normalised
    size_t text_size, text_capacity;
} tern__encoder;

// What turns words into ids, by name; the table is in tokenizer.c. Optional: finish, destroy.
typedef struct tern__tokenizer_kind {
    const char *name;
    // Checks what only this kind needs and makes |tokenizer->model|. |tokenizer->v.file| is there.
    tern_status (*finish)(tern_tokenizer *tokenizer);
    // Adds the ids of a word of |size| > 0 bytes.
    tern_status (*encode)(tern__encoder *encoder, const char *word, uint32_t size);
    // Frees |tokenizer->model|.
    void (*destroy)(tern_tokenizer *tokenizer);
} tern__tokenizer_kind;

struct tern_tokenizer {
    tern__vocabulary v;
    const tern__tokenizer_kind *kind;
    void *model;                      // the kind's own
    struct tern__added *added;        // found in the text as it is; NULL: none
    struct tern__added *added_normal; // found in the normalised text; NULL: none
    struct tern__added *kept;         // left alone by a map of characters; NULL: none
    tern__splitter *splitter;
    int32_t bytes[256]; // token of each byte, or -1
};

// Bytes of token |id|, not NUL-terminated.
static inline const char *tern__token_text(const tern_tokenizer *tokenizer, uint32_t id,
                                           uint32_t *out_size) {
    const tern__token *token = &tokenizer->v.tokens[id];
    *out_size = token->size;
    return tokenizer->v.text + token->start;
}

// What token |id| adds to a text, which it begins if |first|: at most |capacity| bytes are written,
// all are counted.
size_t tern__token_bytes(const tern_tokenizer *tokenizer, int32_t id, bool first, char *out_bytes,
                         size_t capacity);

// At least |count| * |each| bytes, which the next call may move; NULL when out of memory.
void *tern__encoder_room(tern__encoder *encoder, size_t count, size_t each);

// Encodes |size| bytes: added tokens, stretches, words. INVALID_ARGUMENT for 1 GiB and more.
tern_status tern__encode(const tern_tokenizer *tokenizer, const char *text, size_t size,
                         bool special, tern__ids *out);
// Without control tokens, and without those that are barred.
tern_status tern__encode_words(const tern_tokenizer *tokenizer, const char *text, size_t size,
                               const tern__barred *barred, tern__ids *out);

// Kinds.
tern_status tern__bpe_finish(tern_tokenizer *tokenizer);
tern_status tern__bpe_encode(tern__encoder *encoder, const char *word, uint32_t size);
void tern__bpe_destroy(tern_tokenizer *tokenizer);

tern_status tern__unigram_finish(tern_tokenizer *tokenizer);
tern_status tern__unigram_encode(tern__encoder *encoder, const char *word, uint32_t size);
void tern__unigram_destroy(tern_tokenizer *tokenizer);
tern_status tern__words_encode(tern__encoder *encoder, const char *word, uint32_t size);
tern_status tern__wordpiece_finish(tern_tokenizer *tokenizer);
tern_status tern__wordpiece_encode(tern__encoder *encoder, const char *word, uint32_t size);
void tern__wordpiece_destroy(tern_tokenizer *tokenizer);

#endif
