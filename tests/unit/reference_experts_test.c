// The ops of mixtures of experts on the reference backend: a router against its published formula
// in float64, experts against matrices of their own, and the weighted sum.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/device.h"
#include "tests/harness/rng.h"

static bench b;

static tern_tensor int_matrix(uint32_t rows, uint32_t cols, const int32_t *data) {
    return bench_tensor(&b, TERN_DTYPE_I32, 2, (const uint32_t[]){rows, cols}, data);
}

static void score(uint32_t kind, const float *x, uint32_t count, double *scores) {
    double total = 0;
    for (uint32_t e = 0; e < count; e++) {
        scores[e] = kind == TERN_ROUTE_SIGMOID ? 1 / (1 + exp(-(double)x[e])) : exp((double)x[e]);
        total += scores[e];
    }
    for (uint32_t e = 0; e < count && kind == TERN_ROUTE_SOFTMAX; e++) {
        scores[e] /= total;
    }
}

typedef struct router {
    uint32_t experts, slots, kind, normalise;
    float scale;
    const float *bias;
} router;

// The chosen are the best of all, and weigh what the formula says.
static void check_row(const router *r, const float *x, const int32_t *ids, const float *weights) {
    double scores[1024];
    double total = 0;
    bool taken[1024] = {false};
    score(r->kind, x, r->experts, scores);
    for (uint32_t s = 0; s < r->slots; s++) {
        assert_in_range(ids[s], 0, r->experts - 1);
        assert_false(taken[ids[s]]);
        taken[ids[s]] = true;
        total += scores[ids[s]];
        double chosen = scores[ids[s]] + (r->bias ? r->bias[ids[s]] : 0.0);
        for (uint32_t e = 0; e < r->experts; e++) {
            double other = scores[e] + (r->bias ? r->bias[e] : 0.0);
            assert_true(taken[e] || other <= chosen + 1e-6);
        }
    }
    for (uint32_t s = 0; s < r->slots; s++) {
        double want = scores[ids[s]] / (r->normalise ? total : 1.0) * (double)r->scale;
        check_near("weight", s, weights[s], want, 1e-5 * want + 0x1p-49);
    }
}

static void routes(void **state) {
    (void)state;
    rng random = rng_make(11);
    static const uint32_t experts[] = {1, 3, 256, 1024};
    for (uint32_t i = 0; i < 32; i++) {
        router r = {.experts = experts[i % 4],
                    .slots = i % 4 == 0   ? 1
                             : i % 4 == 1 ? 3
                                          : 8 + i % 25,
                    .kind = i / 4 % 2,
                    .normalise = i / 8 % 2,
                    .scale = i / 16 ? 2.5f : 1.0f};
        const uint32_t rows = 3;
        float *x = bench_floats(&b, (size_t)rows * r.experts);
        float *bias = bench_floats(&b, r.experts);
        for (uint32_t k = 0; k < rows * r.experts; k++) {
            x[k] = rng_wide(&random, -4, 3);
            bias[k % r.experts] = rng_wide(&random, -6, -2);
        }
        r.bias = i % 3 == 2 ? bias : NULL;
        tern_tensor ids = int_matrix(rows, r.slots, NULL);
        tern_tensor weights = bench_matrix(&b, rows, r.slots, NULL);
        BENCH_RUN(&b, route, .x = bench_matrix(&b, rows, r.experts, x),
                  .bias = r.bias ? bench_vector(&b, r.experts, bias) : (tern_tensor){0},
                  .score = r.kind, .normalise = r.normalise, .scale = r.scale, .ids = ids,
                  .weights = weights);
        const int32_t *got_ids = bench_read(&b, &ids);
        const float *got = bench_read(&b, &weights);
        for (uint32_t row = 0; row < rows; row++) {
            check_row(&r, x + row * r.experts, got_ids + row * r.slots, got + row * r.slots);
        }
        bench_clear(&b);
    }
}

