#include "backends/cpu/kernels/kernels.h"

#include <immintrin.h>
#include <string.h>

#include "backends/cpu/kernels/ahead.h"
#include "backends/cpu/kernels/attend_scales.h"
#include "backends/cpu/kernels/sum.h"

// A row of the cache is loaded and widened once for all query heads. 16 sums are joined together.
enum {
    LANES = 16,
    VECTORS = TERN_CPU_SUM_PARTS / LANES,
    CHUNK = TERN_CPU_SUM_PARTS,
    MOST = TERN_CPU_ATTEND_QUERIES
};

// Sixteen elements of a row; those without a bit in |lanes| are zero and not read.
typedef __m512 load_fn(const uint8_t *at, __mmask16 lanes);

// What differs between the types of a cache. |fused|: products are exact.
struct type {
    size_t bytes;
    load_fn *load;
    int fused;
};

TERN_CPU_INLINE __m512 load_f16(const uint8_t *at, __mmask16 lanes) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, at));
}

TERN_CPU_INLINE __m512 load_f32(const uint8_t *at, __mmask16 lanes) {
    return _mm512_maskz_loadu_ps(lanes, at);
}

TERN_CPU_INLINE __m512 load_i8(const uint8_t *at, __mmask16 lanes) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(lanes, at)));
}

#define TYPE_F16                                                                                   \
    (struct type) {                                                                                \
        2, load_f16, 1                                                                             \
    }
#define TYPE_F32                                                                                   \
    (struct type) {                                                                                \
        4, load_f32, 0                                                                             \
    }

#define TYPE_I8                                                                                    \
    (struct type) {                                                                                \
        1, load_i8, 1                                                                              \
    }

TERN_CPU_INLINE __m512 add_product(struct type t, __m512 a, __m512 b, __m512 to) {
    return t.fused ? _mm512_fmadd_ps(a, b, to) : _mm512_add_ps(to, _mm512_mul_ps(a, b));
}

// A bit for each of the |n| elements that exists of those from 16 * i.
TERN_CPU_INLINE __mmask16 lanes_of(uint32_t n, int i) {
    uint32_t first = (uint32_t)(LANES * i);
    uint32_t left = n > first ? n - first : 0;
    return left >= LANES ? (__mmask16)0xffff : (__mmask16)((1u << left) - 1);
}

TERN_CPU_INLINE struct tern_cpu_ahead ahead_of(struct type t, const struct tern_cpu_attend *job,
                                               uint32_t steps) {
    return tern_cpu_ahead_of(job->ahead, job->stride * t.bytes * TERN_KV_BLOCK, steps);
}

// Adds the products of |n| <= 64 elements from element |at| to the partial sums of every query.
TERN_CPU_INLINE void add_chunk(struct type t, const uint8_t *row, const float *const *q,
                               uint32_t queries, uint32_t at, uint32_t n, __m512 parts[][VECTORS]) {
    for (int i = 0; i < VECTORS; i++) {
        __mmask16 lanes = lanes_of(n, i);
        __m512 k = t.load(row + (at + LANES * i) * t.bytes, lanes);
        for (uint32_t g = 0; g < queries; g++) {
            __m512 x = _mm512_maskz_loadu_ps(lanes, q[g] + at + LANES * i);
            parts[g][i] = add_product(t, x, k, parts[g][i]);
        }
    }
}

// Elements |base| to |end| of one row, a block of at most 1024: the upper part of the tree of rule
// 4, 32 and 16, leaves sixteen lanes of query g in sums[g * rows].
TERN_CPU_INLINE void dots(struct type t, const uint8_t *row, const float *const *q,
                          uint32_t queries, uint32_t base, uint32_t end, uint32_t rows,
                          __m512 *sums) {
    __m512 parts[MOST][VECTORS];
    for (uint32_t g = 0; g < queries; g++) {
        for (int i = 0; i < VECTORS; i++) {
            parts[g][i] = _mm512_setzero_ps();
        }
    }
    uint32_t at = base;
    for (; end - at >= CHUNK; at += CHUNK) {
        add_chunk(t, row, q, queries, at, CHUNK, parts);
    }
    if (at < end) {
        add_chunk(t, row, q, queries, at, end - at, parts);
    }
    for (uint32_t g = 0; g < queries; g++) {
        const __m512 *p = parts[g];
        sums[g * rows] = _mm512_add_ps(_mm512_add_ps(p[0], p[2]), _mm512_add_ps(p[1], p[3]));
    }
}

