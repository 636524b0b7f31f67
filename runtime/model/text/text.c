#include "runtime/model/text/text.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/utf8.h"

void tern__text_finish(tern__text *text) {
    tern__free(text->context, text->bytes);
    text->bytes = NULL;
    text->size = 0;
    text->capacity = 0;
}

char *tern__text_reserve(tern__text *text, size_t size) {
    size = size ? size : 1; // so that there is a place, even in a text that is empty
    if (text->failed || size > SIZE_MAX - text->size ||
        !tern__grow(text->context, (void **)&text->bytes, &text->capacity, text->size + size, 1)) {
        text->failed = true;
        return NULL;
    }
    return text->bytes + text->size;
}

void tern__text_add(tern__text *text, const char *bytes, size_t size) {
    char *to = size > 0 ? tern__text_reserve(text, size) : NULL;
    if (to) {
        memcpy(to, bytes, size);
        text->size += size;
    }
}

void tern__text_add_character(tern__text *text, int32_t character) {
    char *to = tern__text_reserve(text, TERN__UTF8_MOST);
    if (to) {
        text->size += tern__utf8_encode((uint32_t)character, to);
    }
}

uint32_t tern__character_size(const char *text, size_t left) {
    size_t size = tern__utf8_size(text, left, NULL);
    return size ? (uint32_t)size : 1;
}

int32_t tern__character_at(const char *text, size_t left, uint32_t *out_size) {
    size_t size = tern__utf8_size(text, left, NULL);
    *out_size = size ? (uint32_t)size : 1;
    return size ? tern__utf8_decode(text, size) : -1;
}
