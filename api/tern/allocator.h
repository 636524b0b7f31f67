// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_ALLOCATOR_H_
#define TERN_ALLOCATOR_H_

#include <tern/base.h>

/**
 * The host's memory functions. A context copies the struct; all host memory of the library and of
 * its backends comes from here (what drivers and the C library allocate on their own does not).
 *
 * The cpu backend reads weights at the speed of memory: on Linux the default asks for huge pages
 * from 2 MiB on, which makes that a quarter faster, and a host's own functions may do the same.
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
