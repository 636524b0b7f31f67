// Where test data lie: TERN_TEST_DATA (by default ../shared beside the checkout) and tests/golden.
#ifndef TERN_TESTS_HARNESS_DATA_H_
#define TERN_TESTS_HARNESS_DATA_H_

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// |folder||name| in |path|; 0 if it does not fit.
static inline int join_path(char *path, size_t capacity, const char *folder, const char *middle,
                            const char *name) {
    int length = snprintf(path, capacity, "%s%s%s", folder, middle, name);
    return length >= 0 && (size_t)length < capacity;
}

// |name| below the checkout.
static inline int source_path(const char *name, char *path, size_t capacity) {
    const char *source = getenv("TERN_SOURCE_DIR");
    return join_path(path, capacity, source ? source : ".", "/", name);
}

// |name| below TERN_TEST_DATA, in |path|; returns 0 if no such file can be read.
static inline int data_path(const char *name, char *path, size_t capacity) {
    const char *folder = getenv("TERN_TEST_DATA");
    const char *source = getenv("TERN_SOURCE_DIR");
    int fits = folder && folder[0]
                   ? join_path(path, capacity, folder, "/", name)
                   : join_path(path, capacity, source ? source : ".", "/../shared/", name);
    FILE *file = fits ? fopen(path, "rb") : NULL;
    if (file) {
        fclose(file);
    }
    return file != NULL;
}

#endif
