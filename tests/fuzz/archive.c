// Any bytes as a model file: opened, listed, and its tokenizer used on a part of them.
#include <stdlib.h>

#include <tern/tokenizer.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void list(const tern_archive *archive) {
    tern_value value = {.struct_size = sizeof value};
    tern_value element = {.struct_size = sizeof element};
    for (uint64_t i = 0; tern_archive_value(archive, i, &value) == TERN_STATUS_OK; i++) {
        for (uint64_t j = 0; value.type == TERN_VALUE_ARRAY && j < value.count; j++) {
            if (tern_archive_element(archive, value.key, j, &element) != TERN_STATUS_OK) {
                abort();
            }
        }
    }
    tern_tensor_info info = {.struct_size = sizeof info};
    for (uint64_t i = 0; i < tern_archive_tensor_count(archive); i++) {
        if (tern_archive_tensor(archive, i, &info) != TERN_STATUS_OK) {
            abort();
        }
    }
}

static void tokenize(const tern_tokenizer *tokenizer, const uint8_t *data, size_t size) {
    size_t length = size < 256 ? size : 256;
    int32_t ids[2 * 256 + 2];
    size_t count, room = sizeof ids / sizeof ids[0];
    tern_status status =
        tern_tokenizer_encode(tokenizer, (const char *)data + size - length, length,
                              TERN_TOKENIZE_BOS | TERN_TOKENIZE_SPECIAL, ids, room, &count);
    if (status == TERN_STATUS_OUT_OF_RANGE && count <= room) {
        abort();
    }
    for (size_t i = 0; status == TERN_STATUS_OK && i < count; i++) {
        char bytes[64];
        size_t written;
        tern_tokenizer_decode(tokenizer, ids[i], i == 0, bytes, sizeof bytes, &written);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static tern_context *context;
    if (!context && tern_context_create(NULL, &context) != TERN_STATUS_OK) {
        abort();
    }
    tern_source source = tern_source_from_memory("input", data, size);
    tern_archive *archive;
    if (tern_archive_open(context, &source, &archive) != TERN_STATUS_OK) {
        return 0;
    }
    list(archive);
    tern_tokenizer *tokenizer;
    if (tern_tokenizer_create(context, archive, NULL, &tokenizer) == TERN_STATUS_OK) {
        tokenize(tokenizer, data, size);
    }
    tern_tokenizer_destroy(tokenizer);
    tern_archive_destroy(archive);
    return 0;
}
