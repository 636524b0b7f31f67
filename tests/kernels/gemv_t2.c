// gemv_t2 and _t5, unpack_t2 and _t5 with gemm_t2, matrix_t2 and _t5, with the packing they read
// and the sums they leave to the caller: against plain integers.
#include "tests/kernels/check.h"

#include <string.h>

#include "backends/cpu/pack.h"

enum kernel { GEMV, GEMM, MATRIX, KERNELS };

static const struct {
    const char *name;
    uint32_t rows, tiles; // at most
    uint32_t step;        // columns that a panel has side by side
} kernels[KERNELS] = {
    {"gemv", TERN_CPU_GEMV_ROWS, TERN_CPU_GEMV_TILES, TERN_CPU_T2_BLOCK},
    {"gemm", TERN_CPU_GEMM_ROWS, TERN_CPU_GEMM_TILES, TERN_CPU_T2_BLOCK},
    {"matrix", TERN_CPU_MATRIX_ROWS, TERN_CPU_MATRIX_TILES, TERN_CPU_MATRIX_COLS},
};

struct shape {
    uint32_t cols;
    uint32_t group; // columns; 0: one group
    uint32_t rows;  // of activations
    uint32_t tiles; // of weights
    enum kernel kernel;
    bool fives; // five weights a byte
    enum check_pattern weights;
    enum check_pattern acts;
};

// Weights in tiles whose last row is missing.
struct matrix {
    struct tern_cpu_layout layout;
    int8_t *codes;
    uint8_t *packed;
};

static struct matrix make(uint32_t cols, uint32_t rows, uint32_t tile, bool fives,
                          enum check_pattern pattern) {
    tern_weights_info info = {.dtype = TERN_DTYPE_T2, .rows = rows, .cols = cols};
    struct matrix m = {.layout = tern_cpu_layout_make(&info, tile, fives)};
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
        check_same(again, canonical, bytes, "pack and unpack: cols %u row %u fives %d", cols, r,
                   fives);
    }
    return m;
}

// Sum over one group of q * (code + 1), as kernels have it, modulo 2^32, for one row of activations
// in a panel; a row of padding has no weights at all.
static int32_t expected(const struct matrix *m, const int8_t *panel, struct shape shape,
                        uint32_t row, uint32_t n, uint32_t first) {
    uint32_t group = shape.group ? shape.group : shape.cols;
    uint32_t end = shape.cols - first < group ? shape.cols : first + group;
    uint32_t step = kernels[shape.kernel].step;
    int64_t sum = 0;
    for (uint32_t k = first; k < end && n < m->layout.rows; k++) {
        int8_t q = panel[((size_t)(k / step) * shape.rows + row) * step + k % step];
        sum += q * (m->codes[(size_t)n * m->layout.cols + k] + 1);
    }
    return (int32_t)(uint32_t)sum;
}

static void multiply(const struct check *check, const struct matrix *m, struct shape shape,
                     const int8_t *panel, int32_t *sums) {
    uint32_t blocks = m->layout.padded_cols / TERN_CPU_T2_BLOCK;
    uint32_t group_blocks = shape.group ? shape.group / TERN_CPU_T2_BLOCK : blocks;
    if (shape.kernel == GEMV) {
        struct tern_cpu_gemv_t2 gemv = {m->packed, blocks,     group_blocks,
                                        panel,     shape.rows, shape.tiles};
        (shape.fives ? check->kernels.gemv_t5.fn : check->kernels.gemv_t2.fn)(&gemv, sums);
        return;
    }
    if (shape.kernel == MATRIX) {
        struct tern_cpu_gemv_t2 matrix = {m->packed, blocks,     group_blocks,
                                          panel,     shape.rows, shape.tiles};
        (shape.fives ? check->kernels.matrix_t5.fn : check->kernels.matrix_t2.fn)(&matrix, sums);
        return;
    }
    size_t tile_bytes = (size_t)m->layout.tile_bytes;
    size_t code_bytes = (size_t)TERN_CPU_GEMM_TILES * m->layout.tile_rows * m->layout.padded_cols;
    uint8_t *codes = check_out(code_bytes);
    memset(codes, 0, code_bytes);
    (shape.fives ? check->kernels.unpack_t5.fn
                 : check->kernels.unpack_t2.fn)(m->packed, tile_bytes, shape.tiles, blocks, codes);
    check_same(codes, codes, 0, "unpack_t2: cols %u tiles %u", shape.cols, shape.tiles);
    struct tern_cpu_gemm_t2 gemm = {codes, blocks, group_blocks, panel, shape.rows, m->packed};
    check->kernels.gemm_t2.fn(&gemm, sums);
}

