// Where test data lie: TERN_TEST_DATA (by default ../shared beside the checkout) and tests/golden.
#ifndef TERN_TESTS_HARNESS_DATA_H_
#define TERN_TESTS_HARNESS_DATA_H_

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// |name| below TERN_TEST_DATA, in |path|; returns 0 if no such file can be read.
static inline int data_path(const char *name, char *path, size_t capacity) {
    const char *folder = getenv("TERN_TEST_DATA");
    const char *source = getenv("TERN_SOURCE_DIR");
    if (folder && folder[0]) {
        snprintf(path, capacity, "%s/%s", folder, name);
    } else {
        snprintf(path, capacity, "%s/../shared/%s", source ? source : ".", name);
    }
    FILE *file = fopen(path, "rb");
    if (file) {
        fclose(file);
    }
    return file != NULL;
}

// |name| below the checkout.
static inline void source_path(const char *name, char *path, size_t capacity) {
    const char *source = getenv("TERN_SOURCE_DIR");
    snprintf(path, capacity, "%s/%s", source ? source : ".", name);
}

#endif
