// A cache of int8 on the reference backend: the rows that kv_append makes, by the formula of
// tern/ops.h, and attention to them, against float64.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/harness/device.h"
#include "tests/harness/rng.h"

enum { PLACES = 2 * TERN_KV_BLOCK };

static bench b;

// One sequence, one head.
typedef struct cache {
    uint32_t dim;
    tern_tensor k, v, table;
} cache;

static tern_tensor rows_of(uint32_t dim) {
    const uint32_t shape[] = {2, 1, TERN_KV_BLOCK, dim + 4};
    return bench_tensor(&b, TERN_DTYPE_I8, 4, shape, NULL);
}

// Position j holds k[j] and v[j], of |count| positions.
static cache filled(uint32_t dim, uint32_t count, const float *k, const float *v) {
    static const int32_t blocks[] = {1, 0};
    int32_t positions[PLACES], sequences[PLACES] = {0};
    for (uint32_t j = 0; j < count; j++) {
        positions[j] = (int32_t)j;
    }
    cache c = {dim, rows_of(dim), rows_of(dim),
               bench_tensor(&b, TERN_DTYPE_I32, 2, (const uint32_t[]){1, 2}, blocks)};
    BENCH_RUN(&b, kv_append, .k = bench_matrix(&b, count, dim, k),
              .v = bench_matrix(&b, count, dim, v), .k_cache = c.k, .v_cache = c.v,
              .positions = bench_ints(&b, count, positions),
              .sequences = bench_ints(&b, count, sequences), .table = c.table);
    return c;
}

// The row of position |j|: block 1 comes first.
static const int8_t *row_at(const cache *c, const void *bytes, uint32_t j) {
    uint32_t place = j < TERN_KV_BLOCK ? j + TERN_KV_BLOCK : j - TERN_KV_BLOCK;
    return (const int8_t *)bytes + (size_t)place * (c->dim + 4);
}

static float scale_at(const cache *c, const int8_t *row) {
    float scale;
    memcpy(&scale, row + c->dim, sizeof scale);
    return scale;
}

static void rows_are_quantised_by_their_largest(void **state) {
    (void)state;
    static const float x[4][4] = {
        {127.0f, -63.5f, 0.5f, 1.5f}, {0}, {-254.0f, 1.0f, 3.0f, 254.0f}, {5e-6f, -1e-6f, 0, 0}};
    static const int8_t want[4][4] = {{127, -64, 0, 2}, {0}, {-127, 0, 2, 127}, {64, -13, 0, 0}};
    static const float scales[] = {1.0f, 1e-5f / 127.0f, 2.0f, 1e-5f / 127.0f};
    static const float others[4][4] = {{1, 0, 0, 0}, {2, 0, 0, 0}, {4, 0, 0, 0}, {8, 0, 0, 0}};
    cache c = filled(4, 4, x[0], others[0]);
    const void *keys = bench_read(&b, &c.k), *values = bench_read(&b, &c.v);
    for (uint32_t j = 0; j < 4; j++) {
        const int8_t *row = row_at(&c, keys, j);
        assert_memory_equal(row, want[j], 4);
        assert_true(scale_at(&c, row) == scales[j]);
        assert_int_equal(row_at(&c, values, j)[0], 127);
        assert_true(scale_at(&c, row_at(&c, values, j)) == others[j][0] / 127.0f);
    }
    assert_true(scale_at(&c, row_at(&c, keys, 4)) == 0.0f); // nobody's
    bench_clear(&b);
}

static float *random_rows(rng *r, uint32_t count, uint32_t dim) {
    float *x = bench_floats(&b, (size_t)count * dim);
    for (uint32_t i = 0; i < count * dim; i++) {
        x[i] = rng_float(r, -1.0f, 1.0f) * ldexpf(1.0f, (int)(i / dim % 40) - 20);
    }
    return x;
}

static double largest_of(const float *x, uint32_t count) {
    double most = 1e-5;
    for (uint32_t i = 0; i < count; i++) {
        most = fmax(most, fabs(x[i]));
    }
    return most;
}

// The promise of tern/ops.h, and that it is not far from what happens.
static void no_element_is_off_by_more_than_half_a_step(void **state) {
    (void)state;
    enum { DIM = 64, COUNT = 100 };
    rng r = rng_make(8);
    float *x = random_rows(&r, COUNT, DIM);
    cache c = filled(DIM, COUNT, x, x);
    const void *keys = bench_read(&b, &c.k);
    double worst = 0;
    for (uint32_t i = 0; i < COUNT * DIM; i++) {
        const int8_t *row = row_at(&c, keys, i / DIM);
        double error = fabs(x[i] - (double)scale_at(&c, row) * row[i % DIM]);
        worst = fmax(worst, error / largest_of(x + i / DIM * DIM, DIM));
    }
    assert_true(worst <= 1.0 / 253 && worst > 1.0 / 255);
    bench_clear(&b);
}

