#include <stdatomic.h>

#include "backends/cpu/ops/ops.h"

// Handing a task to a waiting thread costs some 0.3 us there and back, so what a thread gets should
// be worth more. Threads take pieces, many more than there are threads, so that one that loses
// time to other programs keeps the others waiting for a small piece only. Whoever asks the work to
// stop waits for a piece, too: none is longer than LONGEST_NS.
enum { PIECE_NS = 4000, PIECES_PER_THREAD = 16, LONGEST_NS = 2000000 };

struct split {
    tern_cpu_part_fn *fn;
    const void *user;
    struct tern_cpu_stop *stop;
    uint32_t count;
    uint32_t pieces;
    _Atomic uint32_t next;
};

uint32_t tern_cpu_max_tasks(const struct tern_cpu_pool *pool) {
    return tern_cpu_pool_width(pool);
}

static uint32_t boundary(const struct split *split, uint32_t piece) {
    return (uint32_t)((uint64_t)split->count * piece / split->pieces);
}

static void take_pieces(void *user, uint32_t task) {
    struct split *split = user;
    uint32_t piece;
    while ((piece = atomic_fetch_add_explicit(&split->next, 1, memory_order_relaxed)) <
               split->pieces &&
           !tern_cpu_stopped(split->stop)) {
        split->fn(split->user, boundary(split, piece), boundary(split, piece + 1), task);
    }
}

void tern_cpu_split(const struct tern_cpu_run *run, struct tern_cpu_work work, tern_cpu_part_fn *fn,
                    const void *user) {
    uint32_t width = tern_cpu_pool_width(run->pool);
    uint64_t pieces = work.count * work.cost / PIECE_NS;
    uint64_t most = (uint64_t)width * PIECES_PER_THREAD;
    uint64_t least = work.count * work.cost / LONGEST_NS;
    most = most > least ? most : least;
    pieces = pieces < most ? pieces : most;
    pieces = pieces < work.count ? pieces : work.count;
    if (pieces < 2 || width < 2) {
        fn(user, 0, work.count, 0);
        return;
    }
    struct split split = {fn, user, run->stop, work.count, (uint32_t)pieces, 0};
    tern_cpu_pool_run(run->pool, pieces < width ? (uint32_t)pieces : width, take_pieces, &split);
}
