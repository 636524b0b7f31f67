#include <stdatomic.h>

#include "backends/cpu/ops/ops.h"

// Handing a task to a waiting thread costs some 0.3 us there and back, so what a thread gets should
// be worth more. Whoever asks the work to stop waits for a piece: none is longer than LONGEST_NS.
enum { PIECE_NS = 4000, PIECES_PER_THREAD = 16, LONGEST_NS = 2000000, MOST_SHARES = 64 };

// Every thread has a share of its own, a stretch of neighbouring pieces, from whose front it takes
// them: it reads weights as one stream, and what it prefetches past the end of a piece is its next
// one. A thread that is done takes from the back of other shares, so that one that loses time to
// other programs keeps the others waiting for a small piece only. Pieces of 4096 x 14336 by two
// bits that both threads took from one front: 24.1 GB/s by the kernel alone, 26.0 in two stretches;
// of 2560 x 6912 20.5 and 24.4 (two threads, Xeon, November 2026).
struct share {
    _Alignas(64) _Atomic uint64_t rest; // the piece past the last << 32 | the first
};

struct split {
    tern_cpu_part_fn *fn;
    const void *user;
    struct tern_cpu_stop *stop;
    uint32_t count;
    uint32_t pieces;
    uint32_t share_count;
    struct share shares[MOST_SHARES];
};

uint32_t tern_cpu_max_tasks(const struct tern_cpu_pool *pool) {
    return tern_cpu_pool_width(pool);
}

static uint32_t boundary(uint32_t count, uint32_t part, uint32_t parts) {
    return (uint32_t)((uint64_t)count * part / parts);
}

// Takes a piece of a share, its first or its last one; false if none is left.
static bool take_piece(struct share *share, bool first, uint32_t *out_piece) {
    uint64_t rest = atomic_load_explicit(&share->rest, memory_order_relaxed);
    while ((uint32_t)rest < (uint32_t)(rest >> 32)) {
        uint64_t less = first ? rest + 1 : rest - (1ull << 32);
        if (atomic_compare_exchange_weak_explicit(&share->rest, &rest, less, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            *out_piece = first ? (uint32_t)rest : (uint32_t)(less >> 32);
            return true;
        }
    }
    return false;
}

static void take_pieces(void *user, uint32_t task) {
    struct split *split = user;
    uint32_t own = task % split->share_count;
    for (uint32_t i = 0; i < split->share_count; i++) {
        struct share *share = &split->shares[(own + i) % split->share_count];
        uint32_t piece;
        while (!tern_cpu_stopped(split->stop) && take_piece(share, i == 0, &piece)) {
            split->fn(split->user, boundary(split->count, piece, split->pieces),
                      boundary(split->count, piece + 1, split->pieces), task);
        }
    }
}

static void make_shares(struct split *split, uint32_t tasks) {
    split->share_count = tasks < MOST_SHARES ? tasks : MOST_SHARES;
    for (uint32_t i = 0; i < split->share_count; i++) {
        uint64_t end = boundary(split->pieces, i + 1, split->share_count);
        atomic_init(&split->shares[i].rest,
                    end << 32 | boundary(split->pieces, i, split->share_count));
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
    struct split split;
    split.fn = fn;
    split.user = user;
    split.stop = run->stop;
    split.count = work.count;
    split.pieces = (uint32_t)pieces;
    uint32_t tasks = pieces < width ? (uint32_t)pieces : width;
    make_shares(&split, tasks);
    tern_cpu_pool_run(run->pool, tasks, take_pieces, &split);
}
