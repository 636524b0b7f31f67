#include "runtime/platform/platform.h"

#include <stdlib.h>

void *tern__aligned_alloc(size_t size, size_t alignment) {
    void *pointer = NULL;
    if (alignment < sizeof(void *)) {
        alignment = sizeof(void *);
    }
    return posix_memalign(&pointer, alignment, size) == 0 ? pointer : NULL;
}

void tern__aligned_free(void *pointer) {
    free(pointer);
}
