#include "backends/cpu/arena.h"

#include <stdint.h>
#include <string.h>

#include "backends/common/sizes.h"

// Systems give huge pages to whole ones only: of matrices that each have memory of their own, what
// is left over past the last whole one lies in pages of 4 KiB, and all of those below 2 MiB: of 73
// matrices of 4096 x 14336, five weights a byte, 730 MiB of 841 lay in huge pages, of 242 of 2560 x
// 6912, four a byte, 968 of 1039; in blocks 1044 of 1054 (Linux 6.18, November 2026).
enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20, MOST_RESERVED = 32 << 20 };

// Begins the memory that it describes; each piece begins with a pointer to it.
struct tern_cpu_block {
    size_t size;
    size_t used;
    size_t pieces; // that are not given back
};

static size_t left_in(const struct tern_cpu_block *block) {
    return block ? block->size - block->used : 0;
}

// Blocks are as large as all before together, so that small models stay small; memory that nothing
// touches costs an address only.
static struct tern_cpu_block *make_block(struct tern_cpu_arena *arena, const tern_host *host,
                                         size_t needed) {
    size_t grown = arena->reserved < MOST_RESERVED ? arena->reserved : MOST_RESERVED;
    size_t size = needed + ALIGNMENT > grown ? needed + ALIGNMENT : grown;
    size = size < HUGE_PAGE ? size : (size_t)tern_round_up(size, HUGE_PAGE);
    struct tern_cpu_block *block = host->allocate(host, size, ALIGNMENT);
    if (!block) {
        return NULL;
    }
    *block = (struct tern_cpu_block){.size = size, .used = ALIGNMENT};
    arena->reserved += size;
    return block;
}

void *tern_cpu_arena_take(struct tern_cpu_arena *arena, const tern_host *host, size_t size) {
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size_t needed = ALIGNMENT + (size_t)tern_round_up(size, ALIGNMENT);
    struct tern_cpu_block *block = arena->block;
    if (left_in(block) < needed) {
        block = make_block(arena, host, needed);
        if (!block) {
            return NULL;
        }
    }
    uint8_t *piece = (uint8_t *)block + block->used;
    memcpy(piece, &block, sizeof block);
    block->used += needed;
    block->pieces++;
    if (left_in(block) >= left_in(arena->block)) {
        arena->block = block;
    }
    return memset(piece + ALIGNMENT, 0, needed - ALIGNMENT);
}

void tern_cpu_arena_give(struct tern_cpu_arena *arena, const tern_host *host, void *piece) {
    struct tern_cpu_block *block;
    if (!piece) {
        return;
    }
    memcpy(&block, (uint8_t *)piece - ALIGNMENT, sizeof block);
    if (--block->pieces == 0) {
        arena->block = arena->block == block ? NULL : arena->block;
        arena->reserved -= block->size;
        host->release(host, block);
    }
}
