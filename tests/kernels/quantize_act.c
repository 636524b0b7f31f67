// quantize_act and sum_i8.
#include "tests/kernels/check.h"

#include <math.h>

static float expected(const float *x, uint32_t k, int8_t *q) {
    float m = 1e-5f;
    for (uint32_t i = 0; i < k; i++) {
        m = fmaxf(m, fabsf(x[i]));
    }
    float factor = 127.0f / m;
    for (uint32_t i = 0; i < k; i++) {
        q[i] = (int8_t)fmaxf(-128.0f, fminf(127.0f, nearbyintf(x[i] * factor)));
    }
    return m / 127.0f;
}

static void test(const struct check *check, uint32_t k, enum check_pattern pattern, float size) {
    float *x = check_in(k * sizeof *x);
    int8_t *q = check_out(k);
    int8_t *want = check_in(k);
    float *scale = check_out(sizeof *scale);
    check_fill_f32(x, k, pattern);
    for (uint32_t i = 0; i < k; i++) {
        x[i] = x[i] * size;
        // Halves are where rounding to even shows: with the largest 127, each x is its own q.
        x[i] =
            size == 1.0f && i % 3 == 0 ? (float)((int)(check_random() % 255) - 127) + 0.5f : x[i];
    }
    if (size == 1.0f) {
        x[k / 2] = 127.0f;
    }
    float want_scale = expected(x, k, want);
    *scale = check->kernels.quantize_act.fn(x, k, q);
    check_same(q, want, k, "quantize_act: k %u pattern %d size %g", k, (int)pattern, (double)size);
    check_same(scale, &want_scale, sizeof *scale, "quantize_act: scale: k %u pattern %d", k,
               (int)pattern);
    check_clear();
}

static void test_sum(const struct check *check, uint32_t k, enum check_pattern pattern) {
    int8_t *q = check_in(k);
    int32_t *sum = check_out(sizeof *sum);
    int32_t want = 0;
    check_fill_i8(q, k, pattern);
    for (uint32_t i = 0; i < k; i++) {
        want += q[i];
    }
    *sum = check->kernels.sum_i8.fn(q, k);
    check_same(sum, &want, sizeof want, "sum_i8: k %u pattern %d", k, (int)pattern);
    check_clear();
}

static void bench(const struct check *check, uint32_t k) {
    float *x = check_in(k * sizeof *x);
    int8_t *q = check_out(k);
    check_fill_f32(x, k, CHECK_RANDOM);
    CHECK_BENCH(check, k * sizeof *x, check->kernels.quantize_act.fn(x, k, q), "quantize_act %u",
                k);
    volatile int32_t sink = 0;
    CHECK_BENCH(check, k, sink = sink + check->kernels.sum_i8.fn(q, k), "sum_i8 %u", k);
    check_clear();
}

void check_run(const struct check *check) {
    static const uint32_t sizes[] = {1, 3, 7, 8, 9, 31, 32, 33, 63, 100, 172, 256, 3200, 100000};
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int p = 0; p < CHECK_PATTERNS; p++) {
            test(check, sizes[i], (enum check_pattern)p, 1.0f);
            test(check, sizes[i], (enum check_pattern)p, 1e-7f);
            test(check, sizes[i], (enum check_pattern)p, 1e6f);
            test_sum(check, sizes[i], (enum check_pattern)p);
        }
    }
    bench(check, 256);
    bench(check, 2560);
}
