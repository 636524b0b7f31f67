// Memory for weights, one after the other in blocks of whole huge pages.
#ifndef TERN_BACKENDS_CPU_ARENA_H_
#define TERN_BACKENDS_CPU_ARENA_H_

#include <stddef.h>

#include <tern/backend.h>

struct tern_cpu_block;

// Zero: empty. Used by one thread at a time, and empty again when all is given back.
struct tern_cpu_arena {
    struct tern_cpu_block *block; // from which the next piece is taken, if it fits; may be NULL
    size_t reserved;              // bytes of all blocks
};

// |size| bytes of zeros at a multiple of 64; NULL if the host has no memory.
void *tern_cpu_arena_take(struct tern_cpu_arena *arena, const tern_host *host, size_t size);
// Accepts NULL. A block goes back to the host with its last piece.
void tern_cpu_arena_give(struct tern_cpu_arena *arena, const tern_host *host, void *piece);

#endif
