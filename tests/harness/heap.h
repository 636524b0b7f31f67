// A tern_allocator that counts, and that fails when it is told to.
#ifndef TERN_TESTS_HARNESS_HEAP_H_
#define TERN_TESTS_HARNESS_HEAP_H_

#include <stdbool.h>
#include <stdlib.h>

#include <tern/allocator.h>

typedef struct test_heap {
    size_t live;    // bytes
    size_t peak;    // bytes
    size_t blocks;  // not yet released
    size_t calls;   // of allocate
    size_t fail_at; // the call that fails, from 1; 0: none
    bool forever;   // and so do all after it
} test_heap;

// The size of a block is kept in a prefix as long as its alignment, which is at least that of
// size_t.
static inline void *test_heap_allocate(void *user, size_t size, size_t alignment) {
    test_heap *heap = user;
    heap->calls++;
    bool fails = heap->forever ? heap->fail_at && heap->calls >= heap->fail_at
                               : heap->calls == heap->fail_at;
    if (fails || size > (size_t)1 << 40) {
        return NULL;
    }
    alignment = alignment < 64 ? 64 : alignment;
    size_t rounded = (size + 2 * alignment - 1) / alignment * alignment;
    char *block = aligned_alloc(alignment, rounded);
    if (!block) {
        return NULL;
    }
    size_t *prefix = (size_t *)(void *)(block + alignment) - 2;
    prefix[0] = size;
    prefix[1] = alignment;
    heap->live += size;
    heap->blocks++;
    if (heap->live > heap->peak) {
        heap->peak = heap->live;
    }
    return block + alignment;
}

static inline void test_heap_release(void *user, void *pointer) {
    test_heap *heap = user;
    size_t *prefix = (size_t *)pointer - 2;
    heap->live -= prefix[0];
    heap->blocks--;
    free((char *)pointer - prefix[1]);
}

static inline tern_allocator test_heap_allocator(test_heap *heap) {
    tern_allocator allocator = {sizeof allocator, 0, heap, test_heap_allocate, test_heap_release};
    return allocator;
}

#endif
