// Attention and its cache on the reference backend, against a float64 oracle.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/harness/device.h"
#include "tests/harness/rng.h"

static bench b;

// Some rows of two sequences whose blocks lie scattered in the pool.
enum { SEQUENCES = 2, PER_SEQUENCE = 4, BLOCKS = 9, ROWS = 7 };
static const int32_t block_table[SEQUENCES * PER_SEQUENCE] = {7, 2, 5, 0, 3, 8, 1, 4};
static const int32_t positions[ROWS] = {0, 1, 63, 64, 65, 200, 255};
static const int32_t sequences[ROWS] = {0, 1, 1, 0, 1, 1, 0};

typedef struct setup {
    uint32_t heads, kv_heads, dim;
    tern_dtype dtype;
    double tolerance;
} setup;

static const setup setups[] = {
    {1, 1, 1, TERN_DTYPE_F32, 2e-6},   {4, 2, 64, TERN_DTYPE_F32, 2e-6},
    {6, 3, 100, TERN_DTYPE_F16, 2e-3}, {8, 1, 80, TERN_DTYPE_F16, 2e-3},
    {5, 5, 3, TERN_DTYPE_F16, 2e-3},   {2, 2, 1030, TERN_DTYPE_F32, 4e-6},
};

static float *random_floats(rng *r, size_t count, float size) {
    float *x = bench_floats(&b, count);
    for (size_t i = 0; i < count; i++) {
        x[i] = rng_float(r, -size, size);
    }
    return x;
}

// Where a cache keeps an element, in elements of its buffer.
static size_t place(const tern_tensor *cache, const int32_t *at, uint32_t head, uint32_t i) {
    int32_t sequence = at[0], position = at[1];
    size_t block = (size_t)block_table[sequence * PER_SEQUENCE + position / TERN_KV_BLOCK];
    return block * cache->strides[0] + head * cache->strides[1] +
           (size_t)(position % TERN_KV_BLOCK) * cache->strides[2] + i;
}

static double read_at(const tern_tensor *cache, const void *bytes, size_t index) {
    if (cache->dtype == TERN_DTYPE_F32) {
        return ((const float *)bytes)[index];
    }
    uint16_t h = ((const uint16_t *)bytes)[index];
    int e = h >> 10 & 31;
    double size = e ? ldexp(1024 + (h & 0x3ff), e - 25) : ldexp(h & 0x3ff, -24);
    return h & 0x8000 ? -size : size;
}

static tern_tensor cache_of(const setup *s, const void *bytes) {
    const uint32_t shape[] = {BLOCKS, s->kv_heads, TERN_KV_BLOCK, s->dim};
    return bench_tensor(&b, s->dtype, 4, shape, bytes);
}

static tern_tensor table_tensor(void) {
    return bench_tensor(&b, TERN_DTYPE_I32, 2, (const uint32_t[]){SEQUENCES, PER_SEQUENCE},
                        block_table);
}

// Random content for every place of a cache.
static void *random_cache(rng *r, const setup *s) {
    const uint32_t shape[] = {BLOCKS, s->kv_heads, TERN_KV_BLOCK, s->dim};
    size_t bytes = (size_t)tern_tensor_packed_bytes(s->dtype, 4, shape);
    uint8_t *memory = bench_memory(&b, bytes);
    for (size_t i = 0; i < bytes / 4; i++) {
        float x = rng_float(r, -2.0f, 2.0f);
        // Two halves with exponents from -14 to 0.
        uint32_t pair = (rng_u32(r) & 0xbbffbbffu) | 0x04000400u;
        memcpy(memory + 4 * i, s->dtype == TERN_DTYPE_F32 ? (void *)&x : (void *)&pair, 4);
    }
    return memory;
}

