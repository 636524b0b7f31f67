#include "backends/cpu/kernels/kernels.h"

#include <string.h>

#include "backends/cpu/kernels/ahead.h"
#include "backends/cpu/kernels/sum.h"
#include "backends/cpu/kernels/x86/sum_avx2.h"

// The next tile is asked for while this one is read in pieces of eight rows: 2560 x 128256 by one
// row takes 25 ms by q8_0 and f16 where it took 49 and 47, by eight 115 and 91 where it took 135
// and 116 (two threads, medians of 7 runs in turn, Xeon, November 2026).
enum { TILE = 8 };

// Eight weights from column |col| + 8 * |i| of a row; |col| is a multiple of 64. |scales| are those
// of a row of q8_0.
typedef __m256 load_fn(const uint8_t *row, const uint16_t *scales, uint32_t col, int i);

// |bytes| of 64 columns with their scales. |fused|: the products are exact, so a fused multiply-add
// gives the same bits.
struct type {
    load_fn *load;
    uint32_t bytes;
    int fused;
};

TERN_CPU_INLINE __m256 load_f32(const uint8_t *row, const uint16_t *scales, uint32_t col, int i) {
    (void)scales;
    return _mm256_load_ps((const float *)(const void *)row + col + 8 * i);
}

TERN_CPU_INLINE __m128i load_halves(const uint8_t *row, uint32_t col, int i) {
    return _mm_loadu_si128((const __m128i *)(const void *)(row + 2 * ((size_t)col + 8 * i)));
}

TERN_CPU_INLINE __m256 load_f16(const uint8_t *row, const uint16_t *scales, uint32_t col, int i) {
    (void)scales;
    return _mm256_cvtph_ps(load_halves(row, col, i));
}

TERN_CPU_INLINE __m256 load_bf16(const uint8_t *row, const uint16_t *scales, uint32_t col, int i) {
    (void)scales;
    __m256i wide = _mm256_cvtepu16_epi32(load_halves(row, col, i));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

// (code + 128) * d - 128 * d: a fused multiply-add leaves the exact product.
TERN_CPU_INLINE __m256 load_q8_0(const uint8_t *row, const uint16_t *scales, uint32_t col, int i) {
    int half = scales[col / TERN_CPU_Q8_COLS + i / 4];
    __m256 d = _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(half)));
    __m256 zero = _mm256_mul_ps(d, _mm256_set1_ps((float)TERN_CPU_Q8_ZERO));
    __m128i q = _mm_loadl_epi64((const __m128i *)(const void *)(row + col + 8 * i));
    return _mm256_fmsub_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(q)), d, zero);
}

// Partial sums of one row over columns |from| to |to|. |ahead|: NULL if nothing is needed soon.
TERN_CPU_INLINE __m256 dot(const uint8_t *row, const uint16_t *scales, const float *x,
                           uint32_t from, uint32_t to, struct tern_cpu_ahead *ahead,
                           struct type type) {
    __m256 parts[TERN_CPU_VECTORS];
    for (int i = 0; i < TERN_CPU_VECTORS; i++) {
        parts[i] = _mm256_setzero_ps();
    }
    for (uint32_t col = from; col < to; col += TERN_CPU_SUM_PARTS) {
        if (ahead) {
            tern_cpu_ask(ahead);
        }
        for (int i = 0; i < TERN_CPU_VECTORS; i++) {
            __m256 w = type.load(row, scales, col, i);
            __m256 a = _mm256_load_ps(x + col + 8 * i);
            parts[i] = type.fused ? _mm256_fmadd_ps(a, w, parts[i])
                                  : _mm256_add_ps(parts[i], _mm256_mul_ps(a, w));
        }
    }
    return tern_cpu_join_vectors(parts);
}

// The weights of row |i| from |from| to |to|, one block, for all rows of activations.
TERN_CPU_INLINE void dot_rows(const struct tern_cpu_linear *job, int i, uint32_t from, uint32_t to,
                              __m256 (*sums)[TILE], struct tern_cpu_ahead *ahead,
                              struct type type) {
    const uint8_t *row = job->tile + i * job->row_bytes;
    const uint16_t *scales = job->scales + (size_t)i * (job->cols / TERN_CPU_Q8_COLS);
    if (job->rows == 1) {
        sums[0][i] = dot(row, scales, job->x, from, to, ahead, type);
        return;
    }
    _Alignas(32) float w[TERN_CPU_SUM_BLOCK];
    for (uint32_t col = from; col < to; col += TERN_CPU_SUM_PARTS) {
        tern_cpu_ask(ahead);
        for (int v = 0; v < TERN_CPU_VECTORS; v++) {
            _mm256_store_ps(w + (col - from) + 8 * v, type.load(row, scales, col, v));
        }
    }
    for (uint32_t r = 0; r < job->rows; r++) {
        const float *x = job->x + (size_t)r * job->cols + from;
        sums[r][i] = dot((const uint8_t *)w, NULL, x, 0, to - from, NULL,
                         (struct type){load_f32, 0, type.fused});
    }
}

TERN_CPU_INLINE void dots(const struct tern_cpu_linear *job, float *sums, struct type type) {
    uint32_t steps = TILE * (job->cols / TERN_CPU_SUM_PARTS);
    struct tern_cpu_ahead ahead = tern_cpu_ahead_of(job->ahead, (size_t)steps * type.bytes, steps);
    __m256 total[TERN_CPU_LINEAR_ROWS];
    for (uint32_t r = 0; r < job->rows; r++) {
        total[r] = _mm256_setzero_ps();
    }
    for (uint32_t from = 0; from < job->cols; from += TERN_CPU_SUM_BLOCK) {
        uint32_t left = job->cols - from;
        uint32_t to = left < TERN_CPU_SUM_BLOCK ? job->cols : from + TERN_CPU_SUM_BLOCK;
        __m256 rows[TERN_CPU_LINEAR_ROWS][TILE];
        for (int i = 0; i < TILE; i++) {
            dot_rows(job, i, from, to, rows, &ahead, type);
        }
        for (uint32_t r = 0; r < job->rows; r++) {
            total[r] = _mm256_add_ps(total[r], tern_cpu_join_lanes(rows[r]));
        }
    }
    for (uint32_t r = 0; r < job->rows; r++) {
        _mm256_storeu_ps(sums + r * TILE, total[r]);
    }
}

void tern_cpu_linear_f32__avx2(const struct tern_cpu_linear *job, float *sums) {
    dots(job, sums, (struct type){load_f32, 256, 0});
}

void tern_cpu_linear_f16__avx2(const struct tern_cpu_linear *job, float *sums) {
    dots(job, sums, (struct type){load_f16, 128, 1});
}

void tern_cpu_linear_bf16__avx2(const struct tern_cpu_linear *job, float *sums) {
    dots(job, sums, (struct type){load_bf16, 128, 1});
}

void tern_cpu_linear_q8_0__avx2(const struct tern_cpu_linear *job, float *sums) {
    dots(job, sums, (struct type){load_q8_0, 68, 0});
}
