// attend_keys and attend_values, for both types of cache and one to four query heads.
#include "tests/kernels/check.h"

#include <string.h>

enum {
    MOST_DIM = 1100,
    MOST_ROWS = 64,
    MOST_QUERIES = TERN_CPU_ATTEND_QUERIES,
    GAP = 3, // between what belongs to one query head and to the next
};

// A block of a cache: what the kernel reads, and the same values as floats.
struct cache {
    struct tern_cpu_attend job;
    float values[MOST_ROWS][MOST_DIM];
};

static struct cache cache;
static float want[MOST_QUERIES * (MOST_DIM + GAP)];

static void make(uint32_t dim, uint32_t count, bool half, enum check_pattern pattern) {
    size_t stride = (dim + 1) / 2 * 2 + 4;
    size_t bytes = half ? 2 : 4;
    uint8_t *rows = check_in(((count - 1) * stride + dim) * bytes);
    for (uint32_t j = 0; j < count; j++) {
        float *values = cache.values[j];
        check_fill_f32(values, dim, pattern);
        for (uint32_t d = 0; d < dim; d++) {
            uint8_t *at = rows + (j * stride + d) * bytes;
            values[d] = half ? check_round_f16(values[d]) : values[d];
            uint16_t bits = check_f16_bits(values[d]);
            memcpy(at, half ? (const void *)&bits : (const void *)&values[d], bytes);
        }
    }
    cache.job = (struct tern_cpu_attend){
        .rows = rows, .ahead = rows, .stride = stride, .count = count, .dim = dim};
}

// |n| inputs of each query head, as the cache wants them.
static float *make_inputs(uint32_t n, bool half, enum check_pattern pattern) {
    uint32_t queries = cache.job.queries;
    cache.job.x_stride = n + GAP;
    float *x = check_in(((queries - 1) * (n + GAP) + n) * sizeof *x);
    for (uint32_t i = 0; i < queries; i++) {
        float *of = x + i * (n + GAP);
        check_fill_f32(of, n, pattern);
        for (uint32_t k = 0; half && k < n; k++) {
            of[k] = check_round_f16(of[k]);
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

static void test_keys(const struct check *check, bool half, enum check_pattern pattern) {
    uint32_t dim = cache.job.dim;
    uint32_t count = cache.job.count;
    size_t size;
    const float *q = make_inputs(dim, half, pattern);
    float *out = make_outputs(count, &size);
    for (uint32_t i = 0; i < cache.job.queries; i++) {
        for (uint32_t j = 0; j < count; j++) {
            float terms[MOST_DIM];
            for (uint32_t d = 0; d < dim; d++) {
                terms[d] = q[i * cache.job.x_stride + d] * cache.values[j][d];
            }
            want[i * cache.job.out_stride + j] = check_sum(terms, dim);
        }
    }
    (half ? check->kernels.attend_keys_f16.fn : check->kernels.attend_keys_f32.fn)(&cache.job, q,
                                                                                   out);
    check_same(out, want, size, "attend_keys: half %d dim %u count %u queries %u", half, dim, count,
               cache.job.queries);
}

static void test_values(const struct check *check, bool half, enum check_pattern pattern) {
    uint32_t dim = cache.job.dim;
    uint32_t count = cache.job.count;
    size_t size;
    const float *p = make_inputs(count, half, pattern);
    float *out = make_outputs(dim, &size);
    float weights[MOST_QUERIES];
    check_fill_f32(weights, MOST_QUERIES, CHECK_RANDOM);
    cache.job.weights = weights;
    cache.job.weights_stride =
        cache.job.queries > 1 ? (MOST_QUERIES - 1) / (cache.job.queries - 1) : 1;
    for (uint32_t i = 0; i < cache.job.queries; i++) {
        float weight = weights[i * cache.job.weights_stride];
        for (uint32_t d = 0; d < dim; d++) {
            float sum = 0.0f;
            for (uint32_t j = 0; j < count; j++) {
                sum += p[i * cache.job.x_stride + j] * cache.values[j][d];
            }
            want[i * cache.job.out_stride + d] += check_flush(sum) * weight;
        }
    }
    (half ? check->kernels.attend_values_f16.fn : check->kernels.attend_values_f32.fn)(&cache.job,
                                                                                       p, out);
    check_same(out, want, size, "attend_values: half %d dim %u count %u queries %u", half, dim,
               count, cache.job.queries);
}

static void bench(const struct check *check, uint32_t dim, uint32_t queries) {
    static const float weights[MOST_QUERIES];
    float *x = check_in(MOST_QUERIES * dim * sizeof *x);
    float *out = check_out(MOST_QUERIES * dim * sizeof *out);
    make(dim, MOST_ROWS, true, CHECK_RANDOM);
    check_fill_f32(x, MOST_QUERIES * dim, CHECK_RANDOM);
    struct tern_cpu_attend job = cache.job;
    job.stride = dim;
    job.queries = queries;
    job.x_stride = dim;
    job.out_stride = dim;
    job.weights = weights;
    job.weights_stride = 1;
    CHECK_BENCH(check, 2u * dim * MOST_ROWS, check->kernels.attend_keys_f16.fn(&job, x, out),
                "attend_keys_f16 %u x %u x 64", queries, dim);
    CHECK_BENCH(check, 2u * dim * MOST_ROWS, check->kernels.attend_values_f16.fn(&job, x, out),
                "attend_values_f16 %u x %u x 64", queries, dim);
    check_clear();
}

static void test_block(const struct check *check, uint32_t dim, uint32_t count) {
    for (int k = 0; k < 2 * CHECK_PATTERNS; k++) {
        enum check_pattern pattern = (enum check_pattern)(k / 2);
        make(dim, count, k % 2, pattern);
        for (uint32_t queries = 1; queries <= MOST_QUERIES; queries++) {
            cache.job.queries = queries;
            test_keys(check, k % 2, pattern);
            test_values(check, k % 2, pattern);
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
