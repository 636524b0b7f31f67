#include "backends/cpu/ops/ternary_way.h"

// Of so many rows the sums of many tiles stay in the first cache, and a call's start is shared:
// eight rows by 2560 columns take 1.45 times as long as one, 1.6 where a call has two tiles (the
// kernels alone, two threads, Xeon, November 2026).
enum { FEW_MATRIX_ROWS = 32, FEW_MATRIX_TILES = 2 };

enum { MOST_UNPACKED_COLS = 32768 };

// What makes outputs has room for those of so many tiles.
_Static_assert(TERN_CPU_MATRIX_TILES *TERN_CPU_MAX_TILE <= TERN_CPU_SCALED_ROWS, "");

// Groups are of whole steps wherever weights have them; so the kernels want it.
static bool has_matrix(const struct tern_cpu_kernels *kernels,
                       const tern_backend_weights *weights) {
    uint32_t tile_rows =
        weights->layout.fives ? kernels->matrix_t5.tile_rows : kernels->matrix_t2.tile_rows;
    return tile_rows == weights->layout.tile_rows &&
           (weights->groups == 1 || weights->info.group_size % TERN_CPU_MATRIX_COLS == 0);
}

enum tern_cpu_way tern_cpu_way_of(const struct tern_cpu_kernels *kernels,
                                  const tern_backend_weights *weights, uint32_t rows) {
    // For two rows of two-bit weights vectors take 0.9 times as long as matrix units at 2560 x
    // 2560 and as long at 2560 x 6912; of weights five a byte, matrix units 0.85 and 0.9 times as
    // long as vectors (two threads, Xeon, November 2026).
    uint32_t least = weights->layout.fives ? 2 : 3;
    if (rows >= least && has_matrix(kernels, weights)) {
        return TERN_CPU_WAY_MATRIX;
    }
    return rows > TERN_CPU_GEMV_ROWS && weights->layout.padded_cols <= MOST_UNPACKED_COLS
               ? TERN_CPU_WAY_GEMM
               : TERN_CPU_WAY_GEMV;
}

struct tern_cpu_way_shape tern_cpu_way_shape(const tern_backend_weights *weights,
                                             enum tern_cpu_way way, uint32_t rows) {
    bool few = rows <= FEW_MATRIX_ROWS;
    switch (way) {
    case TERN_CPU_WAY_GEMV:
        return (struct tern_cpu_way_shape){TERN_CPU_GEMV_ROWS, TERN_CPU_T2_BLOCK,
                                           TERN_CPU_GEMV_TILES};
    case TERN_CPU_WAY_GEMM:
        return (struct tern_cpu_way_shape){TERN_CPU_GEMM_ROWS, TERN_CPU_T2_BLOCK,
                                           TERN_CPU_GEMM_TILES};
    default: // MATRIX; with groups there are more sums, so fewer rows and tiles
        return (struct tern_cpu_way_shape){
            few || weights->groups > 1 ? FEW_MATRIX_ROWS : TERN_CPU_MATRIX_ROWS,
            TERN_CPU_MATRIX_COLS,
            few && weights->groups == 1 ? TERN_CPU_MATRIX_TILES : FEW_MATRIX_TILES};
    }
}

uint64_t tern_cpu_way_sums(const struct tern_cpu_kernels *kernels,
                           const tern_backend_weights *weights) {
    // More than those of a gemm_t2, and than those of one row by many tiles.
    uint32_t tiles = TERN_CPU_GEMV_ROWS * TERN_CPU_GEMV_TILES;
    if (has_matrix(kernels, weights)) {
        tiles = FEW_MATRIX_ROWS * (weights->groups == 1 ? TERN_CPU_MATRIX_TILES : FEW_MATRIX_TILES);
    }
    return (uint64_t)tiles * weights->layout.tile_rows * weights->groups;
}

tern_cpu_gemv_t2_fn *tern_cpu_way_fn(const struct tern_cpu_kernels *kernels,
                                     const tern_backend_weights *weights, enum tern_cpu_way way) {
    bool fives = weights->layout.fives;
    if (way == TERN_CPU_WAY_MATRIX) {
        return fives ? kernels->matrix_t5.fn : kernels->matrix_t2.fn;
    }
    return fives ? kernels->gemv_t5.fn : kernels->gemv_t2.fn;
}

struct tern_cpu_pick tern_cpu_ternary_kernel(const struct tern_cpu_kernels *kernels,
                                             const tern_backend_weights *weights, uint32_t rows) {
    bool fives = weights->layout.fives;
    switch (tern_cpu_way_of(kernels, weights, rows)) {
    case TERN_CPU_WAY_MATRIX:
        return fives ? TERN_CPU_PICK(kernels, matrix_t5) : TERN_CPU_PICK(kernels, matrix_t2);
    case TERN_CPU_WAY_GEMM:
        return TERN_CPU_PICK(kernels, gemm_t2);
    default:
        return fives ? TERN_CPU_PICK(kernels, gemv_t5) : TERN_CPU_PICK(kernels, gemv_t2);
    }
}
