// Writes GGUF files in memory, right or wrong as a test wants them.
#ifndef TERN_TESTS_HARNESS_GGUF_WRITER_H_
#define TERN_TESTS_HARNESS_GGUF_WRITER_H_

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tern/archive.h>

typedef struct gguf_writer {
    uint8_t *data;
    size_t size;
    size_t capacity;
} gguf_writer;

static inline void gguf_put(gguf_writer *w, const void *data, size_t size) {
    if (w->size + size > w->capacity) {
        w->capacity = 2 * (w->size + size);
        w->data = realloc(w->data, w->capacity);
    }
    if (size > 0) {
        memcpy(w->data + w->size, data, size);
    }
    w->size += size;
}

// |bytes| little-endian bytes of |value|.
static inline void gguf_int(gguf_writer *w, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * i));
        gguf_put(w, &byte, 1);
    }
}

static inline void gguf_float(gguf_writer *w, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    gguf_int(w, bits, 4);
}

static inline void gguf_text(gguf_writer *w, const char *text, size_t size) {
    gguf_int(w, size, 8);
    gguf_put(w, text, size);
}

static inline void gguf_start(gguf_writer *w, uint32_t version, uint64_t tensors, uint64_t keys) {
    w->size = 0;
    gguf_put(w, "GGUF", 4);
    gguf_int(w, version, 4);
    gguf_int(w, tensors, 8);
    gguf_int(w, keys, 8);
}

static inline void gguf_key(gguf_writer *w, const char *key, tern_value_type type) {
    gguf_text(w, key, strlen(key));
    gguf_int(w, type, 4);
}

static inline void gguf_key_u32(gguf_writer *w, const char *key, uint32_t value) {
    gguf_key(w, key, TERN_VALUE_U32);
    gguf_int(w, value, 4);
}

static inline void gguf_key_string(gguf_writer *w, const char *key, const char *value) {
    gguf_key(w, key, TERN_VALUE_STRING);
    gguf_text(w, value, strlen(value));
}

static inline void gguf_key_array(gguf_writer *w, const char *key, tern_value_type element,
                                  uint64_t count) {
    gguf_key(w, key, TERN_VALUE_ARRAY);
    gguf_int(w, element, 4);
    gguf_int(w, count, 8);
}

// A matrix of |rows| rows of |cols|.
static inline void gguf_tensor(gguf_writer *w, const char *name, uint64_t cols, uint64_t rows,
                               uint32_t type, uint64_t offset) {
    gguf_text(w, name, strlen(name));
    gguf_int(w, 2, 4);
    gguf_int(w, cols, 8);
    gguf_int(w, rows, 8);
    gguf_int(w, type, 4);
    gguf_int(w, offset, 8);
}

static inline void gguf_pad(gguf_writer *w, size_t alignment) {
    while (w->size % alignment != 0) {
        gguf_int(w, 0, 1);
    }
}

static inline void gguf_zeros(gguf_writer *w, size_t count) {
    while (count-- > 0) {
        gguf_int(w, 0, 1);
    }
}

static inline tern_source gguf_source(const gguf_writer *w) {
    return tern_source_from_memory("test.gguf", w->data, w->size);
}

static inline void gguf_free(gguf_writer *w) {
    free(w->data);
    memset(w, 0, sizeof *w);
}

#endif
