// Conversions between float32, float16 and bfloat16: every float16, and float32 around them.
#include "tests/kernels/check.h"

#include <math.h>
#include <string.h>

enum { COUNT = 1000 };

static float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float finite_bits(uint32_t bits) {
    return (bits & 0x7f800000u) == 0x7f800000u ? 0.0f : from_bits(bits);
}

static void test_to(const struct check *check, const float *x, uint32_t n, const char *what) {
    float *rounded = check_out(n * sizeof *rounded);
    uint16_t *half = check_out(n * sizeof *half);
    uint16_t *brain = check_out(n * sizeof *brain);
    float want[COUNT];
    uint16_t want_half[COUNT];
    uint16_t want_brain[COUNT];
    for (uint32_t i = 0; i < n; i++) {
        want[i] = check_round_f16(x[i]);
        want_half[i] = check_f16_bits(want[i]);
        float flushed = check_flush(x[i]);
        int exponent;
        frexpf(flushed, &exponent);
        double quantum = ldexp(1.0, exponent - 8);
        float near = (float)(nearbyint(flushed / quantum) * quantum);
        memcpy(&want_brain[i], (const uint8_t *)&near + 2, 2);
    }
    check->kernels.round_f16.fn(x, n, rounded);
    check->kernels.f16_from_f32.fn(x, n, half);
    check->kernels.bf16_from_f32.fn(x, n, brain);
    check_same(rounded, want, n * sizeof *want, "round_f16: %s", what);
    check_same(half, want_half, n * sizeof *want_half, "f16_from_f32: %s", what);
    check_same(brain, want_brain, n * sizeof *want_brain, "bf16_from_f32: %s", what);
    check_clear();
}

static void test_from(const struct check *check, const uint16_t *bits, uint32_t n) {
    float *half = check_out(n * sizeof *half);
    float *brain = check_out(n * sizeof *brain);
    float want_half[COUNT];
    float want_brain[COUNT];
    for (uint32_t i = 0; i < n; i++) {
        want_half[i] = check_flush(check_f16_value(bits[i]));
        want_brain[i] = check_flush(finite_bits((uint32_t)bits[i] << 16));
    }
    check->kernels.f32_from_f16.fn(bits, n, half);
    check->kernels.f32_from_bf16.fn(bits, n, brain);
    check_same(half, want_half, n * sizeof *half, "f32_from_f16: from %04x", bits[0]);
    check_same(brain, want_brain, n * sizeof *brain, "f32_from_bf16: from %04x", bits[0]);
    check_clear();
}

static void bench(const struct check *check) {
    enum { N = 2560 };
    static float x[N], out[N];
    static uint16_t bits[N];
    check_fill_f32(x, N, CHECK_RANDOM);
    CHECK_BENCH(check, sizeof x, check->kernels.round_f16.fn(x, N, out), "round_f16 %d", N);
    CHECK_BENCH(check, sizeof x, check->kernels.bf16_from_f32.fn(x, N, bits), "bf16_from_f32 %d",
                N);
    CHECK_BENCH(check, sizeof bits, check->kernels.f32_from_bf16.fn(bits, N, out),
                "f32_from_bf16 %d", N);
    CHECK_BENCH(check, sizeof x, check->kernels.f16_from_f32.fn(x, N, bits), "f16_from_f32 %d", N);
    CHECK_BENCH(check, sizeof bits, check->kernels.f32_from_f16.fn(bits, N, out), "f32_from_f16 %d",
                N);
}

void check_run(const struct check *check) {
    uint16_t bits[COUNT];
    float x[COUNT];
    for (uint32_t first = 0; first < 0x8000; first += 64) {
        for (uint32_t i = 0; i < 64; i++) {
            // Infinities and NaN are nobody's business.
            uint32_t value = (first + i) % 0x7c00;
            bits[i] = (uint16_t)(value | (i % 2) << 15);
            float here = check_f16_value((uint16_t)value);
            float middle = (here + check_f16_value((uint16_t)(value + 1))) / 2.0f;
            x[3 * i] = middle;
            x[3 * i + 1] = nextafterf(middle, 0.0f);
            x[3 * i + 2] = -nextafterf(middle, 1e9f);
        }
        test_from(check, bits, 64);
        test_to(check, x, 192, "around float16");
    }
    for (uint32_t round = 0; round < 200; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            // bfloat16 would round the very largest to infinity.
            x[i] = finite_bits(check_random());
            x[i] = fabsf(x[i]) > 1e38f ? 1.0f : x[i];
        }
        test_to(check, x, 1 + check_random() % COUNT, "random bits");
    }
    bench(check);
}