// The lower part, 8, 4, 2, 1, of sixteen sums at once: lane i of the result is that of |v[i]|.
TERN_CPU_INLINE __m512 join_lanes(const __m512 *v) {
    __m512 eight[8];
    for (int i = 0; i < 8; i++) {
        __m512 a = v[i % 4 + i / 4 * 8];
        __m512 b = v[i % 4 + i / 4 * 8 + 4];
        eight[i] =
            _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    }
    __m512d four[4];
    for (int i = 0; i < 4; i++) {
        __m512 low = _mm512_shuffle_f32x4(eight[i], eight[i + 4], 0x88);
        __m512 high = _mm512_shuffle_f32x4(eight[i], eight[i + 4], 0xdd);
        four[i] = _mm512_castps_pd(_mm512_add_ps(low, high));
    }
    __m512 two[2];
    for (int i = 0; i < 2; i++) {
        __m512d low = _mm512_unpacklo_pd(four[2 * i], four[2 * i + 1]);
        __m512d high = _mm512_unpackhi_pd(four[2 * i], four[2 * i + 1]);
        two[i] = _mm512_add_ps(_mm512_castpd_ps(low), _mm512_castpd_ps(high));
    }
    return _mm512_add_ps(_mm512_shuffle_ps(two[0], two[1], 0x88),
                         _mm512_shuffle_ps(two[0], two[1], 0xdd));
}

// The first |n| of each |rows| lanes, to |out| of their query.
TERN_CPU_INLINE void store(const struct tern_cpu_attend *job, __m512 total, uint32_t queries,
                           uint32_t rows, uint32_t n, float *out) {
    float lanes[LANES];
    _mm512_storeu_ps(lanes, total);
    for (uint32_t g = 0; g < queries; g++) {
        float *to = out + g * job->out_stride;
        if (n == rows) { // of a size that the compiler knows
            memcpy(to, lanes + g * rows, rows * sizeof *out);
        } else {
            memcpy(to, lanes + g * rows, n * sizeof *out);
        }
    }
}

// |queries| and |rows|, whose product is at most 16, are constants wherever this is inlined.
TERN_CPU_INLINE void keys_of(struct type t, const struct tern_cpu_attend *job, const float *x,
                             uint32_t queries, uint32_t rows, float *out) {
    const float *q[MOST];
    for (uint32_t g = 0; g < queries; g++) {
        q[g] = x + g * job->x_stride;
    }
    struct tern_cpu_ahead ahead = ahead_of(t, job, TERN_KV_BLOCK);
    for (uint32_t j = 0; j < job->count; j += rows) {
        uint32_t n = job->count - j < rows ? job->count - j : rows;
        __m512 total = _mm512_setzero_ps();
        for (uint32_t base = 0; base < job->dim; base += TERN_CPU_SUM_BLOCK) {
            uint32_t left = job->dim - base;
            uint32_t end = left < TERN_CPU_SUM_BLOCK ? job->dim : base + TERN_CPU_SUM_BLOCK;
            __m512 sums[LANES];
            for (uint32_t i = queries * rows; i < LANES; i++) {
                sums[i] = _mm512_setzero_ps();
            }
            for (uint32_t i = 0; i < rows; i++) {
                size_t row = (j + (i < n ? i : 0)) * job->stride * t.bytes;
                tern_cpu_ask(&ahead);
                dots(t, (const uint8_t *)job->rows + row, q, queries, base, end, rows, sums + i);
            }
            total = _mm512_add_ps(total, join_lanes(sums));
        }
        store(job, total, queries, rows, n, out + j);
    }
}

TERN_CPU_INLINE void keys(struct type t, const struct tern_cpu_attend *job, const float *q,
                          float *out) {
    switch (job->queries) {
    case 1:
        keys_of(t, job, q, 1, 16, out);
        break;
    case 2:
        keys_of(t, job, q, 2, 8, out);
        break;
    case 3:
        keys_of(t, job, q, 3, 4, out);
        break;
    default:
        keys_of(t, job, q, 4, 4, out);
    }
}

