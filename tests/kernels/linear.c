// linear_f32, _f16, _bf16 and _q8_0.
#include "tests/kernels/check.h"

#include <math.h>
#include <string.h>

enum { MOST_COLS = 9280 };

struct type {
    const char *name;
    tern_cpu_linear_f32_fn *fn;
    uint32_t tile_rows;
    size_t row_bytes; // for MOST_COLS; of q8_0 those of the codes
    enum tern_cpu_level level;
};

static void put16(uint8_t *at, uint16_t bits) {
    memcpy(at, &bits, sizeof bits);
}

// Writes a weight near |x| into a row and returns what was written. |scales| are those of q8_0.
static float put(const struct type *type, uint8_t *row, uint16_t *scales, uint32_t k, float x) {
    if (strcmp(type->name, "f32") == 0) {
        memcpy(row + 4 * (size_t)k, &x, sizeof x);
        return x;
    }
    if (strcmp(type->name, "f16") == 0) {
        float rounded = check_round_f16(x);
        put16(row + 2 * (size_t)k, check_f16_bits(rounded));
        return rounded;
    }
    if (strcmp(type->name, "bf16") == 0) {
        uint32_t bits;
        memcpy(&bits, &x, sizeof bits);
        bits &= 0xffff0000u;
        put16(row + 2 * (size_t)k, (uint16_t)(bits >> 16));
        memcpy(&x, &bits, sizeof x);
        return x;
    }
    // Scales of either sign with all their bits, subnormal and large ones among them.
    static const uint16_t halves[] = {0x2000, 0x2bff, 0x0001, 0xa3ff, 0x07ff, 0x4bff, 0x0000};
    uint16_t half = (uint16_t)(halves[k / 32 % 7] + (k / 32 % 7 ? 0 : 37 * (k / 32)));
    int q = k % 61 == 7 ? -128 : (int)(lrintf(x * 15.9f) % 128);
    scales[k / 32] = half;
    row[k] = (uint8_t)(q + 128);
    return check_f16_value(half) * (float)q;
}

static void test(const struct type *type, uint32_t cols, uint32_t rows,
                 enum check_pattern pattern) {
    size_t row_bytes = type->row_bytes;
    uint8_t *tile = check_in(row_bytes * type->tile_rows);
    uint16_t *scales = check_in((size_t)type->tile_rows * (cols / 32) * sizeof *scales);
    float *x = check_in((size_t)rows * cols * sizeof *x);
    float *sums = check_out((size_t)rows * type->tile_rows * sizeof *sums);
    float *want = check_in((size_t)rows * type->tile_rows * sizeof *want);
    float weights[MOST_COLS];
    float products[MOST_COLS];
    check_fill_f32(x, rows * cols, pattern);
    for (uint32_t k = 0; k < rows * cols; k++) {
        x[k] = strcmp(type->name, "f32") == 0 ? x[k] : check_round_f16(x[k]);
    }
    for (uint32_t n = 0; n < type->tile_rows; n++) {
        check_fill_f32(weights, cols, n % 2 ? pattern : CHECK_RANDOM);
        for (uint32_t k = 0; k < cols; k++) {
            weights[k] = put(type, tile + n * row_bytes, scales + n * (cols / 32), k, weights[k]);
        }
        for (uint32_t r = 0; r < rows; r++) {
            for (uint32_t k = 0; k < cols; k++) {
                products[k] = x[r * cols + k] * weights[k];
            }
            want[r * type->tile_rows + n] = check_sum(products, cols);
        }
    }
    type->fn(&(struct tern_cpu_linear){tile, row_bytes, scales, x, cols, rows, tile}, sums);
    check_same(sums, want, (size_t)rows * type->tile_rows * sizeof *sums,
               "linear_%s: cols %u rows %u pattern %d", type->name, cols, rows, (int)pattern);
    check_clear();
}

static void bench(const struct check *check, const struct type *type, uint32_t cols,
                  uint32_t rows) {
    uint32_t outputs = 512;
    size_t row_bytes = type->row_bytes * cols / MOST_COLS;
    uint8_t *tiles = check_in(row_bytes * outputs);
    size_t scale_bytes = (size_t)type->tile_rows * (cols / 32) * 2;
    uint16_t *scales = check_in(scale_bytes);
    float *x = check_in((size_t)rows * cols * sizeof *x);
    float *sums = check_out((size_t)rows * TERN_CPU_MAX_TILE * sizeof *sums);
    memset(tiles, 0x3c, row_bytes * outputs);
    memset(scales, 0x3c, scale_bytes);
    check_fill_f32(x, rows * cols, CHECK_RANDOM);
    struct tern_cpu_linear job = {tiles, row_bytes, scales, x, cols, rows, tiles};
    CHECK_BENCH(
        check, row_bytes * outputs,
        for (uint32_t n = 0; n < outputs; n += type->tile_rows) {
            job.tile = tiles + n * row_bytes;
            type->fn(&job, sums);
        },
        "linear_%s %u x %u, %u rows", type->name, outputs, cols, rows);
    check_clear();
}

void check_run(const struct check *check) {
    // The last is past the eight blocks of a sum that the AVX-512 kernel reads of a row at once.
    static const uint32_t cols[] = {64, 128, 192, 256, 960, 1024, 1088, 2176, MOST_COLS};
#define TYPE(stem, bytes)                                                                          \
    {                                                                                              \
#stem, check->kernels.linear_##stem.fn, check->kernels.linear_##stem.tile_rows, bytes,     \
            check->kernels.linear_##stem.level                                                     \
    }
    const struct type types[] = {TYPE(f32, 4 * MOST_COLS), TYPE(f16, 2 * MOST_COLS),
                                 TYPE(bf16, 2 * MOST_COLS), TYPE(q8_0, MOST_COLS)};
#undef TYPE
    for (uint32_t t = 0; t < 4; t++) {
        for (uint32_t i = 0; types[t].level == check->level && i < sizeof cols / sizeof *cols;
             i++) {
            for (int p = 0; p < CHECK_PATTERNS; p++) {
                for (uint32_t rows = 1; rows <= TERN_CPU_LINEAR_ROWS; rows++) {
                    test(&types[t], cols[i], rows, (enum check_pattern)p);
                }
            }
        }
        bench(check, &types[t], 256, 1);
        bench(check, &types[t], 2048, 1);
        bench(check, &types[t], 2048, TERN_CPU_LINEAR_ROWS);
    }
}