// Of equals the lowest id comes first, and the bias moves the choice but not the weights.
static void ties_and_bias(void **state) {
    (void)state;
    const float x[] = {0, 1, 0, 1, 0, 1};
    const float bias[] = {0, 0, 0, 0, 0.5f, 0};
    const int32_t plain[] = {1, 3, 5, 0, 2};
    const int32_t moved[] = {4, 1, 3, 5, 0};
    tern_tensor logits = bench_matrix(&b, 1, 6, x);
    tern_tensor ids = int_matrix(1, 5, NULL);
    tern_tensor weights = bench_matrix(&b, 1, 5, NULL);
    BENCH_RUN(&b, route, .x = logits, .scale = 1.0f, .ids = ids, .weights = weights);
    assert_memory_equal(bench_read(&b, &ids), plain, sizeof plain);
    const float *first = bench_read(&b, &weights);
    assert_true(first[0] == first[1] && first[1] == first[2] && first[2] > first[3]);
    BENCH_RUN(&b, route, .x = logits, .bias = bench_vector(&b, 6, bias), .scale = 1.0f, .ids = ids,
              .weights = weights);
    assert_memory_equal(bench_read(&b, &ids), moved, sizeof moved);
    const float *second = bench_read(&b, &weights);
    assert_true(second[0] == first[3] && second[1] == first[0]);
    bench_clear(&b);
}

enum { EXPERTS = 5, OUTPUTS = 7, COLS = 130, ROW_BYTES = (COLS + 3) / 4, SLOTS = 3, ROWS = 4 };

// Ternary codes and row scales of all experts.
static void fill_experts(rng *r, uint8_t *codes, float *scales) {
    for (uint32_t n = 0; n < EXPERTS * OUTPUTS; n++) {
        scales[n] = rng_float(r, 0.25f, 1.5f);
        for (uint32_t k = 0; k < COLS; k++) {
            codes[n * ROW_BYTES + k / 4] |= (uint8_t)(rng_below(r, 3) << 2 * (k % 4));
        }
    }
}

static tern_weights *some_rows(const uint8_t *codes, const float *scales, uint32_t first,
                               uint32_t count) {
    tern_weights_info info = {.dtype = TERN_DTYPE_T2,
                              .rows = count,
                              .cols = COLS,
                              .scale_kind = TERN_SCALE_ROW,
                              .usage = TERN_WEIGHTS_MATMUL};
    return bench_weights(&b, &info, codes + (size_t)first * ROW_BYTES, scales + first);
}

// Every slot has the bits of a bitlinear with a matrix of its expert alone; ids out of range are
// clamped.
static void check_experts(bool own) {
    rng r = rng_make(own ? 13 : 12);
    const int32_t ids[ROWS * SLOTS] = {0, 4, 2, 1, 1, 1, 3, -7, 99, 2, 0, 4};
    uint8_t *codes = bench_memory(&b, (size_t)EXPERTS * OUTPUTS * ROW_BYTES);
    float *scales = bench_floats(&b, EXPERTS * OUTPUTS);
    fill_experts(&r, codes, scales);
    uint32_t width = own ? SLOTS * COLS : COLS;
    float *x = bench_floats(&b, (size_t)ROWS * width);
    for (uint32_t i = 0; i < ROWS * width; i++) {
        x[i] = rng_wide(&r, -6, 3);
    }
    tern_tensor out = bench_matrix(&b, ROWS, SLOTS * OUTPUTS, NULL);
    BENCH_RUN(&b, expert_bitlinear, .x = bench_matrix(&b, ROWS, width, x),
              .ids = int_matrix(ROWS, SLOTS, ids),
              .weights = some_rows(codes, scales, 0, EXPERTS * OUTPUTS), .experts = EXPERTS,
              .out = out);
    const float *got = bench_read(&b, &out);
    for (uint32_t i = 0; i < ROWS * SLOTS; i++) {
        uint32_t expert = ids[i] < 0 ? 0 : ids[i] >= EXPERTS ? EXPERTS - 1 : (uint32_t)ids[i];
        const float *from = x + i / SLOTS * width + (own ? i % SLOTS * COLS : 0);
        tern_tensor one = bench_matrix(&b, 1, OUTPUTS, NULL);
        BENCH_RUN(&b, bitlinear, .x = bench_matrix(&b, 1, COLS, from),
                  .weights = some_rows(codes, scales, expert * OUTPUTS, OUTPUTS), .out = one);
        assert_memory_equal(got + (size_t)i * OUTPUTS, bench_read(&b, &one), OUTPUTS * sizeof *got);
    }
    bench_clear(&b);
}

