#include "runtime/model/files/gguf_write.h"

#include <string.h>

#include "runtime/allocator.h"

void tern__put(tern__writer *w, const void *data, size_t size) {
    if (!w->full && !tern__grow(w->context, &w->data, &w->capacity, w->size + size, 1)) {
        w->full = true;
    }
    if (!w->full && size > 0) {
        memcpy((uint8_t *)w->data + w->size, data, size);
        w->size += size;
    }
}

void tern__put_int(tern__writer *w, uint64_t value, size_t size) {
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    tern__put(w, bytes, size);
}

void tern__put_text(tern__writer *w, const char *text, size_t size) {
    tern__put_int(w, size, 8);
    tern__put(w, text, size);
}