// One query at the last of |count| positions.
static float *attend(const cache *c, uint32_t count, const float *q, float scale) {
    const int32_t position[] = {(int32_t)count - 1}, sequence[] = {0};
    tern_tensor out = bench_matrix(&b, 1, c->dim, NULL);
    BENCH_RUN(&b, attention, .q = bench_matrix(&b, 1, c->dim, q), .k_cache = c->k, .v_cache = c->v,
              .positions = bench_ints(&b, 1, position), .sequences = bench_ints(&b, 1, sequence),
              .table = c->table, .scale = scale, .out = out);
    return bench_read(&b, &out);
}

// What attention gives for the numbers that the rows stand for, but for roundings to 16 bits: a
// softmax of all scores at once. Rounding to float16 would be seen.
static void attention_reads_integers_times_their_scales(void **state) {
    (void)state;
    enum { DIM = 100, COUNT = 101 };
    rng r = rng_make(9);
    float *q = bench_floats(&b, DIM), *k = bench_floats(&b, COUNT * DIM);
    for (uint32_t i = 0; i < COUNT * DIM; i++) {
        k[i] = rng_float(&r, -2.0f, 2.0f);
        q[i % DIM] = rng_float(&r, -1.0f, 1.0f);
    }
    float *v = random_rows(&r, COUNT, DIM);
    cache c = filled(DIM, COUNT, k, v);
    const void *keys = bench_read(&b, &c.k), *values = bench_read(&b, &c.v);
    double want[DIM] = {0}, total = 0, size = 0;
    for (uint32_t j = 0; j < COUNT; j++) {
        const int8_t *key = row_at(&c, keys, j), *value = row_at(&c, values, j);
        double dot = 0;
        for (uint32_t i = 0; i < DIM; i++) {
            dot += (double)q[i] * key[i];
        }
        double p = exp(dot * scale_at(&c, key) * 0.1f);
        total += p;
        for (uint32_t i = 0; i < DIM; i++) {
            want[i] += p * value[i] * scale_at(&c, value);
            size = fmax(size, fabs(want[i]));
        }
    }
    float *got = attend(&c, COUNT, q, 0.1f);
    for (uint32_t i = 0; i < DIM; i++) {
        check_near("attention", i, got[i], want[i] / total, 4e-5 * size / total);
    }
    bench_clear(&b);
}

// 1 + 2^-16 becomes 1, which 127 * 2^16 makes a difference of 127 in a score.
static void queries_are_rounded_to_16_bits(void **state) {
    (void)state;
    const float q[] = {1.0f + 0x1p-16f, 1.0f, 0, 0};
    float k[TERN_KV_BLOCK][4] = {{127.0f * 0x1p16f, 0, 0, 0}}, v[TERN_KV_BLOCK][4] = {{127.0f}};
    for (uint32_t j = 1; j < TERN_KV_BLOCK; j++) {
        k[j][1] = 127.0f * 0x1p16f;
    }
    cache c = filled(4, TERN_KV_BLOCK, k[0], v[0]);
    assert_true(attend(&c, TERN_KV_BLOCK, q, 1.0f)[0] == 127.0f / 64);
    bench_clear(&b);
}

// A scale of 1 + 3 * 2^-16 counts as 1 + 2^-14: ties go to even.
static void weights_are_rounded_to_16_bits(void **state) {
    (void)state;
    const float q[] = {1.0f, 0, 0, 0};
    float k[2][4] = {{0}}, v[2][4] = {{127.0f * (1.0f + 3 * 0x1p-16f)}};
    cache c = filled(4, 2, k[0], v[0]);
    const void *values = bench_read(&b, &c.v);
    assert_true(scale_at(&c, row_at(&c, values, 0)) == 1.0f + 3 * 0x1p-16f);
    assert_true(attend(&c, 2, q, 1.0f)[0] == 127.0f * (1.0f + 0x1p-14f) / 2);
    bench_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_quantised_by_their_largest),
        cmocka_unit_test(no_element_is_off_by_more_than_half_a_step),
        cmocka_unit_test(attention_reads_integers_times_their_scales),
        cmocka_unit_test(queries_are_rounded_to_16_bits),
        cmocka_unit_test(weights_are_rounded_to_16_bits),
    };
    bench_open(&b, "reference");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bench_close(&b);
    return failed;
}
