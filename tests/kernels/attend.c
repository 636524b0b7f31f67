// attend_keys, attend_weights and attend_values, for every type of cache and one to four query
// heads.
#include "tests/kernels/check.h"

#include <math.h>
#include <string.h>

enum {
    MOST_DIM = 1100,
    MOST_ROWS = 64,
    MOST_QUERIES = TERN_CPU_ATTEND_QUERIES,
    GAP = 3, // between what belongs to one query head and to the next
};

enum type { F16, F32, I8, TYPES };
static const size_t bytes_of[TYPES] = {2, 4, 1};
static const char *const names[TYPES] = {"f16", "f32", "i8"};

// A block of a cache: what the kernel reads, and the same values as floats; integers of i8, and
// their scales, which are 1 of other types.
struct cache {
    struct tern_cpu_attend job;
    enum type type;
    float values[MOST_ROWS][MOST_DIM];
    float scales[MOST_ROWS];
};

static struct cache cache;
static float want[MOST_QUERIES * (MOST_DIM + GAP)];

// To 16 significant bits, by the definition.
static float round_16(float x) {
    int exponent;
    frexpf(x, &exponent);
    double spacing = ldexp(1.0, exponent - 16);
    return (float)(nearbyint(x / spacing) * spacing);
}

static float rounded(enum type type, float x) {
    return type == F16 ? check_round_f16(x) : type == I8 ? round_16(x) : x;
}

static void store(float *value, uint8_t *at) {
    int8_t byte = (int8_t)(check_random() & 255);
    *value = cache.type == F16 ? check_round_f16(*value) : cache.type == I8 ? byte : *value;
    uint16_t half = check_f16_bits(*value);
    memcpy(at,
           cache.type == F16  ? (const void *)&half
           : cache.type == I8 ? (const void *)&byte
                              : value,
           bytes_of[cache.type]);
}

static void make(uint32_t dim, uint32_t count, enum type type, enum check_pattern pattern) {
    size_t tail = type == I8 ? sizeof(float) : 0;
    size_t stride = (dim + 1) / 2 * 2 + 4;
    size_t bytes = bytes_of[type];
    uint8_t *rows = check_in(((count - 1) * stride + dim) * bytes + tail);
    cache.type = type;
    for (uint32_t j = 0; j < count; j++) {
        float *values = cache.values[j];
        check_fill_f32(values, dim, pattern);
        for (uint32_t d = 0; d < dim; d++) {
            store(&values[d], rows + (j * stride + d) * bytes);
        }
        cache.scales[j] = type == I8 ? 0x1p-7f * (float)(1 + check_random() % 1000) / 77 : 1.0f;
        memcpy(rows + (j * stride + dim) * bytes, &cache.scales[j], tail);
    }
    cache.job = (struct tern_cpu_attend){
        .rows = rows, .ahead = rows, .stride = stride, .count = count, .dim = dim};
}

// |n| inputs of each query head, as the cache wants them.
static float *make_inputs(uint32_t n, enum check_pattern pattern) {
    uint32_t queries = cache.job.queries;
    cache.job.x_stride = n + GAP;
    float *x = check_in(((queries - 1) * (n + GAP) + n) * sizeof *x);
    for (uint32_t i = 0; i < queries; i++) {
        float *of = x + i * (n + GAP);
        check_fill_f32(of, n, pattern);
        for (uint32_t k = 0; k < n; k++) {
            of[k] = rounded(cache.type, of[k]);
        }
    }
    return x;
}

// Room for |n| outputs of each query head, which already holds something, as |want| does.
static float *make_outputs(uint32_t n, size_t *size) {
    uint32_t queries = cache.job.queries;
    cache.job.out_stride = n + GAP;
    *size = ((queries - 1) * (n + GAP) + n) * sizeof(float);
    float *out = check_out(*size);
    check_fill_f32(want, (uint32_t)(*size / sizeof(float)), CHECK_RANDOM);
    memcpy(out, want, *size);
    return out;
}

static void test_keys(const struct check *check, enum check_pattern pattern) {
    tern_cpu_attend_keys_f16_fn *const keys[TYPES] = {check->kernels.attend_keys_f16.fn,
                                                      check->kernels.attend_keys_f32.fn,
                                                      check->kernels.attend_keys_i8.fn};
    uint32_t dim = cache.job.dim;
    uint32_t count = cache.job.count;
    size_t size;
    const float *q = make_inputs(dim, pattern);
    float *out = make_outputs(count, &size);
    for (uint32_t i = 0; i < cache.job.queries; i++) {
        for (uint32_t j = 0; j < count; j++) {
            float terms[MOST_DIM];
            for (uint32_t d = 0; d < dim; d++) {
                terms[d] = q[i * cache.job.x_stride + d] * cache.values[j][d];
            }
            want[i * cache.job.out_stride + j] = check_sum(terms, dim) * cache.scales[j];
        }
    }
    keys[cache.type](&cache.job, q, out);
    check_same(out, want, size, "attend_keys_%s: dim %u count %u queries %u", names[cache.type],
               dim, count, cache.job.queries);
}