void tern_cpu_attend_keys_f16__avx512vnni(const struct tern_cpu_attend *job, const float *x,
                                          float *out) {
    keys(TYPE_F16, job, x, out);
}

void tern_cpu_attend_keys_f32__avx512vnni(const struct tern_cpu_attend *job, const float *x,
                                          float *out) {
    keys(TYPE_F32, job, x, out);
}

void tern_cpu_attend_keys_i8__avx512vnni(const struct tern_cpu_attend *job, const float *x,
                                         float *out) {
    keys(TYPE_I8, job, x, out);
    tern_cpu_scale_keys(job, out);
}

void tern_cpu_attend_weights_i8__avx512vnni(const struct tern_cpu_attend *job, const float *p,
                                            float *out) {
    tern_cpu_weigh_values(job, p, out);
}

TERN_CPU_INLINE __m512 flush(__m512 sum) {
    __m512 magnitude = _mm512_abs_ps(sum);
    __mmask16 keep = _mm512_cmp_ps_mask(magnitude, _mm512_set1_ps(0x1p-50f), _CMP_NLT_UQ);
    return _mm512_maskz_mov_ps(keep, sum);
}

// |n| <= 64 columns from |column|; |queries| is a constant wherever this is inlined.
TERN_CPU_INLINE void value_columns(struct type t, const struct tern_cpu_attend *job, const float *p,
                                   uint32_t queries, uint32_t column, uint32_t n,
                                   struct tern_cpu_ahead *ahead, float *out) {
    __m512 sums[MOST][VECTORS];
    for (uint32_t g = 0; g < queries; g++) {
        for (int i = 0; i < VECTORS; i++) {
            sums[g][i] = _mm512_setzero_ps();
        }
    }
    for (uint32_t j = 0; j < job->count; j++) {
        size_t at = j * job->stride + column;
        tern_cpu_ask(ahead);
        __m512 v[VECTORS];
        for (int i = 0; i < VECTORS; i++) {
            v[i] = t.load((const uint8_t *)job->rows + (at + LANES * i) * t.bytes, lanes_of(n, i));
        }
        for (uint32_t g = 0; g < queries; g++) {
            __m512 x = _mm512_set1_ps(p[g * job->x_stride + j]);
            for (int i = 0; i < VECTORS; i++) {
                sums[g][i] = add_product(t, x, v[i], sums[g][i]);
            }
        }
    }
    for (uint32_t g = 0; g < queries; g++) {
        for (int i = 0; i < VECTORS; i++) {
            float *to = out + g * job->out_stride + column + LANES * i;
            _mm512_mask_storeu_ps(to, lanes_of(n, i), flush(sums[g][i]));
        }
    }
}

TERN_CPU_INLINE void values_of(struct type t, const struct tern_cpu_attend *job, const float *p,
                               uint32_t queries, float *out) {
    struct tern_cpu_ahead ahead = ahead_of(t, job, (job->dim + CHUNK - 1) / CHUNK * TERN_KV_BLOCK);
    uint32_t column = 0;
    for (; job->dim - column >= CHUNK; column += CHUNK) {
        value_columns(t, job, p, queries, column, CHUNK, &ahead, out);
    }
    if (column < job->dim) {
        value_columns(t, job, p, queries, column, job->dim - column, &ahead, out);
    }
}

#include "backends/cpu/kernels/attend_heads_tmpl.h"

void tern_cpu_attend_values_f16__avx512vnni(const struct tern_cpu_attend *job, const float *x,
                                            float *out) {
    values(TYPE_F16, job, x, out);
}

void tern_cpu_attend_values_f32__avx512vnni(const struct tern_cpu_attend *job, const float *x,
                                            float *out) {
    values(TYPE_F32, job, x, out);
}

void tern_cpu_attend_values_i8__avx512vnni(const struct tern_cpu_attend *job, const float *x,
                                           float *out) {
    values(TYPE_I8, job, x, out);
}