// Softmax of all scores at once, in double.
static void attend(const setup *s, const float *q, const tern_tensor *cache,
                   const void *const *bytes, const int32_t *row, uint32_t head, double *out) {
    uint32_t kv = head / (s->heads / s->kv_heads);
    double scores[PER_SEQUENCE * TERN_KV_BLOCK], most = -INFINITY, total = 0;
    for (int32_t j = 0; j <= row[1]; j++) {
        const int32_t at[] = {row[0], j};
        scores[j] = 0;
        for (uint32_t i = 0; i < s->dim; i++) {
            double value = s->dtype == TERN_DTYPE_F16 ? half_rounded(q[i]) : q[i];
            scores[j] += value * read_at(cache, bytes[0], place(cache, at, kv, i));
        }
        scores[j] /= sqrt(s->dim);
        most = fmax(most, scores[j]);
    }
    for (int32_t j = 0; j <= row[1]; j++) {
        const int32_t at[] = {row[0], j};
        double p = exp(scores[j] - most);
        total += p;
        for (uint32_t i = 0; i < s->dim; i++) {
            out[i] += p * read_at(cache, bytes[1], place(cache, at, kv, i));
        }
    }
    for (uint32_t i = 0; i < s->dim; i++) {
        out[i] /= total;
    }
}

static void check_attention(const setup *s) {
    rng r = rng_make(s->dim);
    uint32_t width = s->heads * s->dim;
    float *q = random_floats(&r, (size_t)ROWS * width, 3.0f);
    const void *bytes[] = {random_cache(&r, s), random_cache(&r, s)};
    tern_tensor k_cache = cache_of(s, bytes[0]);
    tern_tensor out = bench_matrix(&b, ROWS, width, NULL);
    BENCH_RUN(&b, attention, .q = bench_matrix(&b, ROWS, width, q), .k_cache = k_cache,
              .v_cache = cache_of(s, bytes[1]), .positions = bench_ints(&b, ROWS, positions),
              .sequences = bench_ints(&b, ROWS, sequences), .table = table_tensor(),
              .scale = (float)(1.0 / sqrt(s->dim)), .out = out);
    float *got = bench_read(&b, &out);
    double *want = bench_memory(&b, s->dim * sizeof *want);
    for (uint32_t i = 0; i < ROWS * s->heads; i++) {
        const int32_t row[] = {sequences[i / s->heads], positions[i / s->heads]};
        memset(want, 0, s->dim * sizeof *want);
        attend(s, q + (size_t)i * s->dim, &k_cache, bytes, row, i % s->heads, want);
        for (uint32_t k = 0; k < s->dim; k++) {
            check_near("attention", (size_t)i * s->dim + k, got[(size_t)i * s->dim + k], want[k],
                       s->tolerance);
        }
    }
    bench_clear(&b);
}

static void attention_to_earlier_positions(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++) {
        check_attention(&setups[i]);
    }
}

static void one_position_gives_its_value(void **state) {
    (void)state;
    const setup s = {2, 1, 4, TERN_DTYPE_F16, 0};
    rng r = rng_make(1);
    void *values = random_cache(&r, &s);
    const int32_t at[] = {1, 0};
    tern_tensor out = bench_matrix(&b, 1, 8, NULL);
    tern_tensor v_cache = cache_of(&s, values);
    BENCH_RUN(&b, attention, .q = bench_matrix(&b, 1, 8, random_floats(&r, 8, 1e4f)),
              .k_cache = cache_of(&s, random_cache(&r, &s)), .v_cache = v_cache,
              .positions = bench_ints(&b, 1, at + 1), .sequences = bench_ints(&b, 1, at),
              .table = table_tensor(), .scale = -0.5f, .out = out);
    float *got = bench_read(&b, &out);
    for (uint32_t i = 0; i < 8; i++) {
        assert_true(got[i] == (float)read_at(&v_cache, values, place(&v_cache, at, 0, i % 4)));
    }
    bench_clear(&b);
}

