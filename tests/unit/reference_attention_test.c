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
    uint32_t window;
} setup;

static const setup setups[] = {
    {1, 1, 1, TERN_DTYPE_F32, 2e-6},       {4, 2, 64, TERN_DTYPE_F32, 2e-6},
    {6, 3, 100, TERN_DTYPE_F16, 2e-3},     {8, 1, 80, TERN_DTYPE_F16, 2e-3},
    {5, 5, 3, TERN_DTYPE_F16, 2e-3},       {2, 2, 1030, TERN_DTYPE_F32, 4e-6},
    {4, 2, 64, TERN_DTYPE_F32, 2e-6, 1},   {4, 2, 100, TERN_DTYPE_F16, 2e-3, 63},
    {2, 1, 3, TERN_DTYPE_F32, 2e-6, 64},   {4, 2, 64, TERN_DTYPE_F32, 2e-6, 65},
    {3, 3, 80, TERN_DTYPE_F16, 2e-3, 130}, {2, 2, 16, TERN_DTYPE_F32, 2e-6, 1000},
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
    int32_t window = (int32_t)s->window;
    int32_t first = window && row[1] >= window ? row[1] - window + 1 : 0;
    for (int32_t j = first; j <= row[1]; j++) {
        const int32_t at[] = {row[0], j};
        scores[j] = 0;
        for (uint32_t i = 0; i < s->dim; i++) {
            double value = s->dtype == TERN_DTYPE_F16 ? half_rounded(q[i]) : q[i];
            scores[j] += value * read_at(cache, bytes[0], place(cache, at, kv, i));
        }
        scores[j] /= sqrt(s->dim);
        most = fmax(most, scores[j]);
    }
    for (int32_t j = first; j <= row[1]; j++) {
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
              .scale = (float)(1.0 / sqrt(s->dim)), .window = s->window, .out = out);
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

// A head of two dimensions over three blocks: a key of its own for position 0 and one for the rest
// of each block; values are 0 but at three positions.
typedef struct small {
    tern_dtype dtype;
    float q[2], first[2], rest[3][2];
    uint32_t at[3];
    float values[3];
    uint32_t window;
} small;

static float attend_small(const small *c) {
    enum { PLACES = 3 * TERN_KV_BLOCK };
    const uint32_t shape[] = {BLOCKS, 1, TERN_KV_BLOCK, 2};
    tern_tensor cache[] = {bench_tensor(&b, c->dtype, 4, shape, NULL),
                           bench_tensor(&b, c->dtype, 4, shape, NULL)};
    float keys[2 * PLACES], values[2 * PLACES] = {0};
    int32_t all[PLACES], none[PLACES] = {0};
    for (int32_t j = 0; j < PLACES; j++) {
        all[j] = j;
        memcpy(keys + 2 * j, j ? c->rest[j / TERN_KV_BLOCK] : c->first, sizeof c->first);
    }
    for (int i = 0; i < 3; i++) {
        values[2 * c->at[i]] = c->values[i];
    }
    BENCH_RUN(&b, kv_append, .k = bench_matrix(&b, PLACES, 2, keys),
              .v = bench_matrix(&b, PLACES, 2, values), .k_cache = cache[0], .v_cache = cache[1],
              .positions = bench_ints(&b, PLACES, all), .sequences = bench_ints(&b, PLACES, none),
              .table = table_tensor());
    tern_tensor out = bench_matrix(&b, 1, 2, NULL);
    BENCH_RUN(&b, attention, .q = bench_matrix(&b, 1, 2, c->q), .k_cache = cache[0],
              .v_cache = cache[1], .positions = bench_ints(&b, 1, all + PLACES - 1),
              .sequences = bench_ints(&b, 1, none), .table = table_tensor(), .scale = 1.0f,
              .window = c->window, .out = out);
    float got = *(float *)bench_read(&b, &out);
    bench_clear(&b);
    return got;
}

// Which additions lose 1 beside 2^24 shows the order; all weights are 1.
static void sums_are_ascending(void **state) {
    (void)state;
    static const struct {
        uint32_t at[3];
        float sum;
    } cases[] = {{{3, 4, 5}, 0.0f}, {{3, 5, 4}, 1.0f}, {{0, 64, 128}, 0.0f}, {{0, 128, 64}, 1.0f}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        small c = {.dtype = TERN_DTYPE_F32, .values = {0x1p24f, 1.0f, -0x1p24f}};
        memcpy(c.at, cases[i].at, sizeof c.at);
        assert_true(attend_small(&c) == cases[i].sum * (1.0f / 192.0f));
    }
}

// A window's blocks are those of the cache, here 92 to 127 and 128 to 191: in one block 2^24 + 1
// would lose the 1. What lies before the window is not there.
static void a_window_keeps_the_blocks(void **state) {
    (void)state;
    small c = {.dtype = TERN_DTYPE_F32,
               .at = {127, 128, 156},
               .values = {0x1p24f, 1.0f, -0x1p24f},
               .window = 100};
    assert_true(attend_small(&c) == 1.0f / 100.0f);
    small before = {
        .dtype = TERN_DTYPE_F32, .at = {91, 92, 191}, .values = {64.0f, 1.0f, 2.0f}, .window = 100};
    assert_true(attend_small(&before) == 3.0f * (1.0f / 100.0f));
}

// Only weights within a block are rounded to float16, not those of whole blocks.
static void blocks_are_weighed_in_float32(void **state) {
    (void)state;
    const small c = {.dtype = TERN_DTYPE_F16,
                     .q = {1.0f, 0.0f},
                     .rest = {{0}, {0}, {14.0f, 0.0f}},
                     .at = {0, 1, 128},
                     .values = {1000.0f, 0.0f, 0.0f}};
    double less = exp(-14.0);
    double want = 1000.0 * less / (128.0 * less + 64.0);
    check_near("attention", 0, attend_small(&c), want, want * 1e-6);
}

static void weights_in_a_block_are_rounded(void **state) {
    (void)state;
    const small c = {.dtype = TERN_DTYPE_F16,
                     .q = {1.0f, 0.0f},
                     .rest = {{-1.0f, 0.0f}, {-60.0f, 0.0f}, {-60.0f, 0.0f}},
                     .at = {1, 2, 3},
                     .values = {1000.0f, 0.0f, 0.0f}};
    double p = half_rounded(exp(-1.0));
    double want = 1000.0 * p / (1.0 + 63.0 * p);
    check_near("attention", 0, attend_small(&c), want, want * 1e-6);
}

// 1 + 2^-12 becomes 1, which 2048 makes a difference of 1/2 in a score.
static void queries_are_rounded(void **state) {
    (void)state;
    const small c = {.dtype = TERN_DTYPE_F16,
                     .q = {1.0f + 0x1p-12f, 1.0f},
                     .first = {2048.0f, 0.0f},
                     .rest = {{0.0f, 2047.0f}, {0}, {0}},
                     .at = {0, 1, 2},
                     .values = {1000.0f, 0.0f, 0.0f}};
    double p = half_rounded(exp(-1.0));
    double want = 1000.0 / (1.0 + 63.0 * p);
    check_near("attention", 0, attend_small(&c), want, want * 1e-6);
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
        cmocka_unit_test(a_window_keeps_the_blocks),
        cmocka_unit_test(blocks_are_weighed_in_float32),
        cmocka_unit_test(weights_in_a_block_are_rounded),
        cmocka_unit_test(queries_are_rounded),
        cmocka_unit_test(appended_rows_land_in_their_blocks),
        cmocka_unit_test(indices_are_clamped),
    };
    bench_open(&b, "reference");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bench_close(&b);
    return failed;
}
