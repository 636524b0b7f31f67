#include "runtime/model/text/text.h"

#include <string.h>

#include "runtime/allocator.h"

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
    char *to = tern__text_reserve(text, 4);
    if (to) {
        text->size += tern__character_write(character, to);
    }
}

static bool is_continuation(uint8_t byte) {
    return (byte & 0xc0) == 0x80;
}

uint32_t tern__character_size(const char *text, size_t left) {
    const uint8_t *p = (const uint8_t *)text;
    uint8_t lead = p[0];
    uint32_t size = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
    if (size == 1 || size > left) {
        return 1;
    }
    for (uint32_t i = 1; i < size; i++) {
        if (!is_continuation(p[i])) {
            return 1;
        }
    }
    bool overlong = (lead == 0xe0 && p[1] < 0xa0) || (lead == 0xf0 && p[1] < 0x90);
    bool outside = (lead == 0xed && p[1] > 0x9f) || (lead == 0xf4 && p[1] > 0x8f);
    return overlong || outside ? 1 : size;
}

int32_t tern__character_at(const char *text, size_t left, uint32_t *out_size) {
    const uint8_t *p = (const uint8_t *)text;
    *out_size = tern__character_size(text, left);
    if (*out_size == 1) {
        return p[0] < 0x80 ? p[0] : -1;
    }
    int32_t character = p[0] & (0x7f >> *out_size);
    for (uint32_t i = 1; i < *out_size; i++) {
        character = character << 6 | (p[i] & 0x3f);
    }
    return character;
}

uint32_t tern__character_write(int32_t character, char *out) {
    uint32_t c = (uint32_t)character;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    uint32_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (uint32_t i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)((0xf00u >> size & 0xf0u) | c);
    return size;
}
