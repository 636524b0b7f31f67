// gemv_t2, with the packing it reads and the sums it leaves to the caller: against plain integers.
#include "tests/kernels/check.h"

#include <string.h>

#include "backends/cpu/pack.h"

struct shape {
    uint32_t cols;
    uint32_t group; // columns; 0: one group
    uint32_t rows;  // of activations
};

// Weights in a tile whose last row is missing.
struct matrix {
    struct tern_cpu_layout layout;
    int8_t *codes;
    uint8_t *packed;
};

static struct matrix make(uint32_t cols, uint32_t rows, uint32_t tile, enum check_pattern pattern) {
    tern_weights_info info = {.dtype = TERN_DTYPE_T2, .rows = rows, .cols = cols};
    struct matrix m = {.layout = tern_cpu_layout_make(&info, tile)};
    size_t bytes = (size_t)m.layout.canonical_bytes;
    m.codes = check_in((size_t)rows * cols);
    m.packed = check_in((size_t)(m.layout.tile_bytes * m.layout.tiles));
    memset(m.packed, 0, (size_t)(m.layout.tile_bytes * m.layout.tiles));
    check_fill_codes(m.codes, (size_t)rows * cols, pattern);
    uint8_t *canonical = check_in(bytes);
    uint8_t *again = check_out(bytes);
    for (uint32_t r = 0; r < rows; r++) {
        memset(canonical, 0x55, bytes); // padding is weights of zero
        for (uint32_t k = 0; k < cols; k++) {
            int code = m.codes[(size_t)r * cols + k] + 1;
            canonical[k / 4] &= (uint8_t) ~(3 << 2 * (k % 4));
            canonical[k / 4] |= (uint8_t)(code << 2 * (k % 4));
        }
        tern_cpu_pack_row(&m.layout, m.packed, r, canonical);
        tern_cpu_unpack_row(&m.layout, m.packed, r, again);
        check_same(again, canonical, bytes, "pack and unpack: cols %u row %u", cols, r);
    }
    return m;
}

// Sum of q * code over one group, by the book.
static int32_t expected(const struct matrix *m, const int8_t *q, uint32_t n, uint32_t first,
                        uint32_t end) {
    int32_t sum = 0;
    for (uint32_t k = first; k < end && n < m->layout.rows; k++) {
        sum += q[k] * m->codes[(size_t)n * m->layout.cols + k];
    }
    return sum;
}

static void test(const struct check *check, struct shape shape, enum check_pattern weights,
                 enum check_pattern acts) {
    uint32_t tile = check->kernels.gemv_t2.tile_rows;
    struct matrix m = make(shape.cols, tile - 1, tile, weights);
    uint32_t group = shape.group ? shape.group : m.layout.padded_cols;
    uint32_t groups = (shape.cols + group - 1) / group;
    size_t stride = m.layout.padded_cols;
    int8_t *q = check_in(stride * shape.rows);
    check_fill_i8(q, stride * shape.rows, acts);
    size_t count = (size_t)shape.rows * groups * tile;
    int32_t *sums = check_out(count * sizeof *sums);
    int32_t *want = check_in(count * sizeof *want);
    struct tern_cpu_gemv_t2 job = {.tile = m.packed,
                                   .blocks = m.layout.padded_cols / TERN_CPU_T2_BLOCK,
                                   .group_blocks = group / TERN_CPU_T2_BLOCK,
                                   .q = q,
                                   .q_stride = stride,
                                   .rows = shape.rows};
    check->kernels.gemv_t2.fn(&job, sums);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t n = i % tile;
        uint32_t first = i / tile % groups * group;
        uint32_t end = shape.cols - first < group ? shape.cols : first + group;
        const int8_t *row = q + i / tile / groups * stride;
        want[i] = expected(&m, row, n, first, end);
        // The kernel multiplies by code + 1; a row of padding has no weights at all.
        for (uint32_t k = first; k < end && n < m.layout.rows; k++) {
            want[i] += row[k];
        }
    }
    check_same(sums, want, count * sizeof *sums,
               "gemv_t2: cols %u group %u rows %u weights %d activations %d", shape.cols,
               shape.group, shape.rows, (int)weights, (int)acts);
    check_clear();
}

static void bench(const struct check *check, uint32_t cols, uint32_t rows, uint32_t acts) {
    tern_weights_info info = {.dtype = TERN_DTYPE_T2, .rows = rows, .cols = cols};
    struct tern_cpu_layout layout = tern_cpu_layout_make(&info, check->kernels.gemv_t2.tile_rows);
    uint64_t bytes = layout.tile_bytes * layout.tiles;
    uint8_t *tiles = check_in((size_t)bytes);
    int8_t *q = check_in((size_t)layout.padded_cols * acts);
    int32_t *sums = check_out(4 * TERN_CPU_MAX_TILE * sizeof *sums);
    memset(tiles, 0x64, (size_t)bytes);
    check_fill_i8(q, (size_t)layout.padded_cols * acts, CHECK_RANDOM);
    struct tern_cpu_gemv_t2 job = {.blocks = layout.padded_cols / TERN_CPU_T2_BLOCK,
                                   .group_blocks = layout.padded_cols / TERN_CPU_T2_BLOCK,
                                   .q = q,
                                   .q_stride = layout.padded_cols,
                                   .rows = acts};
    CHECK_BENCH(
        check, bytes,
        for (uint32_t t = 0; t < layout.tiles; t++) {
            job.tile = tiles + t * layout.tile_bytes;
            check->kernels.gemv_t2.fn(&job, sums);
        },
        "gemv_t2 %u x %u, %u rows", rows, cols, acts);
    check_clear();
}

void check_run(const struct check *check) {
    static const uint32_t cols[] = {1, 3, 15, 16, 17, 63, 64, 100, 172, 255, 256, 257, 640, 3200};
    static const uint32_t groups[] = {0, 64, 128, 256};
    if (!CHECK_HAS(check, gemv_t2)) {
        return;
    }
    for (uint32_t i = 0; i < sizeof cols / sizeof cols[0]; i++) {
        for (uint32_t j = 0; j < 4; j++) {
            for (uint32_t rows = 1; rows <= TERN_CPU_T2_ROWS; rows++) {
                test(check, (struct shape){cols[i], groups[j], rows}, CHECK_RANDOM, CHECK_RANDOM);
            }
            for (int p = 0; p < CHECK_PATTERNS * CHECK_PATTERNS; p++) {
                test(check, (struct shape){cols[i], groups[j], 2},
                     (enum check_pattern)(p / CHECK_PATTERNS),
                     (enum check_pattern)(p % CHECK_PATTERNS));
            }
        }
    }
    for (uint32_t rows = 1; check->bench && rows <= 4; rows += 3) {
        bench(check, 256, 256, rows);
        bench(check, 2560, 6912, rows);
        bench(check, 14336, 4096, rows);
    }
}
