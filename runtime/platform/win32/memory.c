#include "runtime/platform/platform.h"

#include <malloc.h>

void *tern__aligned_alloc(size_t size, size_t alignment) {
    return _aligned_malloc(size, alignment);
}

void tern__aligned_free(void *pointer) {
    _aligned_free(pointer);
}
