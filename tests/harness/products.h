// Ternary products for tests of kernels: matrices of several sizes, rows, and what a device makes
// of them. Include after device.h.
#ifndef TERN_TESTS_HARNESS_PRODUCTS_H_
#define TERN_TESTS_HARNESS_PRODUCTS_H_

#include <string.h>

#include "tests/harness/rng.h"

enum {
    PRODUCT_COLS = 4500, // at most, here and below
    PRODUCT_OUTPUTS = 711,
    PRODUCT_ROWS = 11,
    PRODUCT_SCALES = (PRODUCT_COLS + 63) / 64,
    PRODUCT_SIZES = 4
};

// Of matrices: many columns; many outputs, of whole words; the smallest there is; and one column
// and one output past whole words and work-groups.
static const struct product_size {
    uint32_t cols, outputs;
} product_sizes[PRODUCT_SIZES] = {{PRODUCT_COLS, 203}, {80, PRODUCT_OUTPUTS}, {1, 1}, {17, 65}};

typedef float product_result[PRODUCT_ROWS * PRODUCT_OUTPUTS];

// The operands of one op, on a device.
typedef struct product {
    bench *b;
    struct product_size size;
    uint32_t rows;
    tern_weights *weights;
    tern_tensor x, bias, residual, out;
} product;

static inline tern_tensor product_matrix(bench *b, rng *r, uint32_t rows, uint32_t cols) {
    float *x = bench_floats(b, (size_t)rows * cols);
    for (size_t i = 0; i < (size_t)rows * cols; i++) {
        x[i] = rng_wide(r, -6, 2);
    }
    return bench_matrix(b, rows, cols, x);
}

// The same numbers on every device. Scales by rows, or by groups of 64 columns.
static inline product product_make(bench *b, struct product_size size, uint32_t rows,
                                   bool grouped) {
    static unsigned char codes[PRODUCT_OUTPUTS * ((PRODUCT_COLS + 3) / 4)];
    static float scales[PRODUCT_OUTPUTS * PRODUCT_SCALES];
    const tern_weights_info info = {.dtype = TERN_DTYPE_T2,
                                    .rows = size.outputs,
                                    .cols = size.cols,
                                    .scale_kind = grouped ? TERN_SCALE_GROUP : TERN_SCALE_ROW,
                                    .group_size = grouped ? 64 : 0,
                                    .usage = TERN_WEIGHTS_MATMUL};
    rng r = rng_make(rows + 100 * grouped);
    for (size_t i = 0; i < sizeof codes; i++) {
        uint32_t u = rng_u32(&r);
        codes[i] = (unsigned char)(u % 3 | u / 3 % 3 << 2 | u / 9 % 3 << 4 | u / 27 % 3 << 6);
    }
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
        scales[i] = rng_wide(&r, -4, 1);
    }
    product p = {.b = b, .size = size, .rows = rows};
    p.weights = bench_weights(b, &info, codes, scales);
    p.x = product_matrix(b, &r, rows, size.cols);
    p.bias = bench_vector(b, size.outputs, scales);
    p.residual = product_matrix(b, &r, rows, size.outputs);
    p.out = bench_matrix(b, rows, size.outputs, NULL);
    return p;
}

static inline size_t product_bytes(const product *p) {
    return (size_t)p->rows * p->size.outputs * sizeof(float);
}

static inline void product_run(const product *p, float *out) {
    BENCH_RUN(p->b, bitlinear, .x = p->x, .norm = TERN_NORM_RMS, .norm_eps = 1e-5f,
              .weights = p->weights, .bias = p->bias, .residual = p->residual, .out = p->out);
    memcpy(out, bench_read(p->b, &p->out), product_bytes(p));
    free(p->b->memory[--p->b->memory_count]); // what bench_read took
}

// What the reference makes of every size.
static inline void product_want(uint32_t rows, bool grouped, product_result want[PRODUCT_SIZES]) {
    bench b;
    bench_open(&b, "reference");
    for (uint32_t i = 0; i < PRODUCT_SIZES; i++) {
        product p = product_make(&b, product_sizes[i], rows, grouped);
        product_run(&p, want[i]);
    }
    bench_close(&b);
}

#endif
