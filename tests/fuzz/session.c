// Any bytes as a saved session: refused, or taken as a whole. Needs TERN_SOURCE_DIR for a model.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tern/tern.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static tern_session *open_session(void) {
    char path[1024];
    const char *folder = getenv("TERN_SOURCE_DIR");
    tern_context *context = NULL;
    tern_device *device = NULL;
    tern_source source;
    tern_model *model = NULL;
    tern_session *session = NULL;
    snprintf(path, sizeof path, "%s/tests/golden/tiny-b158-i2_s.gguf", folder ? folder : ".");
    if (tern_context_create(NULL, &context) || tern_device_open(context, NULL, &device) ||
        tern_source_open_file(context, path, &source) ||
        tern_model_load(device, &source, NULL, &model) ||
        tern_session_create(model, NULL, &session)) {
        fprintf(stderr, "%s\n", tern_last_error_message());
        abort();
    }
    tern_source_close(&source);
    return session;
}

// The checksum, without which nothing else would ever be looked at.
static void mend(uint8_t *data, size_t size) {
    uint64_t hash = 14695981039346656037ull;
    for (size_t i = 0; i + 8 < size; i++) {
        hash = (hash ^ data[i]) * 1099511628211ull;
    }
    for (size_t i = 0; size >= 8 && i < 8; i++) {
        data[size - 8 + i] = (uint8_t)(hash >> 8 * i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static tern_session *session; // for as long as the program runs
    session = session ? session : open_session();
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) {
        abort();
    }
    memcpy(copy, data, size);
    for (int mended = 0; mended < 2; mended++) {
        tern_source source = tern_source_from_memory("fuzz", copy, size);
        if (tern_session_restore(session, &source) == TERN_STATUS_OK &&
            tern_session_saved_bytes(session) != size) {
            abort();
        }
        mend(copy, size);
    }
    free(copy);
    return 0;
}
