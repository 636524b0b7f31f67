// attend_keys and attend_values, for both types of cache.
#include "tests/kernels/check.h"

#include <string.h>

enum { MOST_DIM = 1100, MOST_ROWS = 64 };

// A block of a cache: what the kernel reads, and the same values as floats.
struct cache {
    struct tern_cpu_attend job;
    float values[MOST_ROWS][MOST_DIM];
};

static struct cache cache;

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
    cache.job = (struct tern_cpu_attend){rows, stride, count, dim};
}

static void test_keys(const struct check *check, bool half, enum check_pattern pattern) {
    uint32_t dim = cache.job.dim;
    float *q = check_in(dim * sizeof *q);
    float *out = check_out(cache.job.count * sizeof *out);
    float want[MOST_ROWS];
    check_fill_f32(q, dim, pattern);
    for (uint32_t d = 0; half && d < dim; d++) {
        q[d] = check_round_f16(q[d]);
    }
    for (uint32_t j = 0; j < cache.job.count; j++) {
        float terms[MOST_DIM];
        for (uint32_t d = 0; d < dim; d++) {
            terms[d] = q[d] * cache.values[j][d];
        }
        want[j] = check_sum(terms, dim);
    }
    (half ? check->kernels.attend_keys_f16.fn : check->kernels.attend_keys_f32.fn)(&cache.job, q,
                                                                                   out);
    check_same(out, want, cache.job.count * sizeof *out, "attend_keys: half %d dim %u count %u",
               half, dim, cache.job.count);
}

static void test_values(const struct check *check, bool half, enum check_pattern pattern) {
    uint32_t dim = cache.job.dim;
    float *p = check_in(cache.job.count * sizeof *p);
    float *out = check_out(dim * sizeof *out);
    float want[MOST_DIM] = {0};
    check_fill_f32(p, cache.job.count, pattern);
    for (uint32_t j = 0; j < cache.job.count; j++) {
        p[j] = half ? check_round_f16(p[j]) : p[j];
        for (uint32_t d = 0; d < dim; d++) {
            want[d] += p[j] * cache.values[j][d];
        }
    }
    (half ? check->kernels.attend_values_f16.fn : check->kernels.attend_values_f32.fn)(&cache.job,
                                                                                       p, out);
    check_same(out, want, dim * sizeof *out, "attend_values: half %d dim %u count %u", half, dim,
               cache.job.count);
}

static void bench(const struct check *check, uint32_t dim) {
    float *x = check_in(MOST_DIM * sizeof *x);
    float *out = check_out(MOST_DIM * sizeof *out);
    make(dim, MOST_ROWS, true, CHECK_RANDOM);
    check_fill_f32(x, MOST_DIM, CHECK_RANDOM);
    CHECK_BENCH(check, 2u * dim * MOST_ROWS, check->kernels.attend_keys_f16.fn(&cache.job, x, out),
                "attend_keys_f16 %u x 64", dim);
    CHECK_BENCH(check, 2u * dim * MOST_ROWS,
                check->kernels.attend_values_f16.fn(&cache.job, x, out),
                "attend_values_f16 %u x 64", dim);
    check_clear();
}

void check_run(const struct check *check) {
    static const uint32_t dims[] = {1, 3, 7, 8, 20, 32, 63, 64, 65, 80, 100, 128, 1024, MOST_DIM};
    static const uint32_t counts[] = {1, 2, 7, 8, 9, 33, 64};
    for (uint32_t i = 0; i < sizeof dims / sizeof dims[0]; i++) {
        for (uint32_t j = 0; j < sizeof counts / sizeof counts[0]; j++) {
            for (int k = 0; k < 2 * CHECK_PATTERNS; k++) {
                enum check_pattern pattern = (enum check_pattern)(k / 2);
                make(dims[i], counts[j], k % 2, pattern);
                test_keys(check, k % 2, pattern);
                test_values(check, k % 2, pattern);
                check_clear();
            }
        }
    }
    bench(check, 32);
    bench(check, 128);
}