// In place, as attention does it.
static void test_weights(const struct check *check) {
    uint32_t count = cache.job.count;
    size_t size;
    float *p = make_outputs(count, &size);
    cache.job.x_stride = cache.job.out_stride;
    for (uint32_t i = 0; i < cache.job.queries; i++) {
        for (uint32_t j = 0; j < count; j++) {
            float *of = &want[i * cache.job.out_stride + j];
            float product = *of * cache.scales[j];
            *of = round_16(product);
        }
    }
    check->kernels.attend_weights_i8.fn(&cache.job, p, p);
    check_same(p, want, size, "attend_weights_i8: count %u queries %u", count, cache.job.queries);
}

static void test_values(const struct check *check, enum check_pattern pattern) {
    tern_cpu_attend_values_f16_fn *const values[TYPES] = {check->kernels.attend_values_f16.fn,
                                                          check->kernels.attend_values_f32.fn,
                                                          check->kernels.attend_values_i8.fn};
    uint32_t dim = cache.job.dim;
    uint32_t count = cache.job.count;
    size_t size;
    const float *p = make_inputs(count, pattern);
    float *out = make_outputs(dim, &size);
    for (uint32_t i = 0; i < cache.job.queries; i++) {
        for (uint32_t d = 0; d < dim; d++) {
            float sum = 0.0f;
            for (uint32_t j = 0; j < count; j++) {
                sum += p[i * cache.job.x_stride + j] * cache.values[j][d];
            }
            want[i * cache.job.out_stride + d] = check_flush(sum);
        }
    }
    values[cache.type](&cache.job, p, out);
    check_same(out, want, size, "attend_values_%s: dim %u count %u queries %u", names[cache.type],
               dim, count, cache.job.queries);
}

static void bench(const struct check *check, uint32_t dim, uint32_t queries) {
    float *x = check_in(MOST_QUERIES * dim * sizeof *x);
    float *out = check_out(MOST_QUERIES * dim * sizeof *out);
    make(dim, MOST_ROWS, F16, CHECK_RANDOM);
    check_fill_f32(x, MOST_QUERIES * dim, CHECK_RANDOM);
    struct tern_cpu_attend job = cache.job;
    job.stride = dim;
    job.queries = queries;
    job.x_stride = dim;
    job.out_stride = dim;
    CHECK_BENCH(check, 2u * dim * MOST_ROWS, check->kernels.attend_keys_f16.fn(&job, x, out),
                "attend_keys_f16 %u x %u x 64", queries, dim);
    CHECK_BENCH(check, 2u * dim * MOST_ROWS, check->kernels.attend_values_f16.fn(&job, x, out),
                "attend_values_f16 %u x %u x 64", queries, dim);
    make(dim, MOST_ROWS, F32, CHECK_RANDOM);
    job.rows = job.ahead = cache.job.rows;
    CHECK_BENCH(check, 4u * dim * MOST_ROWS, check->kernels.attend_keys_f32.fn(&job, x, out),
                "attend_keys_f32 %u x %u x 64", queries, dim);
    CHECK_BENCH(check, 4u * dim * MOST_ROWS, check->kernels.attend_values_f32.fn(&job, x, out),
                "attend_values_f32 %u x %u x 64", queries, dim);
    make(dim, MOST_ROWS, I8, CHECK_RANDOM);
    job.rows = job.ahead = cache.job.rows;
    job.stride = cache.job.stride;
    CHECK_BENCH(check, dim * MOST_ROWS, check->kernels.attend_keys_i8.fn(&job, x, out),
                "attend_keys_i8 %u x %u x 64", queries, dim);
    CHECK_BENCH(check, dim * MOST_ROWS, check->kernels.attend_values_i8.fn(&job, x, out),
                "attend_values_i8 %u x %u x 64", queries, dim);
    CHECK_BENCH(check, MOST_ROWS * sizeof *x, check->kernels.attend_weights_i8.fn(&job, x, out),
                "attend_weights_i8 %u x 64", queries);
    check_clear();
}

static void test_block(const struct check *check, uint32_t dim, uint32_t count) {
    for (int k = 0; k < TYPES * CHECK_PATTERNS; k++) {
        enum check_pattern pattern = (enum check_pattern)(k / TYPES);
        if (k % TYPES == I8 && pattern != CHECK_RANDOM) {
            continue; // any byte is as good as another
        }
        make(dim, count, (enum type)(k % TYPES), pattern);
        for (uint32_t queries = 1; queries <= MOST_QUERIES; queries++) {
            cache.job.queries = queries;
            test_keys(check, pattern);
            test_values(check, pattern);
            if (cache.type == I8) {
                test_weights(check);
            }
        }
        check_clear();
    }
}

void check_run(const struct check *check) {
    static const uint32_t dims[] = {1, 3, 7, 8, 20, 32, 63, 64, 65, 80, 100, 128, 1024, MOST_DIM};
    static const uint32_t counts[] = {1, 2, 7, 8, 9, 33, 64};
    for (uint32_t i = 0; i < sizeof dims / sizeof dims[0]; i++) {
        for (uint32_t j = 0; j < sizeof counts / sizeof counts[0]; j++) {
            test_block(check, dims[i], counts[j]);
        }
    }
    bench(check, 64, 4);
    bench(check, 128, 1);
    bench(check, 128, 4);
}
