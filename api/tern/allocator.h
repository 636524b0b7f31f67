// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_ALLOCATOR_H_
#define TERN_ALLOCATOR_H_

#include <tern/base.h>

/**
 * The host's memory functions. A context copies the struct; all host memory of the library and of
 * its backends comes from here (what drivers and the C library allocate on their own does not).
 *
 * Threads: called from any thread, several at once.
 */
typedef struct tern_allocator {
    uint32_t struct_size; /**< sizeof(tern_allocator) */
    uint32_t reserved;
    void *user; /**< passed to both functions */

    /** |size| > 0 bytes at a multiple of |alignment| (a power of two, at most 4096), or NULL.
     * Content arbitrary. */
    void *(*allocate)(void *user, size_t size, size_t alignment);

    /** Gives back what allocate returned; |pointer| is never NULL. */
    void (*release)(void *user, void *pointer);
} tern_allocator;

#endif
