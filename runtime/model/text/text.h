// A text that grows, and characters of UTF-8.
#ifndef TERN_RUNTIME_MODEL_TEXT_H_
#define TERN_RUNTIME_MODEL_TEXT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tern/context.h>

// Out of memory is remembered: nothing is added from then on, and the caller asks once, in the end.
typedef struct tern__text {
    tern_context *context;
    char *bytes;
    size_t size;
    size_t capacity;
    bool failed;
} tern__text;

void tern__text_finish(tern__text *text);
void tern__text_add(tern__text *text, const char *bytes, size_t size);
void tern__text_add_character(tern__text *text, int32_t character);

// Room for |size| more bytes, to be written by the caller; NULL when out of memory.
char *tern__text_reserve(tern__text *text, size_t size);

// Bytes of the well-formed character at |text| (RFC 3629), or 1. |left| is at least 1.
uint32_t tern__character_size(const char *text, size_t left);

// The character at |text| and its size; -1 and 1 for a byte that begins no well-formed one.
int32_t tern__character_at(const char *text, size_t left, uint32_t *out_size);

#endif
