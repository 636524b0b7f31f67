// Writes safetensors files in memory, right or wrong as a test wants them.
#ifndef TERN_TESTS_HARNESS_SAFETENSORS_WRITER_H_
#define TERN_TESTS_HARNESS_SAFETENSORS_WRITER_H_

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct safetensors_writer {
    char header[8192];
    uint8_t data[8192];
    size_t data_size;
    uint8_t file[8 + 8192 + 8192];
    size_t size;
} safetensors_writer;

// |size| bytes of data, the next ones; |shape| is "[2,3]".
static inline void safetensors_add(safetensors_writer *w, const char *name, const char *dtype,
                                   const char *shape, const void *data, size_t size) {
    size_t used = strlen(w->header);
    snprintf(w->header + used, sizeof w->header - used,
             "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
             used ? "," : "{", name, dtype, shape, w->data_size, w->data_size + size);
    if (data) {
        memcpy(w->data + w->data_size, data, size);
    } else {
        memset(w->data + w->data_size, 0, size);
    }
    w->data_size += size;
}

static inline void safetensors_join(safetensors_writer *w, const char *header) {
    uint64_t length = strlen(header);
    for (int i = 0; i < 8; i++) {
        w->file[i] = (uint8_t)(length >> (8 * i));
    }
    memcpy(w->file + 8, header, length);
    memcpy(w->file + 8 + length, w->data, w->data_size);
    w->size = 8 + length + w->data_size;
}

static inline void safetensors_end(safetensors_writer *w) {
    strcat(w->header, w->header[0] ? "}" : "{}");
    safetensors_join(w, w->header);
}

#endif