// Blocks with scores so far apart that only the exact maximum of all gives 1.
static void later_blocks_outweigh_earlier_ones(void **state) {
    (void)state;
    const setup s = {1, 1, 2, TERN_DTYPE_F32, 0};
    tern_tensor k_cache = cache_of(&s, NULL);
    size_t count = (size_t)BLOCKS * TERN_KV_BLOCK * 2;
    float *keys = bench_floats(&b, count), *values = bench_floats(&b, count);
    for (int32_t j = 0; j < 256; j++) {
        const int32_t at[] = {0, j};
        keys[place(&k_cache, at, 0, 0)] = (float)j;
        values[place(&k_cache, at, 0, 1)] = (float)j;
    }
    const int32_t row[] = {0, 255};
    const float q[] = {100.0f, 0.0f};
    tern_tensor out = bench_matrix(&b, 1, 2, NULL);
    BENCH_RUN(&b, attention, .q = bench_matrix(&b, 1, 2, q), .k_cache = cache_of(&s, keys),
              .v_cache = cache_of(&s, values), .positions = bench_ints(&b, 1, row + 1),
              .sequences = bench_ints(&b, 1, row), .table = table_tensor(), .scale = 1.0f,
              .out = out);
    float *got = bench_read(&b, &out);
    assert_true(got[0] == 0.0f && got[1] == 255.0f);
    bench_clear(&b);
}

// One head of one dimension, a value at each of three positions and 0 elsewhere, keys given.
static float attend_to_three(tern_dtype dtype, const float *keys, const uint32_t *at,
                             const float *values) {
    const setup s = {1, 1, 1, TERN_DTYPE_F32, 0};
    tern_tensor from[] = {cache_of(&s, NULL), cache_of(&s, NULL)};
    float x[2][192] = {{0}};
    int32_t all[192], none[192] = {0};
    for (int32_t j = 0; j < 192; j++) {
        all[j] = j;
        x[0][j] = keys[j / TERN_KV_BLOCK];
    }
    for (int i = 0; i < 3; i++) {
        x[1][at[i]] = values[i];
    }
    const float one = 1.0f;
    const uint32_t shape[] = {BLOCKS, 1, TERN_KV_BLOCK, 1};
    if (dtype == TERN_DTYPE_F16) {
        from[0] = bench_tensor(&b, dtype, 4, shape, NULL);
        from[1] = bench_tensor(&b, dtype, 4, shape, NULL);
    }
    BENCH_RUN(&b, kv_append, .k = bench_matrix(&b, 192, 1, x[0]),
              .v = bench_matrix(&b, 192, 1, x[1]), .k_cache = from[0], .v_cache = from[1],
              .positions = bench_ints(&b, 192, all), .sequences = bench_ints(&b, 192, none),
              .table = table_tensor());
    tern_tensor out = bench_matrix(&b, 1, 1, NULL);
    BENCH_RUN(&b, attention, .q = bench_matrix(&b, 1, 1, &one), .k_cache = from[0],
              .v_cache = from[1], .positions = bench_ints(&b, 1, all + 191),
              .sequences = bench_ints(&b, 1, none), .table = table_tensor(), .scale = 1.0f,
              .out = out);
    float got = *(float *)bench_read(&b, &out);
    bench_clear(&b);
    return got;
}

// Which additions lose 1 beside 2^24 shows the order; all weights are 1.
static void sums_are_ascending(void **state) {
    (void)state;
    const float flat[] = {0, 0, 0};
    const float values[] = {0x1p24f, 1.0f, -0x1p24f};
    const float share = 1.0f / 192.0f;
    static const uint32_t lost[] = {3, 4, 5}, kept[] = {3, 5, 4};
    static const uint32_t lost_blocks[] = {0, 64, 128}, kept_blocks[] = {0, 128, 64};
    assert_true(attend_to_three(TERN_DTYPE_F32, flat, lost, values) == 0.0f);
    assert_true(attend_to_three(TERN_DTYPE_F32, flat, kept, values) == share);
    assert_true(attend_to_three(TERN_DTYPE_F32, flat, lost_blocks, values) == 0.0f);
    assert_true(attend_to_three(TERN_DTYPE_F32, flat, kept_blocks, values) == share);
}

// Only weights within a block are rounded to float16, not those of whole blocks.
static void blocks_are_weighed_in_float32(void **state) {
    (void)state;
    const float rising[] = {0.0f, 0.0f, 14.0f};
    const float values[] = {1000.0f, 0.0f, 0.0f};
    static const uint32_t at[] = {0, 1, 128};
    double small = exp(-14.0);
    double want = 1000.0 * small / (128.0 * small + 64.0);
    float got = attend_to_three(TERN_DTYPE_F16, rising, at, values);
    check_near("attention", 0, got, want, want * 1e-6);
}