static void experts(void **state) {
    (void)state;
    check_experts(false);
    check_experts(true);
}

static void combines(void **state) {
    (void)state;
    rng r = rng_make(14);
    const uint32_t rows = 3, cols = 65, slots = 8;
    float *x = bench_floats(&b, (size_t)rows * cols * slots);
    float *w = bench_floats(&b, (size_t)rows * slots);
    float *before = bench_floats(&b, (size_t)rows * cols);
    for (uint32_t i = 0; i < rows * cols * slots; i++) {
        x[i] = rng_wide(&r, -8, 4);
        w[i % (rows * slots)] = rng_float(&r, 0.0f, 1.0f);
        before[i % (rows * cols)] = rng_wide(&r, -8, 4);
    }
    tern_tensor weights = bench_matrix(&b, rows, slots, w);
    tern_tensor outputs = bench_matrix(&b, rows, slots * cols, x);
    tern_tensor alone = bench_matrix(&b, rows, cols, NULL);
    tern_tensor stream = bench_matrix(&b, rows, cols, before);
    BENCH_RUN(&b, combine, .x = outputs, .weights = weights, .out = alone);
    BENCH_RUN(&b, combine, .x = outputs, .weights = weights, .residual = stream, .out = stream);
    const float *got = bench_read(&b, &alone);
    const float *added = bench_read(&b, &stream);
    for (uint32_t i = 0; i < rows * cols; i++) {
        double want = 0, size = 0;
        for (uint32_t s = 0; s < slots; s++) {
            double term = (double)x[(i / cols * slots + s) * cols + i % cols] *
                          (double)w[i / cols * slots + s];
            want += term;
            size += fabs(term);
        }
        check_near("combine", i, got[i], want, size * slots * 0x1p-23 + 0x1p-49);
        assert_true(added[i] == got[i] + before[i]);
    }
    bench_clear(&b);
}

// silu(min(gate, 7)) * min(max(up, -7), 7), as Maple's experts are written.
static void limited_gates(void **state) {
    (void)state;
    const float gate[] = {-9, -7, 0, 3, 7, 7.5f, 30, 8};
    const float up[] = {8, -8, 5, -6.5f, 7, -7, 100, -100};
    tern_tensor out = bench_matrix(&b, 1, 8, NULL);
    BENCH_RUN(&b, gated, .gate = bench_matrix(&b, 1, 8, gate), .up = bench_matrix(&b, 1, 8, up),
              .activation = TERN_ACTIVATION_SILU, .limit = 7.0f, .out = out);
    const float *got = bench_read(&b, &out);
    for (uint32_t i = 0; i < 8; i++) {
        double g = fmin(gate[i], 7.0);
        double u = fmax(fmin(up[i], 7.0), -7.0);
        double want = g / (1 + exp(-g)) * u;
        check_near("gated", i, got[i], want, 1e-6 * fabs(want));
    }
    bench_clear(&b);
}

static int set_up(void **state) {
    (void)state;
    bench_open(&b, "reference");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bench_close(&b);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes),   cmocka_unit_test(ties_and_bias), cmocka_unit_test(experts),
        cmocka_unit_test(combines), cmocka_unit_test(limited_gates),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
