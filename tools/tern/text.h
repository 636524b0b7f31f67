// Bytes that grow.
#ifndef TERN_TOOLS_TERN_TEXT_H_
#define TERN_TOOLS_TERN_TEXT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct text {
    char *bytes; // NULL while empty
    size_t size;
    size_t capacity;
} text;

// False if memory is out.
bool text_append(text *self, const char *bytes, size_t size);

// Appends all that is left of |file|, 256 MiB at most; false, and errno, if that fails.
bool text_read(text *self, FILE *file);

// Appends a file, or stdin where it is "-"; false after one line that calls it a |what| file.
bool text_read_file(text *self, const char *program, const char *what, const char *path);

void text_free(text *self);

#endif
