// linear_f32, _f16, _bf16 and _q8_0.
#include "tests/kernels/check.h"

#include <math.h>
#include <string.h>

enum { MOST_COLS = 2176 };

struct type {
    const char *name;
    tern_cpu_linear_f32_fn *fn;
    uint32_t tile_rows;
    size_t row_bytes; // for MOST_COLS
    enum tern_cpu_level level;
};

static void put16(uint8_t *at, uint16_t bits) {
    memcpy(at, &bits, sizeof bits);
}

// Writes a weight near |x| into a row and returns what was written.
static float put(const struct type *type, uint8_t *row, uint32_t k, float x) {
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
    float d = check_f16_value((uint16_t)(0x2000 + 37 * (k / 32)));
    int8_t q = (int8_t)(lrintf(x * 15.9f) % 128);
    put16(row + 34 * (size_t)(k / 32), check_f16_bits(d));
    memcpy(row + 34 * (size_t)(k / 32) + 2 + k % 32, &q, 1);
    return d * (float)q;
}

static void test(const struct type *type, uint32_t cols, enum check_pattern pattern) {
    size_t row_bytes = type->row_bytes;
    uint8_t *tile = check_in(row_bytes * type->tile_rows);
    float *x = check_in(cols * sizeof *x);
    float *sums = check_out(type->tile_rows * sizeof *sums);
    float *want = check_in(type->tile_rows * sizeof *want);
    float weights[MOST_COLS];
    check_fill_f32(x, cols, pattern);
    for (uint32_t k = 0; k < cols; k++) {
        x[k] = strcmp(type->name, "f32") == 0 ? x[k] : check_round_f16(x[k]);
    }
    for (uint32_t n = 0; n < type->tile_rows; n++) {
        check_fill_f32(weights, cols, n % 2 ? pattern : CHECK_RANDOM);
        for (uint32_t k = 0; k < cols; k++) {
            weights[k] = x[k] * put(type, tile + n * row_bytes, k, weights[k]);
        }
        want[n] = check_sum(weights, cols);
    }
    type->fn(tile, row_bytes, x, cols, sums);
    check_same(sums, want, type->tile_rows * sizeof *sums, "linear_%s: cols %u pattern %d",
               type->name, cols, (int)pattern);
    check_clear();
}

static void bench(const struct check *check, const struct type *type, uint32_t cols) {
    uint32_t rows = 512;
    size_t row_bytes = type->row_bytes * cols / MOST_COLS;
    uint8_t *tiles = check_in(row_bytes * rows);
    float *x = check_in(cols * sizeof *x);
    float *sums = check_out(TERN_CPU_MAX_TILE * sizeof *sums);
    memset(tiles, 0x3c, row_bytes * rows);
    check_fill_f32(x, cols, CHECK_RANDOM);
    CHECK_BENCH(
        check, row_bytes * rows,
        for (uint32_t n = 0; n < rows;
             n += type->tile_rows) { type->fn(tiles + n * row_bytes, row_bytes, x, cols, sums); },
        "linear_%s %u x %u", type->name, rows, cols);
    check_clear();
}

void check_run(const struct check *check) {
    static const uint32_t cols[] = {64, 128, 192, 256, 960, 1024, 1088, 2048, MOST_COLS};
#define TYPE(stem, bytes)                                                                          \
    {                                                                                              \
#stem, check->kernels.linear_##stem.fn, check->kernels.linear_##stem.tile_rows, bytes,     \
            check->kernels.linear_##stem.level                                                     \
    }
    const struct type types[] = {TYPE(f32, 4 * MOST_COLS), TYPE(f16, 2 * MOST_COLS),
                                 TYPE(bf16, 2 * MOST_COLS), TYPE(q8_0, 34 * MOST_COLS / 32)};
#undef TYPE
    for (uint32_t t = 0; t < 4; t++) {
        for (uint32_t i = 0; types[t].level == check->level && i < sizeof cols / sizeof *cols;
             i++) {
            for (int p = 0; p < CHECK_PATTERNS; p++) {
                test(&types[t], cols[i], (enum check_pattern)p);
            }
        }
        bench(check, &types[t], 256);
        bench(check, &types[t], 2048);
    }
}