static void test(const struct check *check, struct shape shape) {
    uint32_t tile = check->kernels.gemv_t2.tile_rows;
    uint32_t width = tile * (shape.kernel == GEMM ? TERN_CPU_GEMM_TILES : shape.tiles);
    uint32_t step = kernels[shape.kernel].step;
    struct matrix m = make(shape.cols, tile * shape.tiles - 1, tile, shape.fives, shape.weights);
    uint32_t group = shape.group ? shape.group : m.layout.padded_cols;
    uint32_t groups = (shape.cols + group - 1) / group;
    size_t panel_bytes = (size_t)(m.layout.padded_cols + step - 1) / step * step * shape.rows;
    int8_t *panel = check_in(panel_bytes);
    check_fill_i8(panel, panel_bytes, shape.acts);
    size_t count = (size_t)shape.rows * groups * width;
    int32_t *sums = check_out(count * sizeof *sums);
    int32_t *want = check_in(count * sizeof *want);
    multiply(check, &m, shape, panel, sums);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t first = i / width % groups * group;
        want[i] = expected(&m, panel, shape, i / width / groups, i % width, first);
    }
    check_same(sums, want, count * sizeof *sums,
               "%s: fives %d cols %u group %u rows %u tiles %u weights %d activations %d",
               kernels[shape.kernel].name, shape.fives, shape.cols, shape.group, shape.rows,
               shape.tiles, (int)shape.weights, (int)shape.acts);
    check_clear();
}

static void test_rows(const struct check *check, struct shape shape) {
    uint32_t most = kernels[shape.kernel].rows;
    for (shape.rows = 1; shape.rows <= most; shape.rows += shape.rows < 33 ? 1 : 19) {
        test(check, shape);
    }
    shape.rows = 2;
    for (int p = 0; p < CHECK_PATTERNS * CHECK_PATTERNS; p++) {
        shape.weights = (enum check_pattern)(p / CHECK_PATTERNS);
        shape.acts = (enum check_pattern)(p % CHECK_PATTERNS);
        test(check, shape);
    }
}

static bool has(const struct check *check, enum kernel kernel, bool fives) {
    switch (kernel) {
    case GEMV:
        return fives ? CHECK_HAS(check, gemv_t5) : CHECK_HAS(check, gemv_t2);
    case GEMM:
        return fives ? CHECK_HAS(check, unpack_t5) : CHECK_HAS(check, gemm_t2);
    default: // no plain version
        return check->level && (fives ? CHECK_HAS(check, matrix_t5) : CHECK_HAS(check, matrix_t2));
    }
}

// Numbers of tiles up to the most, by all kernels that this level has.
static void test_tiles(const struct check *check, struct shape shape) {
    static const uint32_t tiles[] = {1, 2, 3, TERN_CPU_MATRIX_TILES, UINT32_MAX};
    for (shape.kernel = GEMV; shape.kernel < KERNELS; shape.kernel++) {
        bool here = has(check, shape.kernel, shape.fives);
        for (uint32_t i = 0; here && tiles[i] <= kernels[shape.kernel].tiles; i++) {
            shape.tiles = tiles[i];
            test_rows(check, shape);
        }
    }
}

// As an op has it: |rows| of weights by |acts| of activations.
static void bench_gemv(const struct check *check, uint32_t cols, uint32_t rows, uint32_t acts,
                       bool fives) {
    tern_cpu_gemv_t2_fn *fn = fives ? check->kernels.gemv_t5.fn : check->kernels.gemv_t2.fn;
    tern_weights_info info = {.dtype = TERN_DTYPE_T2, .rows = rows, .cols = cols};
    struct tern_cpu_layout layout =
        tern_cpu_layout_make(&info, check->kernels.gemv_t2.tile_rows, fives);
    uint64_t bytes = layout.tile_bytes * layout.tiles;
    uint8_t *tiles = check_in((size_t)bytes);
    int8_t *q = check_in((size_t)layout.padded_cols * acts);
    int32_t *sums = check_out(TERN_CPU_GEMV_ROWS * TERN_CPU_MAX_TILE * sizeof *sums);
    memset(tiles, 0x64, (size_t)bytes);
    check_fill_i8(q, (size_t)layout.padded_cols * acts, CHECK_RANDOM);
    uint32_t blocks = layout.padded_cols / TERN_CPU_T2_BLOCK;
    struct tern_cpu_gemv_t2 job = {
        .blocks = blocks, .group_blocks = blocks, .q = q, .rows = acts, .tiles = 1};
    CHECK_BENCH(
        check, bytes,
        for (uint32_t t = 0; t < layout.tiles; t++) {
            job.tile = tiles + t * layout.tile_bytes;
            fn(&job, sums);
        },
        "gemv_t%d %u x %u, %u rows", fives ? 5 : 2, rows, cols, acts);
    check_clear();
}

