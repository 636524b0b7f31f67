#include "runtime/model/tokenizer.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/status.h"

enum { MAX_TEXT = 1 << 30 };

static tern_status check_arguments(tern_context *context, const void *a, const void *b,
                                   const char *names) {
    if (!a || !b) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "tokenizer: %s must not be NULL",
                          names);
    }
    return TERN_STATUS_OK;
}

const char *tern__token_text(const tern_tokenizer *tokenizer, uint32_t id, uint32_t *out_size) {
    *out_size = tokenizer->starts[id + 1] - tokenizer->starts[id];
    return tokenizer->text + tokenizer->starts[id];
}

tern_status tern_tokenizer_describe(const tern_tokenizer *tokenizer,
                                    tern_tokenizer_info *out_info) {
    TERN_TRY(check_arguments(NULL, tokenizer, out_info, "tokenizer and out_info"));
    TERN_TRY(tern__check_size(tokenizer->context, "tern_tokenizer_info", out_info->struct_size,
                              sizeof *out_info));
    *out_info = (tern_tokenizer_info){.struct_size = sizeof *out_info,
                                      .size = tokenizer->size,
                                      .bos = tokenizer->bos,
                                      .eos = tokenizer->eos,
                                      .unknown = tokenizer->unknown,
                                      .add_bos = tokenizer->add_bos && tokenizer->bos >= 0};
    memcpy(out_info->kind, tokenizer->kind, sizeof out_info->kind);
    return TERN_STATUS_OK;
}

int32_t tern_tokenizer_is_end(const tern_tokenizer *tokenizer, int32_t id) {
    return tokenizer && id >= 0 &&
           (id == tokenizer->eos || id == tokenizer->end_of_turn ||
            id == tokenizer->end_of_message);
}

// Not logged: asking with too little room is how a caller learns how much it needs.
static tern_status too_small(const char *what, size_t needed, size_t capacity) {
    return tern__fail(NULL, TERN_STATUS_OUT_OF_RANGE,
                      "tokenizer: %zu %s are needed, but there is room for %zu", needed, what,
                      capacity);
}

tern_status tern_tokenizer_encode(const tern_tokenizer *tokenizer, const char *text, size_t size,
                                  uint32_t flags, int32_t *out_ids, size_t capacity,
                                  size_t *out_count) {
    TERN_TRY(check_arguments(NULL, tokenizer, out_count, "tokenizer and out_count"));
    *out_count = 0;
    TERN_TRY(check_arguments(tokenizer->context, size ? text : "",
                             capacity ? (void *)out_ids : out_count, "text and out_ids"));
    if (size >= MAX_TEXT) {
        return tern__fail(tokenizer->context, TERN_STATUS_INVALID_ARGUMENT,
                          "tokenizer: a text of %zu bytes, expected less than %d", size, MAX_TEXT);
    }
    if (flags & ~(uint32_t)(TERN_TOKENIZE_BOS | TERN_TOKENIZE_SPECIAL)) {
        return tern__fail(tokenizer->context, TERN_STATUS_INVALID_ARGUMENT,
                          "tokenizer: flags 0x%" PRIx32 ", expected TERN_TOKENIZE_*", flags);
    }
    tern__ids out = {out_ids, capacity, 0};
    if ((flags & TERN_TOKENIZE_BOS) && tokenizer->add_bos && tokenizer->bos >= 0) {
        tern__ids_add(&out, tokenizer->bos);
    }
    TERN_TRY(tern__spm_encode(tokenizer, text, (uint32_t)size, (flags & TERN_TOKENIZE_SPECIAL) != 0,
                              &out));
    *out_count = out.count;
    return out.count > capacity ? too_small("ids", out.count, capacity) : TERN_STATUS_OK;
}

typedef struct byte_sink {
    char *bytes;
    size_t capacity;
    size_t size;
    bool drop_space; // if it comes first
} byte_sink;

static void add_byte(byte_sink *out, char byte) {
    bool dropped = out->drop_space && byte == ' ';
    out->drop_space = false;
    if (dropped) {
        return;
    }
    if (out->size < out->capacity) {
        out->bytes[out->size] = byte;
    }
    out->size++;
}

// U+2581 stands for a space.
static void add_marked(byte_sink *out, const char *text, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        if (size - i >= 3 && memcmp(text + i, "\xe2\x96\x81", 3) == 0) {
            add_byte(out, ' ');
            i += 2;
        } else {
            add_byte(out, text[i]);
        }
    }
}

// Control, unknown and unused tokens add nothing.
static void add_token(const tern_tokenizer *tokenizer, int32_t id, byte_sink *out) {
    uint32_t size;
    const char *text = tern__token_text(tokenizer, (uint32_t)id, &size);
    switch (tokenizer->types[id]) {
    case TERN__TOKEN_NORMAL:
    case TERN__TOKEN_UNDEFINED:
        add_marked(out, text, size);
        break;
    case TERN__TOKEN_USER_DEFINED:
        out->drop_space = false; // no prefix was put before it
        for (uint32_t i = 0; i < size; i++) {
            add_byte(out, text[i]);
        }
        break;
    case TERN__TOKEN_BYTE:
        add_byte(out, (char)tern__token_byte(text, size));
        break;
    default:
        break;
    }
}

size_t tern__token_bytes(const tern_tokenizer *tokenizer, int32_t id, bool first, char *out_bytes,
                         size_t capacity) {
    byte_sink out = {out_bytes, capacity, 0, first && tokenizer->add_space_prefix};
    add_token(tokenizer, id, &out);
    return out.size;
}

tern_status tern_tokenizer_decode(const tern_tokenizer *tokenizer, int32_t id, int32_t first,
                                  char *out_bytes, size_t capacity, size_t *out_size) {
    TERN_TRY(check_arguments(NULL, tokenizer, out_size, "tokenizer and out_size"));
    *out_size = 0;
    TERN_TRY(check_arguments(tokenizer->context, tokenizer, capacity ? (void *)out_bytes : out_size,
                             "out_bytes"));
    if (id < 0 || (uint32_t)id >= tokenizer->size) {
        return tern__fail(tokenizer->context, TERN_STATUS_OUT_OF_RANGE,
                          "tokenizer: id %" PRId32 " of %" PRIu32 " tokens", id, tokenizer->size);
    }
    *out_size = tern__token_bytes(tokenizer, id, first != 0, out_bytes, capacity);
    return *out_size > capacity ? too_small("bytes", *out_size, capacity) : TERN_STATUS_OK;
}
