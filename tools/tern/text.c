#include "tools/tern/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool text_append(text *self, const char *bytes, size_t size) {
    if (size > self->capacity - self->size) {
        size_t capacity = (self->size + size) * 2;
        char *grown = realloc(self->bytes, capacity);
        if (!grown) {
            return false;
        }
        self->bytes = grown;
        self->capacity = capacity;
    }
    if (size) {
        memcpy(self->bytes + self->size, bytes, size);
    }
    self->size += size;
    return true;
}

// No prompt and no report is as long; a device or a pipe may have no end.
#define MOST_READ ((size_t)256 << 20)

bool text_read(text *self, FILE *file) {
    char block[4096];
    size_t got;
    while ((got = fread(block, 1, sizeof block, file)) > 0) {
        if (self->size + got > MOST_READ || !text_append(self, block, got)) {
            errno = self->size + got > MOST_READ ? EFBIG : ENOMEM;
            return false;
        }
    }
    return !ferror(file);
}

bool text_read_file(text *self, const char *program, const char *what, const char *path) {
    bool from_stdin = strcmp(path, "-") == 0;
    FILE *file = from_stdin ? stdin : fopen(path, "rb");
    bool read = file && text_read(self, file);
    int error = errno;
    if (file && !from_stdin) {
        fclose(file);
    }
    if (!read) {
        fprintf(stderr, "%s: %s file '%s' cannot be read: %s\n", program, what, path,
                strerror(error));
    }
    return read;
}

void text_free(text *self) {
    free(self->bytes);
    *self = (text){0};
}