// Three tiles by 128 rows; a byte a nanosecond stands for a multiply-add.
static void bench_gemm(const struct check *check, uint32_t cols, bool fives) {
    tern_cpu_unpack_t2_fn *unpack =
        fives ? check->kernels.unpack_t5.fn : check->kernels.unpack_t2.fn;
    enum { PANELS = 128 / TERN_CPU_GEMM_ROWS };
    uint32_t tile = check->kernels.gemm_t2.tile_rows;
    struct matrix m = make(cols, TERN_CPU_GEMM_TILES * tile, tile, fives, CHECK_RANDOM);
    uint32_t blocks = m.layout.padded_cols / TERN_CPU_T2_BLOCK;
    size_t panel_bytes = (size_t)m.layout.padded_cols * TERN_CPU_GEMM_ROWS;
    int8_t *q = check_in(PANELS * panel_bytes);
    check_fill_i8(q, PANELS * panel_bytes, CHECK_RANDOM);
    uint8_t *codes = check_out((size_t)TERN_CPU_GEMM_TILES * tile * m.layout.padded_cols);
    int32_t sums[TERN_CPU_GEMM_ROWS * TERN_CPU_GEMM_TILES * TERN_CPU_MAX_TILE];
    struct tern_cpu_gemm_t2 gemm = {
        .codes = codes, .blocks = blocks, .group_blocks = blocks, .ahead = m.packed};
    gemm.rows = TERN_CPU_GEMM_ROWS;
    CHECK_BENCH(
        check, 128ull * TERN_CPU_GEMM_TILES * tile * cols,
        unpack(m.packed, (size_t)m.layout.tile_bytes, TERN_CPU_GEMM_TILES, blocks, codes);
        for (uint32_t p = 0; p < PANELS; p++) {
            gemm.q = q + p * panel_bytes;
            check->kernels.gemm_t2.fn(&gemm, sums);
        },
        "gemm of t%d %u x %u, 128 rows: Gmac/s", fives ? 5 : 2, TERN_CPU_GEMM_TILES * tile, cols);
    check_clear();
}

// As bench_gemm, two tiles by |rows| rows.
static void bench_matrix(const struct check *check, uint32_t cols, uint32_t rows, bool fives) {
    enum { TILES = TERN_CPU_MATRIX_PAIR };
    uint32_t tile = check->kernels.matrix_t2.tile_rows;
    struct matrix m = make(cols, TILES * tile, tile, fives, CHECK_RANDOM);
    size_t acts = (size_t)(m.layout.padded_cols + 63) / 64 * 64 * rows;
    int8_t *q = check_in(acts);
    check_fill_i8(q, acts, CHECK_RANDOM);
    int32_t *sums = check_out((size_t)rows * TILES * tile * sizeof *sums);
    uint32_t blocks = m.layout.padded_cols / TERN_CPU_T2_BLOCK;
    struct tern_cpu_gemv_t2 job = {m.packed, blocks, blocks, q, rows, TILES};
    CHECK_BENCH(check, (uint64_t)rows * TILES * tile * cols,
                (fives ? check->kernels.matrix_t5.fn : check->kernels.matrix_t2.fn)(&job, sums),
                "matrix_t%d %u x %u, %u rows: Gmac/s", fives ? 5 : 2, TILES * tile, cols, rows);
    check_clear();
}

static void bench(const struct check *check, bool fives) {
    static const uint32_t rows[] = {1, 2, 4, 8, 12, 16, 32, 64, 128};
    static const uint32_t cols[] = {256, 512, 2560, 14336};
    for (uint32_t i = 0; has(check, GEMV, fives) && rows[i] <= TERN_CPU_GEMV_ROWS; i++) {
        bench_gemv(check, 256, 256, rows[i], fives);
        bench_gemv(check, 2560, 6912, rows[i], fives);
        bench_gemv(check, 14336, 4096, rows[i], fives);
    }
    for (uint32_t i = 0; has(check, GEMM, fives) && i < sizeof cols / sizeof *cols; i++) {
        bench_gemm(check, cols[i], fives);
    }
    for (uint32_t i = 0; has(check, MATRIX, fives) && i < sizeof rows / sizeof *rows; i++) {
        bench_matrix(check, 2560, rows[i], fives);
        bench_matrix(check, 14336, rows[i], fives);
    }
}

// Sums past 2^31.
static void test_large(const struct check *check, enum kernel kernel, bool fives) {
    static const uint32_t sizes[][3] = {
        {(1 << 23) + 64, 1, 1}, {(1 << 19) + 21, 2, 1}, {(1 << 19) + 21, 3, 2}};
    for (int i = 0; has(check, kernel, fives) && i < 3; i++) {
        test(check, (struct shape){.cols = sizes[i][0],
                                   .rows = sizes[i][1],
                                   .tiles = sizes[i][2],
                                   .kernel = kernel,
                                   .fives = fives,
                                   .weights = CHECK_MOST,
                                   .acts = CHECK_LEAST});
    }
}

void check_run(const struct check *check) {
    static const uint32_t cols[] = {1, 3, 15, 16, 17, 63, 64, 100, 172, 255, 256, 257, 640, 3200};
    static const uint32_t groups[] = {0, 64, 128, 256};
    for (uint32_t i = 0; i < sizeof cols / sizeof cols[0]; i++) {
        for (uint32_t j = 0; j < 4; j++) {
            test_tiles(check, (struct shape){.cols = cols[i], .group = groups[j]});
        }
        test_tiles(check, (struct shape){.cols = cols[i], .fives = true});
    }
    for (int fives = 0; fives <= 1; fives++) {
        test_large(check, GEMV, fives);
        test_large(check, MATRIX, fives);
        if (check->bench) {
            bench(check, fives);
        }
    }
}
