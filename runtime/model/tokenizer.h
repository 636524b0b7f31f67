#ifndef TERN_RUNTIME_MODEL_TOKENIZER_H_
#define TERN_RUNTIME_MODEL_TOKENIZER_H_

#include <stdbool.h>

#include <tern/tokenizer.h>

// What a token is; the numbers of tokenizer.ggml.token_type.
enum {
    TERN__TOKEN_UNDEFINED = 0,
    TERN__TOKEN_NORMAL = 1,
    TERN__TOKEN_UNKNOWN = 2,
    TERN__TOKEN_CONTROL = 3,
    TERN__TOKEN_USER_DEFINED = 4,
    TERN__TOKEN_UNUSED = 5,
    TERN__TOKEN_BYTE = 6
};

struct tern_tokenizer {
    tern_context *context;
    char kind[32];
    uint32_t size;
    char *text;       // of all tokens, one after the other
    uint32_t *starts; // of each token in |text|, and the end of the last
    float *scores;
    uint8_t *types;
    uint32_t *slots; // open addressing: id + 1 of tokens that text may merge into, 0 when free
    uint32_t slot_mask;
    uint32_t *special; // control, unknown and user-defined ids, the longest text first
    uint32_t special_count;
    bool has_user_defined;
    int32_t bytes[256]; // token of each byte, or -1
    int32_t bos;
    int32_t eos;
    int32_t end_of_turn;
    int32_t end_of_message;
    int32_t unknown;
    bool add_bos;
    bool add_space_prefix;
};

// Bytes of token |id|, not NUL-terminated.
const char *tern__token_text(const tern_tokenizer *tokenizer, uint32_t id, uint32_t *out_size);

// What token |id| adds to a text, which it begins if |first|: at most |capacity| bytes are written,
// all are counted.
size_t tern__token_bytes(const tern_tokenizer *tokenizer, int32_t id, bool first, char *out_bytes,
                         size_t capacity);

// The token that is spelled so and that text may merge into, or -1. The last of several.
int32_t tern__token_find(const tern_tokenizer *tokenizer, const char *text, uint32_t size);

// The byte that "<0x0A>" and its like stand for, or -1.
int tern__token_byte(const char *text, uint32_t size);

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

// Encodes |size| < 2^30 bytes without the token that begins a text.
tern_status tern__spm_encode(const tern_tokenizer *tokenizer, const char *text, uint32_t size,
                             bool special, tern__ids *out);

#endif
