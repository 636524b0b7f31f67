// Host memory, all of it through the context's callbacks.
#ifndef TERN_RUNTIME_ALLOCATOR_H_
#define TERN_RUNTIME_ALLOCATOR_H_

#include <stdbool.h>

#include <tern/context.h>

// The C library's functions as a tern_allocator.
tern_allocator tern__allocator_default(void);

// |size| bytes at 64, or NULL. Size 0 gives a valid pointer. Uninitialised, or zeroed.
void *tern__alloc(tern_context *context, size_t size);
void *tern__calloc(tern_context *context, size_t count, size_t size);
void tern__free(tern_context *context, void *pointer);
char *tern__strdup(tern_context *context, const char *text);

// Grows |*array| of |item_size| to hold |needed| items, doubling; contents kept. False when out of
// memory, nothing changed.
bool tern__grow(tern_context *context, void **array, size_t *capacity, size_t needed,
                size_t item_size);

// *out = a * b, or a + b; false on overflow.
bool tern__mul_size(size_t a, size_t b, size_t *out);
bool tern__mul_u64(uint64_t a, uint64_t b, uint64_t *out);
bool tern__add_u64(uint64_t a, uint64_t b, uint64_t *out);

#endif