static void check_append(const setup *s) {
    rng r = rng_make(2);
    uint32_t width = s->kv_heads * s->dim;
    float *x[] = {random_floats(&r, (size_t)ROWS * width, 9e4f),
                  random_floats(&r, (size_t)ROWS * width, 1e-5f)};
    tern_tensor cache[] = {cache_of(s, NULL), cache_of(s, NULL)};
    BENCH_RUN(&b, kv_append, .k = bench_matrix(&b, ROWS, width, x[0]),
              .v = bench_matrix(&b, ROWS, width, x[1]), .k_cache = cache[0], .v_cache = cache[1],
              .positions = bench_ints(&b, ROWS, positions),
              .sequences = bench_ints(&b, ROWS, sequences), .table = table_tensor());
    for (int which = 0; which < 2; which++) {
        const void *bytes = bench_read(&b, &cache[which]);
        size_t filled = 0;
        for (uint32_t i = 0; i < ROWS * width; i++) {
            const int32_t at[] = {sequences[i / width], positions[i / width]};
            double want = x[which][i];
            want = s->dtype == TERN_DTYPE_F16 ? half_rounded(want) : want;
            size_t index = place(&cache[which], at, i % width / s->dim, i % s->dim);
            assert_true(read_at(&cache[which], bytes, index) == want);
            filled += want != 0;
        }
        for (size_t i = 0; i < (size_t)BLOCKS * cache[which].strides[0]; i++) {
            filled -= read_at(&cache[which], bytes, i) != 0;
        }
        assert_int_equal(filled, 0); // nothing was written anywhere else
    }
    bench_clear(&b);
}

static void appended_rows_land_in_their_blocks(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++) {
        check_append(&setups[i]);
    }
}

// Any index from memory is safe: it is clamped into the pool.
static void indices_are_clamped(void **state) {
    (void)state;
    const setup s = {1, 1, 2, TERN_DTYPE_F32, 0};
    const int32_t wild_table[] = {-9, 1000, 3, INT32_MAX, INT32_MIN, 0, 0, 100};
    const int32_t wild_positions[] = {-1, INT32_MAX};
    const int32_t wild_sequences[] = {-7, 44};
    const float x[] = {1, 2, 3, 4};
    tern_tensor k = bench_matrix(&b, 2, 2, x), out = bench_matrix(&b, 2, 2, NULL);
    tern_tensor k_cache = cache_of(&s, NULL), v_cache = cache_of(&s, NULL);
    tern_tensor at = bench_ints(&b, 2, wild_positions), of = bench_ints(&b, 2, wild_sequences);
    tern_tensor table = bench_tensor(&b, TERN_DTYPE_I32, 2,
                                     (const uint32_t[]){SEQUENCES, PER_SEQUENCE}, wild_table);
    BENCH_RUN(&b, kv_append, .k = k, .v = k, .k_cache = k_cache, .v_cache = v_cache,
              .positions = at, .sequences = of, .table = table);
    BENCH_RUN(&b, attention, .q = k, .k_cache = k_cache, .v_cache = v_cache, .positions = at,
              .sequences = of, .table = table, .scale = 1.0f, .out = out);
    float *values = bench_read(&b, &v_cache);
    assert_true(values[0] == 1 && values[1] == 2);
    const float *last = values + (BLOCKS * TERN_KV_BLOCK - 1) * 2;
    assert_true(last[0] == 3 && last[1] == 4);
    float *got = bench_read(&b, &out);
    assert_true(got[0] == 1 && got[1] == 2);
    bench_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_to_earlier_positions),
        cmocka_unit_test(one_position_gives_its_value),
        cmocka_unit_test(later_blocks_outweigh_earlier_ones),
        cmocka_unit_test(sums_are_ascending),
        cmocka_unit_test(blocks_are_weighed_in_float32),
        cmocka_unit_test(appended_rows_land_in_their_blocks),
        cmocka_unit_test(indices_are_clamped),
    };
    bench_open(&b, "reference");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bench_close(&b);
    return failed;
}
