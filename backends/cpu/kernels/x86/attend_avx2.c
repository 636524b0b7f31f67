#include "backends/cpu/kernels/kernels.h"

#include <string.h>

#include "backends/cpu/kernels/attend_scales.h"
#include "backends/cpu/kernels/sum.h"
#include "backends/cpu/kernels/x86/sum_avx2.h"

enum { LANES = TERN_CPU_LANES, VECTORS = TERN_CPU_VECTORS, CHUNK = TERN_CPU_SUM_PARTS };

// Eight elements of a row, and the last |n| < 8 of one, zeros after them.
typedef __m256 load_fn(const uint8_t *at);
typedef __m256 load_some_fn(const uint8_t *at, uint32_t n);

// What differs between the types of a cache. |fused|: products are exact.
struct type {
    size_t bytes;
    load_fn *load;
    load_some_fn *load_some;
    int fused;
};

TERN_CPU_INLINE __m256 load_f16(const uint8_t *at) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)at));
}

TERN_CPU_INLINE __m256 load_some_f16(const uint8_t *at, uint32_t n) {
    uint8_t eight[2 * LANES] = {0};
    memcpy(eight, at, 2 * n);
    return load_f16(eight);
}

TERN_CPU_INLINE __m256 load_f32(const uint8_t *at) {
    return _mm256_loadu_ps((const float *)(const void *)at);
}

TERN_CPU_INLINE __m256 load_some_f32(const uint8_t *at, uint32_t n) {
    uint8_t eight[4 * LANES] = {0};
    memcpy(eight, at, 4 * n);
    return load_f32(eight);
}

TERN_CPU_INLINE __m256 load_i8(const uint8_t *at) {
    __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)at);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
}

TERN_CPU_INLINE __m256 load_some_i8(const uint8_t *at, uint32_t n) {
    uint8_t eight[LANES] = {0};
    memcpy(eight, at, n);
    return load_i8(eight);
}

#define TYPE_F16                                                                                   \
    (struct type) {                                                                                \
        2, load_f16, load_some_f16, 1                                                              \
    }
#define TYPE_F32                                                                                   \
    (struct type) {                                                                                \
        4, load_f32, load_some_f32, 0                                                              \
    }

#define TYPE_I8                                                                                    \
    (struct type) {                                                                                \
        1, load_i8, load_some_i8, 1                                                                \
    }

TERN_CPU_INLINE __m256 add_product(struct type t, __m256 a, __m256 b, __m256 to) {
    return t.fused ? _mm256_fmadd_ps(a, b, to) : _mm256_add_ps(to, _mm256_mul_ps(a, b));
}

// The last |left| < 64 elements of a row, added to its partial sums.
TERN_CPU_INLINE void add_rest(struct type t, const uint8_t *row, const float *q, uint32_t left,
                              __m256 *parts) {
    for (uint32_t i = 0; i < VECTORS; i++) {
        if (left >= LANES) {
            parts[i] = add_product(t, _mm256_loadu_ps(q), t.load(row), parts[i]);
        } else if (left > 0) {
            __m256 some = load_some_f32((const uint8_t *)q, left);
            parts[i] = add_product(t, some, t.load_some(row, left), parts[i]);
        }
        left = left >= LANES ? left - LANES : 0;
        row += LANES * t.bytes;
        q += LANES;
    }
}

// One block of at most 1024 elements, joined to 8 lanes.
TERN_CPU_INLINE __m256 dot(struct type t, const uint8_t *row, const float *q, uint32_t dim) {
    __m256 parts[VECTORS];
    for (int i = 0; i < VECTORS; i++) {
        parts[i] = _mm256_setzero_ps();
    }
    uint32_t at = 0;
    for (; dim - at >= CHUNK; at += CHUNK) {
        for (uint32_t i = 0; i < VECTORS; i++) {
            __m256 x = _mm256_loadu_ps(q + at + LANES * i);
            parts[i] = add_product(t, x, t.load(row + (at + LANES * i) * t.bytes), parts[i]);
        }
    }
    if (at < dim) {
        add_rest(t, row + at * t.bytes, q + at, dim - at, parts);
    }
    return tern_cpu_join_vectors(parts);
}

// Eight rows at a time, so that their sums are joined together; the last rows may be fewer.
TERN_CPU_INLINE void keys_of_rows(struct type t, const struct tern_cpu_attend *job, uint32_t j,
                                  const float *q, float *out) {
    size_t stride = job->stride * t.bytes;
    uint32_t rows = job->count - j < LANES ? job->count - j : LANES;
    const uint8_t *first = (const uint8_t *)job->rows + j * stride;
    __m256 total = _mm256_setzero_ps();
    for (uint32_t base = 0; base < job->dim; base += TERN_CPU_SUM_BLOCK) {
        uint32_t left = job->dim - base;
        uint32_t size = left < TERN_CPU_SUM_BLOCK ? left : TERN_CPU_SUM_BLOCK;
        __m256 sums[LANES];
        for (uint32_t i = 0; i < LANES; i++) {
            const uint8_t *row = first + (i < rows ? i : 0) * stride + base * t.bytes;
            sums[i] = dot(t, row, q + base, size);
        }
        total = _mm256_add_ps(total, tern_cpu_join_lanes(sums));
    }
    float lanes[LANES];
    _mm256_storeu_ps(lanes, total);
    memcpy(out + j, lanes, rows * sizeof *out);
}

TERN_CPU_INLINE void keys(struct type t, const struct tern_cpu_attend *job, const float *q,
                          float *out) {
    for (uint32_t j = 0; j < job->count; j += LANES) {
        for (uint32_t i = 0; i < job->queries; i++) {
            keys_of_rows(t, job, j, q + i * job->x_stride, out + i * job->out_stride);
        }
    }
}

void tern_cpu_attend_keys_f16__avx2(const struct tern_cpu_attend *job, const float *x, float *out) {
    keys(TYPE_F16, job, x, out);
}

void tern_cpu_attend_keys_f32__avx2(const struct tern_cpu_attend *job, const float *x, float *out) {
    keys(TYPE_F32, job, x, out);
}

void tern_cpu_attend_keys_i8__avx2(const struct tern_cpu_attend *job, const float *x, float *out) {
    keys(TYPE_I8, job, x, out);
    tern_cpu_scale_keys(job, out);
}

void tern_cpu_attend_weights_i8__avx2(const struct tern_cpu_attend *job, const float *p,
                                      float *out) {
    tern_cpu_weigh_values(job, p, out);
}

TERN_CPU_INLINE __m256 flush(__m256 sum) {
    __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), sum);
    return _mm256_and_ps(_mm256_cmp_ps(magnitude, _mm256_set1_ps(0x1p-50f), _CMP_NLT_UQ), sum);
}

typedef __m256 vector;
#define ZERO _mm256_setzero_ps()
#define SPLAT(p) _mm256_broadcast_ss(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#include "backends/cpu/kernels/attend_values_tmpl.h"

void tern_cpu_attend_values_f16__avx2(const struct tern_cpu_attend *job, const float *x,
                                      float *out) {
    values(TYPE_F16, job, x, out);
}

void tern_cpu_attend_values_f32__avx2(const struct tern_cpu_attend *job, const float *x,
                                      float *out) {
    values(TYPE_F32, job, x, out);
}

void tern_cpu_attend_values_i8__avx2(const struct tern_cpu_attend *job, const float *x,
                                     float *out) {
    values(TYPE_I8, job, x, out);
}
