// Matrix ops of the reference backend against float64 oracles, and rule 4's order of sums.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/harness/device.h"
#include "tests/harness/rng.h"

static bench b;

typedef struct shape {
    uint32_t rows, outputs, cols;
} shape;

static const shape shapes[] = {{1, 1, 1},    {2, 5, 3},   {7, 5, 63},   {1, 4097, 100},
                               {33, 5, 172}, {2, 5, 640}, {1, 5, 3200}, {7, 1, 3200}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

// What rows of activations hold.
enum { RANDOM, ZEROS, TINY, SATURATED, KINDS };

static float *activations(rng *r, const shape *s, int kind) {
    size_t count = (size_t)s->rows * s->cols;
    float *x = bench_floats(&b, count);
    for (size_t i = 0; i < count; i++) {
        switch (kind) {
        case RANDOM:
            x[i] = rng_wide(r, -8, 4);
            break;
        case TINY:
            x[i] = rng_wide(r, -48, -20);
            break;
        case SATURATED:
            x[i] = rng_u32(r) & 1 ? 30000.0f : -30000.0f;
            break;
        default:
            break;
        }
    }
    return x;
}

// A random ternary matrix: values as int8 for the oracle, t2 codes for the device.
typedef struct ternary {
    tern_weights_info info;
    int8_t *values;
    uint8_t *codes;
    float *scales;
    uint32_t groups;
} ternary;

// |fill|: -1, 0 or 1 for all alike, else random.
static ternary random_ternary(rng *r, const shape *s, tern_scale_kind kind, int fill) {
    ternary t = {.info = {.dtype = TERN_DTYPE_T2,
                          .rows = s->outputs,
                          .cols = s->cols,
                          .scale_kind = kind,
                          .group_size = kind == TERN_SCALE_GROUP ? 64u << rng_below(r, 3) : 0,
                          .scale = kind == TERN_SCALE_TENSOR ? rng_float(r, 0.1f, 2.0f) : 0,
                          .usage = TERN_WEIGHTS_MATMUL | TERN_WEIGHTS_GATHER}};
    t.groups = kind == TERN_SCALE_GROUP ? (s->cols + t.info.group_size - 1) / t.info.group_size
               : kind == TERN_SCALE_ROW ? 1
                                        : 0;
    size_t bytes = (s->cols + 3) / 4;
    t.values = bench_memory(&b, (size_t)s->outputs * s->cols);
    t.codes = bench_memory(&b, s->outputs * bytes);
    t.scales = bench_floats(&b, (size_t)s->outputs * t.groups);
    for (size_t n = 0; n < s->outputs; n++) {
        for (size_t k = 0; k < s->cols; k++) {
            int value = fill >= -1 && fill <= 1 ? fill : (int)rng_below(r, 3) - 1;
            t.values[n * s->cols + k] = (int8_t)value;
            t.codes[n * bytes + k / 4] |= (uint8_t)((value + 1) << 2 * (k % 4));
        }
    }
    for (size_t i = 0; i < (size_t)s->outputs * t.groups; i++) {
        t.scales[i] = rng_float(r, -1.0f, 2.0f) + 2.5f;
    }
    return t;
}

static double scale_at(const ternary *t, uint32_t n, uint32_t k) {
    switch (t->info.scale_kind) {
    case TERN_SCALE_TENSOR:
        return t->info.scale;
    case TERN_SCALE_ROW:
        return t->scales[n];
    default:
        return t->scales[(size_t)n * t->groups + k / t->info.group_size];
    }
}

static tern_weights *upload(const ternary *t) {
    return bench_weights(&b, &t->info, t->codes, t->groups ? t->scales : NULL);
}

// BitNet b1.58: q = clamp(round(127 x / max|x|)), x ~ q max|x| / 127.
static void check_quantized(const float *x, const int8_t *q, float scale, uint32_t cols) {
    double most = 1e-5;
    for (uint32_t k = 0; k < cols; k++) {
        most = fmax(most, fabs(x[k]));
    }
    check_near("scale", 0, scale, most / 127, most / 127 * 2e-7);
    for (uint32_t k = 0; k < cols; k++) {
        double want = x[k] * 127 / most;
        check_near("q", k, q[k], want, 0.5 + 2e-5);
    }
    for (uint32_t k = cols; k % 4; k++) {
        assert_int_equal(q[k], 0);
    }
}

static void quantizing_rows(void **state) {
    (void)state;
    rng r = rng_make(1);
    for (uint32_t i = 0; i < SHAPES * KINDS; i++) {
        const shape *s = &shapes[i / KINDS];
        float *x = activations(&r, s, (int)(i % KINDS));
        tern_tensor q =
            bench_tensor(&b, TERN_DTYPE_I8, 2, (const uint32_t[]){s->rows, s->cols}, NULL);
        tern_tensor scale = bench_vector(&b, s->rows, NULL);
        BENCH_RUN(&b, quantize_act, .x = bench_matrix(&b, s->rows, s->cols, x), .q = q,
                  .scale = scale);
        int8_t *got = bench_read(&b, &q);
        float *scales = bench_read(&b, &scale);
        for (uint32_t row = 0; row < s->rows; row++) {
            check_quantized(x + row * s->cols, got + row * q.strides[0], scales[row], s->cols);
        }
        bench_clear(&b);
    }
}

static void quantizing_rounds_half_to_even(void **state) {
    (void)state;
    // The largest is 127, so the factor is exactly 1.
    const float x[] = {127.0f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -126.5f, 63.49f};
    const int8_t want[] = {127, 0, 2, 2, 0, -2, -126, 63};
    tern_tensor q = bench_tensor(&b, TERN_DTYPE_I8, 2, (const uint32_t[]){1, 8}, NULL);
    tern_tensor scale = bench_vector(&b, 1, NULL);
    BENCH_RUN(&b, quantize_act, .x = bench_matrix(&b, 1, 8, x), .q = q, .scale = scale);
    assert_memory_equal(bench_read(&b, &q), want, sizeof want);
    assert_true(*(float *)bench_read(&b, &scale) == 1.0f);
    bench_clear(&b);
}

static void check_ternary(const ternary *t, const shape *s, const int8_t *q, uint32_t q_pitch,
                          const float *scale, const float *bias, const float *got) {
    for (uint32_t row = 0; row < s->rows; row++) {
        for (uint32_t n = 0; n < s->outputs; n++) {
            double want = 0, size = 0;
            for (uint32_t k = 0; k < s->cols; k++) {
                double p = q[row * q_pitch + k] * t->values[(size_t)n * s->cols + k] *
                           scale_at(t, n, k) * scale[row];
                want += p;
                size += fabs(p);
            }
            want += bias[n];
            double rough = t->info.scale_kind == TERN_SCALE_GROUP ? size : fabs(want - bias[n]);
            check_near("ternary_matmul", row * s->outputs + n, got[row * s->outputs + n], want,
                       (rough + fabs(bias[n])) * 4e-7 + 0x1p-50);
        }
    }
}

static void ternary_products(void **state) {
    (void)state;
    rng r = rng_make(2);
    for (uint32_t i = 0; i < SHAPES * 3; i++) {
        const shape *s = &shapes[i / 3];
        ternary t =
            random_ternary(&r, s, TERN_SCALE_TENSOR + i % 3, i % 5 < 3 ? (int)(i % 5) - 1 : 2);
        tern_tensor q =
            bench_tensor(&b, TERN_DTYPE_I8, 2, (const uint32_t[]){s->rows, s->cols}, NULL);
        int8_t *values = bench_memory(&b, (size_t)s->rows * q.strides[0]);
        for (uint32_t k = 0; k < s->rows * q.strides[0]; k++) {
            values[k] = i % 4 == 3 ? -128 : (int8_t)rng_u32(&r);
        }
        CHECK_OK(tern_buffer_upload(q.buffer, 0, values, (uint64_t)s->rows * q.strides[0]));
        float *scale = activations(&r, &(shape){1, 1, s->rows}, RANDOM);
        float *bias = activations(&r, &(shape){1, 1, s->outputs}, RANDOM);
        tern_tensor out = bench_matrix(&b, s->rows, s->outputs, NULL);
        BENCH_RUN(&b, ternary_matmul, .q = q, .scale = bench_vector(&b, s->rows, scale),
                  .weights = upload(&t), .bias = bench_vector(&b, s->outputs, bias), .out = out);
        check_ternary(&t, s, values, q.strides[0], scale, bias, bench_read(&b, &out));
        bench_clear(&b);
    }
}

// Bits of the sequence of ops, written out by hand.
static float *in_parts(const shape *s, tern_weights *weights, tern_tensor x, tern_tensor gain,
                       tern_tensor bias, tern_tensor residual) {
    tern_tensor normed = bench_matrix(&b, s->rows, s->cols, NULL);
    tern_tensor q = bench_tensor(&b, TERN_DTYPE_I8, 2, (const uint32_t[]){s->rows, s->cols}, NULL);
    tern_tensor scale = bench_vector(&b, s->rows, NULL);
    tern_tensor product = bench_matrix(&b, s->rows, s->outputs, NULL);
    BENCH_RUN(&b, rms_norm, .x = x, .weight = gain, .eps = 1e-5f, .out = normed);
    BENCH_RUN(&b, quantize_act, .x = normed, .q = q, .scale = scale);
    BENCH_RUN(&b, ternary_matmul, .q = q, .scale = scale, .weights = weights, .bias = bias,
              .out = product);
    BENCH_RUN(&b, add, .a = product, .b = residual, .out = product);
    return bench_read(&b, &product);
}

static void bitlinear_has_the_bits_of_its_parts(void **state) {
    (void)state;
    rng r = rng_make(3);
    for (uint32_t i = 0; i < SHAPES * 3; i++) {
        const shape *s = &shapes[i / 3];
        ternary t = random_ternary(&r, s, TERN_SCALE_TENSOR + i % 3, 2);
        tern_weights *weights = upload(&t);
        float *x = activations(&r, s, (int)(i % KINDS));
        tern_tensor in = bench_matrix(&b, s->rows, s->cols, x);
        tern_tensor gain =
            bench_vector(&b, s->cols, activations(&r, &(shape){1, 1, s->cols}, RANDOM));
        tern_tensor bias =
            bench_vector(&b, s->outputs, activations(&r, &(shape){1, 1, s->outputs}, RANDOM));
        shape wide = {s->rows, 1, s->outputs};
        tern_tensor out = bench_matrix(&b, s->rows, s->outputs, activations(&r, &wide, RANDOM));
        float *want = in_parts(s, weights, in, gain, bias, out);
        BENCH_RUN(&b, bitlinear, .x = in, .norm = TERN_NORM_RMS, .norm_eps = 1e-5f,
                  .norm_weight = gain, .weights = weights, .bias = bias, .residual = out,
                  .out = out);
        assert_memory_equal(bench_read(&b, &out), want,
                            (size_t)s->rows * s->outputs * sizeof *want);
        bench_clear(&b);
    }
}

// One output of the layer as its paper has it. Values near a tie of the rounding may go either way.
static double layer(const ternary *t, const float *x, uint32_t n, double *out_allowed) {
    double most = 1e-5, want = 0, size = 0, ties = 0;
    for (uint32_t k = 0; k < t->info.cols; k++) {
        most = fmax(most, fabs(x[k]));
    }
    for (uint32_t k = 0; k < t->info.cols; k++) {
        double exact = x[k] * 127 / most;
        double w = t->values[(size_t)n * t->info.cols + k] * scale_at(t, n, k) * most / 127;
        want += nearbyint(exact) * w;
        size += fabs(exact * w);
        ties += fabs(exact - floor(exact) - 0.5) < 1e-4 ? fabs(w) : 0;
    }
    *out_allowed = size * 1e-6 + ties + 0x1p-50;
    return want;
}

static void bitlinear_is_the_layer_of_the_paper(void **state) {
    (void)state;
    rng r = rng_make(4);
    for (uint32_t i = 0; i < SHAPES * 3; i++) {
        const shape *s = &shapes[i / 3];
        ternary t = random_ternary(&r, s, TERN_SCALE_TENSOR + i % 3, 2);
        float *x = activations(&r, s, i % 2 ? SATURATED : RANDOM);
        tern_tensor out = bench_matrix(&b, s->rows, s->outputs, NULL);
        BENCH_RUN(&b, bitlinear, .x = bench_matrix(&b, s->rows, s->cols, x), .weights = upload(&t),
                  .out = out);
        float *got = bench_read(&b, &out);
        for (uint32_t at = 0; at < s->rows * s->outputs; at++) {
            double allowed = 0;
            double want = layer(&t, x + at / s->outputs * s->cols, at % s->outputs, &allowed);
            check_near("bitlinear", at, got[at], want, allowed);
        }
        bench_clear(&b);
    }
}

// A dense matrix as bytes of |dtype|, and the exact values that they stand for.
static void *random_dense(rng *r, tern_dtype dtype, const shape *s, double *values) {
    size_t pitch = (size_t)tern_dtype_row_bytes(dtype, s->cols);
    uint8_t *bytes = bench_memory(&b, pitch * s->outputs);
    for (size_t n = 0; n < s->outputs; n++) {
        double d = ldexp(1 + (int)rng_below(r, 1024) / 1024.0, -9);
        for (size_t k = 0; k < s->cols; k++) {
            uint8_t *row = bytes + n * pitch;
            float x = rng_wide(r, -12, 2);
            if (dtype == TERN_DTYPE_F32) {
                memcpy(row + 4 * k, &x, 4);
            } else if (dtype == TERN_DTYPE_BF16) {
                uint16_t h = (uint16_t)(float_bits(x) >> 16);
                memcpy(row + 2 * k, &h, 2);
                x = float_of((uint32_t)h << 16);
            } else if (dtype == TERN_DTYPE_F16) {
                // Exponents -14 to 0 of binary16.
                uint16_t h = (uint16_t)(rng_u32(r) & 0x83ff) | (uint16_t)(1 + rng_below(r, 15))
                                                                   << 10;
                memcpy(row + 2 * k, &h, 2);
                x = ldexpf(1.0f + (float)(h & 0x3ff) / 1024.0f, (h >> 10 & 31) - 15);
                x = h & 0x8000 ? -x : x;
            } else {
                uint16_t h = (uint16_t)(((uint32_t)(15 - 9) << 10) + (d * 512 - 1) * 1024);
                int8_t q = (int8_t)rng_u32(r);
                memcpy(row + k / 32 * 34, &h, 2);
                memcpy(row + k / 32 * 34 + 2 + k % 32, &q, 1);
                x = (float)(d * q);
            }
            values[n * s->cols + k] = x;
        }
    }
    return bytes;
}

static tern_weights *dense_weights(tern_dtype dtype, const shape *s, const void *bytes) {
    tern_weights_info info = {.dtype = dtype,
                              .rows = s->outputs,
                              .cols = s->cols,
                              .usage = TERN_WEIGHTS_MATMUL | TERN_WEIGHTS_GATHER};
    return bench_weights(&b, &info, bytes, NULL);
}

static const tern_dtype dense[] = {TERN_DTYPE_F32, TERN_DTYPE_F16, TERN_DTYPE_BF16,
                                   TERN_DTYPE_Q8_0};

static void dense_products(void **state) {
    (void)state;
    rng r = rng_make(5);
    for (uint32_t i = 0; i < SHAPES * 4; i++) {
        const shape *s = &shapes[i / 4];
        tern_dtype dtype = dense[i % 4];
        double *w = bench_memory(&b, (size_t)s->outputs * s->cols * sizeof *w);
        void *bytes = random_dense(&r, dtype, s, w);
        float *x = activations(&r, s, RANDOM);
        float *bias = activations(&r, &(shape){1, 1, s->outputs}, RANDOM);
        tern_tensor out = bench_matrix(&b, s->rows, s->outputs, NULL);
        BENCH_RUN(&b, linear, .x = bench_matrix(&b, s->rows, s->cols, x),
                  .weights = dense_weights(dtype, s, bytes),
                  .bias = bench_vector(&b, s->outputs, bias), .out = out);
        float *got = bench_read(&b, &out);
        for (uint32_t row = 0; row < s->rows; row++) {
            for (uint32_t n = 0; n < s->outputs; n++) {
                double want = bias[n], size = fabs(bias[n]);
                for (uint32_t k = 0; k < s->cols; k++) {
                    double value = x[row * s->cols + k];
                    value = dtype == TERN_DTYPE_F32 ? value : half_rounded(value);
                    want += value * w[(size_t)n * s->cols + k];
                    size += fabs(value * w[(size_t)n * s->cols + k]);
                }
                check_near("linear", row * s->outputs + n, got[row * s->outputs + n], want,
                           size * 1e-6 + 0x1p-50);
            }
        }
        bench_clear(&b);
    }
}

static void lookups(void **state) {
    (void)state;
    rng r = rng_make(6);
    const shape s = {1, 5, 100};
    const int32_t ids[] = {4, 0, -1, 77, 2};
    static const uint32_t rows[] = {4, 0, 0, 4, 2};
    for (uint32_t i = 0; i < 7; i++) {
        double *w = bench_memory(&b, s.outputs * s.cols * sizeof *w);
        tern_weights *weights = NULL;
        if (i < 4) {
            weights = dense_weights(dense[i], &s, random_dense(&r, dense[i], &s, w));
        } else {
            ternary t = random_ternary(&r, &s, TERN_SCALE_TENSOR + i - 4, 2);
            weights = upload(&t);
            for (uint32_t k = 0; k < s.outputs * s.cols; k++) {
                w[k] = t.values[k] * scale_at(&t, k / s.cols, k % s.cols);
            }
        }
        tern_tensor out = bench_matrix(&b, 5, s.cols, NULL);
        BENCH_RUN(&b, embedding, .ids = bench_ints(&b, 5, ids), .weights = weights, .out = out);
        float *got = bench_read(&b, &out);
        for (uint32_t k = 0; k < 5 * s.cols; k++) {
            assert_true(got[k] == w[rows[k / s.cols] * s.cols + k % s.cols]);
        }
        bench_clear(&b);
    }
}

static void canonical_rows_come_back(void **state) {
    (void)state;
    rng r = rng_make(7);
    const shape s = {1, 9, 172};
    for (uint32_t kind = TERN_SCALE_TENSOR; kind <= TERN_SCALE_GROUP; kind++) {
        ternary t = random_ternary(&r, &s, kind, 2);
        size_t pitch = (s.cols + 3) / 4;
        uint8_t *codes = bench_memory(&b, 4 * pitch);
        float *scales = bench_floats(&b, 4 * (size_t)t.groups);
        CHECK_OK(tern_weights_export(upload(&t), 3, 4, codes, t.groups ? scales : NULL));
        assert_memory_equal(codes, t.codes + 3 * pitch, 4 * pitch);
        assert_memory_equal(scales, t.scales + 3 * t.groups, 4 * t.groups * sizeof *scales);
        bench_clear(&b);
    }
}

// sum(x) by the device: a product with ones.
static float device_sum(const float *x, uint32_t count) {
    float *ones = bench_floats(&b, count);
    for (uint32_t k = 0; k < count; k++) {
        ones[k] = 1.0f;
    }
    tern_tensor out = bench_matrix(&b, 1, 1, NULL);
    BENCH_RUN(&b, linear, .x = bench_matrix(&b, 1, count, x),
              .weights = dense_weights(TERN_DTYPE_F32, &(shape){1, 1, count}, ones), .out = out);
    float sum = *(float *)bench_read(&b, &out);
    bench_clear(&b);
    return sum;
}

// Which additions lose a small number beside a large one shows the order of the sum.
static void sums_follow_rule_4(void **state) {
    (void)state;
    static const struct {
        uint32_t at[3];
        float sum;
    } cases[] = {
        {{0, 64, 128}, 0.0f},     // one lane: (big + 1) - big
        {{0, 128, 64}, 1.0f},     // one lane: (big - big) + 1
        {{0, 1, 32}, 1.0f},       // the tree joins lanes 0 and 32 first
        {{0, 32, 1}, 0.0f},       // and loses 1 there
        {{0, 16, 17}, 0.0f},      // lanes 0 and 16 meet at the second step
        {{1, 3, 2}, 0.0f},        // lanes 1 and 3 meet before 2 joins
        {{0, 1024, 2048}, 0.0f},  // block sums ascending
        {{0, 2048, 1024}, 1.0f},  // likewise
        {{1000, 1025, 24}, 1.0f}, // cancelled within a block
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float x[3200] = {0};
        x[cases[i].at[0]] = 0x1p24f;
        x[cases[i].at[1]] = 1.0f;
        x[cases[i].at[2]] = -0x1p24f;
        float got = device_sum(x, 3200);
        if (got != cases[i].sum) {
            fail_msg("case %zu sums to %g, expected %g", i, (double)got, (double)cases[i].sum);
        }
    }
}

// Rule 4 as its words say: the value of |lane| after the lanes |width| and more apart have joined.
static float joined(const float *x, uint32_t count, uint32_t lane, uint32_t width) {
    if (width < 64) {
        return joined(x, count, lane, 2 * width) + joined(x, count, lane + width, 2 * width);
    }
    float partial = 0.0f;
    for (uint32_t k = lane; k < count; k += 64) {
        partial += x[k];
    }
    return partial;
}

static void sums_have_the_bits_of_rule_4(void **state) {
    (void)state;
    rng r = rng_make(8);
    static const uint32_t counts[] = {1, 3, 63, 64, 65, 100, 640, 1023, 1024, 1025, 3200, 5000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        float x[5000];
        for (uint32_t k = 0; k < counts[i]; k++) {
            x[k] = rng_wide(&r, -10, 10);
        }
        float want = 0.0f;
        for (uint32_t k = 0; k < counts[i]; k += 1024) {
            want += joined(x + k, counts[i] - k < 1024 ? counts[i] - k : 1024, 0, 1);
        }
        assert_int_equal(float_bits(device_sum(x, counts[i])), float_bits(want));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantizing_rows),
        cmocka_unit_test(quantizing_rounds_half_to_even),
        cmocka_unit_test(ternary_products),
        cmocka_unit_test(bitlinear_has_the_bits_of_its_parts),
        cmocka_unit_test(bitlinear_is_the_layer_of_the_paper),
        cmocka_unit_test(dense_products),
        cmocka_unit_test(lookups),
        cmocka_unit_test(canonical_rows_come_back),
        cmocka_unit_test(sums_follow_rule_4),
        cmocka_unit_test(sums_have_the_bits_of_rule_4),
    };
    bench_open(&b, "reference");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bench_close(&b);
    return failed;
}
