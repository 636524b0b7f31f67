// Any bytes as a tokenizer's file of any form; what can be opened encodes a part of them and
// decodes the ids.
#include <stdlib.h>
#include <string.h>

#include <tern/tokenizer.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT = 200, IDS = 64 * TEXT };

static void check_decodes(const tern_tokenizer *tokenizer, const int32_t *ids, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char bytes[64];
        size_t written;
        tern_token_info info = {.struct_size = sizeof info};
        tern_status status =
            tern_tokenizer_decode(tokenizer, ids[i], i == 0, bytes, sizeof bytes, &written);
        if (status != TERN_STATUS_OK && status != TERN_STATUS_OUT_OF_RANGE) {
            abort();
        }
        if (tern_tokenizer_token(tokenizer, ids[i], &info) != TERN_STATUS_OK ||
            strlen(info.text) > info.size) {
            abort();
        }
    }
}

static void encode(const tern_tokenizer *tokenizer, const uint8_t *data, size_t size) {
    static int32_t ids[IDS], fewer[IDS];
    size_t length = size < TEXT ? size : TEXT;
    const char *text = (const char *)data + size - length;
    const uint32_t flags = TERN_TOKENIZE_BOS | TERN_TOKENIZE_EOS | TERN_TOKENIZE_SPECIAL;
    for (uint32_t f = 0; f <= flags; f++) {
        size_t count, again;
        tern_status status = tern_tokenizer_encode(tokenizer, text, length, f, ids, IDS, &count);
        if (status != TERN_STATUS_OK) {
            continue;
        }
        check_decodes(tokenizer, ids, count);
        status = tern_tokenizer_encode(tokenizer, text, length, f, fewer, count / 2, &again);
        if (again != count || (count > 1 && status != TERN_STATUS_OUT_OF_RANGE) ||
            memcmp(ids, fewer, count / 2 * sizeof *ids) != 0) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static tern_context *context;
    if (!context && tern_context_create(NULL, &context) != TERN_STATUS_OK) {
        abort();
    }
    tern_source source = tern_source_from_memory("input", data, size);
    tern_tokenizer *tokenizer;
    if (tern_tokenizer_open(context, &source, NULL, &tokenizer) == TERN_STATUS_OK) {
        encode(tokenizer, data, size);
    }
    tern_tokenizer_destroy(tokenizer);
    return 0;
}
