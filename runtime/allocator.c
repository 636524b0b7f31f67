#include "runtime/allocator.h"

#include <string.h>

#include "runtime/context.h"

// A cache line, and enough for any vector load of a kernel.
#define ALIGNMENT 64

static void *default_allocate(void *user, size_t size, size_t alignment) {
    (void)user;
    return tern__aligned_alloc(size, alignment);
}

static void default_release(void *user, void *pointer) {
    (void)user;
    tern__aligned_free(pointer);
}

tern_allocator tern__allocator_default(void) {
    return (tern_allocator){
        .struct_size = sizeof(tern_allocator),
        .allocate = default_allocate,
        .release = default_release,
    };
}

void *tern__alloc(tern_context *context, size_t size) {
    tern_allocator *allocator = &context->allocator;
    return allocator->allocate(allocator->user, size ? size : 1, ALIGNMENT);
}

void *tern__calloc(tern_context *context, size_t count, size_t size) {
    size_t bytes = 0;
    if (!tern__mul_size(count, size, &bytes)) {
        return NULL;
    }
    void *pointer = tern__alloc(context, bytes);
    if (pointer) {
        memset(pointer, 0, bytes);
    }
    return pointer;
}

void tern__free(tern_context *context, void *pointer) {
    if (pointer) {
        context->allocator.release(context->allocator.user, pointer);
    }
}

char *tern__strdup(tern_context *context, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = tern__alloc(context, size);
    if (copy) {
        memcpy(copy, text, size);
    }
    return copy;
}

bool tern__grow(tern_context *context, void **array, size_t *capacity, size_t needed,
                size_t item_size) {
    if (needed <= *capacity) {
        return true;
    }
    size_t items = 8;
    if (!tern__mul_size(*capacity, 2, &items) || items < needed) {
        items = needed;
    }
    items = items < 8 ? 8 : items;
    size_t bytes = 0;
    if (!tern__mul_size(items, item_size, &bytes)) {
        return false;
    }
    void *grown = tern__alloc(context, bytes);
    if (!grown) {
        return false;
    }
    if (*array) {
        memcpy(grown, *array, *capacity * item_size);
    }
    tern__free(context, *array);
    *array = grown;
    *capacity = items;
    return true;
}

bool tern__mul_size(size_t a, size_t b, size_t *out) {
    if (b != 0 && a > SIZE_MAX / b) {
        return false;
    }
    *out = a * b;
    return true;
}

bool tern__mul_u64(uint64_t a, uint64_t b, uint64_t *out) {
    if (b != 0 && a > UINT64_MAX / b) {
        return false;
    }
    *out = a * b;
    return true;
}

bool tern__add_u64(uint64_t a, uint64_t b, uint64_t *out) {
    if (a > UINT64_MAX - b) {
        return false;
    }
    *out = a + b;
    return true;
}
