// read, peak_i8 and peak_f32: that they read and multiply as much as the figures made of them say.
#include "tests/kernels/check.h"

#include <string.h>

static void test_read(const struct check *check, size_t bytes, size_t ahead) {
    uint8_t *data = check_in(bytes);
    uint64_t *sum = check_out(sizeof *sum);
    uint64_t want = 0;
    for (size_t i = 0; i < bytes; i++) {
        data[i] = (uint8_t)check_random();
        want += (uint64_t)data[i] << i % 8 * 8;
    }
    *sum = check->kernels.read.fn(data, bytes, ahead);
    check_same(sum, &want, sizeof want, "read: bytes %zu ahead %zu", bytes, ahead);
    check_clear();
}

static void test_peak_i8(const struct check *check, uint32_t rounds, enum check_pattern pattern) {
    int8_t signs[TERN_CPU_PEAK_I8];
    uint8_t *codes = check_in(TERN_CPU_PEAK_I8);
    int8_t *q = check_in(TERN_CPU_PEAK_I8);
    int32_t *sum = check_out(sizeof *sum);
    int64_t want = 0;
    check_fill_codes(signs, TERN_CPU_PEAK_I8, pattern);
    check_fill_i8(q, TERN_CPU_PEAK_I8, pattern);
    for (int i = 0; i < TERN_CPU_PEAK_I8; i++) {
        codes[i] = (uint8_t)(signs[i] + 1);
        want += codes[i] * q[i];
    }
    int32_t want32 = (int32_t)(uint32_t)(want * rounds * TERN_CPU_PEAK_TIMES);
    *sum = check->kernels.peak_i8.fn(codes, q, rounds, 0);
    check_same(sum, &want32, sizeof want32, "peak_i8: rounds %u pattern %d", rounds, (int)pattern);
    check_clear();
}

static void test_peak_f32(const struct check *check, uint32_t rounds) {
    float *x = check_in(TERN_CPU_PEAK_F32 * sizeof *x);
    float *y = check_in(TERN_CPU_PEAK_F32 * sizeof *y);
    float *sum = check_out(sizeof *sum);
    float want = 0.0f;
    for (int i = 0; i < TERN_CPU_PEAK_F32; i++) {
        x[i] = (float)(check_random() % 8) - 4.0f;
        y[i] = (float)(check_random() % 8) - 4.0f;
        want += x[i] * y[i];
    }
    want = want * (float)(rounds * TERN_CPU_PEAK_TIMES) + 0.0f;
    *sum = check->kernels.peak_f32.fn(x, y, rounds, 0) + 0.0f;
    check_same(sum, &want, sizeof want, "peak_f32: rounds %u", rounds);
    check_clear();
}

static void bench(const struct check *check) {
    enum { BYTES = 1 << 14, ROUNDS = 1000 };
    static uint8_t data[BYTES];
    static float ones[TERN_CPU_PEAK_F32];
    volatile uint64_t sink = 0;
    CHECK_BENCH(check, BYTES, sink = check->kernels.read.fn(data, BYTES, 0), "read");
    uint32_t tile = check->kernels.peak_i8.tile_rows ? check->kernels.peak_i8.tile_rows : 1;
    CHECK_BENCH(check, ROUNDS * TERN_CPU_PEAK_TIMES * TERN_CPU_PEAK_I8 * tile * tile,
                sink = (uint32_t)check->kernels.peak_i8.fn(data, (const int8_t *)data, ROUNDS, 0),
                "peak_i8, a byte for each multiply-add");
    CHECK_BENCH(check, ROUNDS * TERN_CPU_PEAK_TIMES * TERN_CPU_PEAK_F32,
                sink = check->kernels.peak_f32.fn(ones, ones, ROUNDS, 0) > 0.0f,
                "peak_f32, likewise");
    (void)sink;
}

void check_run(const struct check *check) {
    static const uint32_t rounds[] = {0, 1, 2, 15, 16, 17, 33, 100};
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
        for (int p = 0; p < CHECK_PATTERNS && CHECK_HAS(check, peak_i8); p++) {
            test_peak_i8(check, rounds[i], (enum check_pattern)p);
        }
        test_peak_f32(check, rounds[i]);
    }
    for (size_t bytes = 0; bytes <= 4096; bytes += 512) {
        test_read(check, bytes, 0);
        test_read(check, bytes, 4096);
    }
    bench(check);
}
