// Bytes of a GGUF header, put one after the other.
#ifndef TERN_RUNTIME_MODEL_GGUF_WRITE_H_
#define TERN_RUNTIME_MODEL_GGUF_WRITE_H_

#include <stdbool.h>

#include <tern/context.h>

// Memory that grows; after a failure |full| is set and nothing is added. tern__free |data|.
typedef struct tern__writer {
    tern_context *context;
    void *data;
    size_t size;
    size_t capacity;
    bool full;
} tern__writer;

void tern__put(tern__writer *w, const void *data, size_t size);
// |size| bytes, the lowest first.
void tern__put_int(tern__writer *w, uint64_t value, size_t size);
// A length of 8 bytes, and the text.
void tern__put_text(tern__writer *w, const char *text, size_t size);

#endif
