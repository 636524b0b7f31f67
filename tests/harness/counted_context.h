// The context of a file's tests, alone or one for each: what it allocates is counted, and the tear
// down fails where a block is left. For cmocka's set_up and tear_down arguments.
#ifndef TERN_TESTS_HARNESS_COUNTED_CONTEXT_H_
#define TERN_TESTS_HARNESS_COUNTED_CONTEXT_H_

#include <string.h>

#include <tern/context.h>

#include "tests/harness/heap.h"

static tern_context *context;
static test_heap heap; // of |context|

static inline int counted_set_up(void **state) {
    (void)state;
    memset(&heap, 0, sizeof heap);
    tern_allocator allocator = test_heap_allocator(&heap);
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.allocator = &allocator;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    return tern_context_create(&desc, &context);
}

static inline int counted_tear_down(void **state) {
    (void)state;
    tern_context_destroy(context);
    return heap.blocks == 0 ? 0 : -1;
}

#endif
