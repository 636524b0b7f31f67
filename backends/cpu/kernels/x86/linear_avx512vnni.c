#include "backends/cpu/kernels/kernels.h"

#include <string.h>

#include "backends/cpu/kernels/sum.h"
#include "backends/cpu/kernels/x86/sum_avx2.h"

// Each row is read for up to SPAN blocks of a sum before the next, so that memory is read nearly in
// order. One row by f16 2560 x 128256: 24.3 ms, 27.0 GB/s, where the AVX2 kernel takes 33.2 ms (two
// threads, Xeon, November 2026).
enum { TILE = 8, SPAN = 8, VECTORS = TERN_CPU_SUM_PARTS / 16, AHEAD_BYTES = 4096 };

// Sixteen weights from column |col| + 16 * |i| of a row; |col| is a multiple of 64.
typedef __m512 load_fn(const uint8_t *row, uint32_t col, int i);

TERN_CPU_INLINE __m512 load_f32(const uint8_t *row, uint32_t col, int i) {
    return _mm512_loadu_ps((const float *)(const void *)row + col + 16 * i);
}

TERN_CPU_INLINE __m256i load_halves(const uint8_t *row, uint32_t col, int i) {
    return _mm256_loadu_si256((const __m256i *)(const void *)(row + 2 * ((size_t)col + 16 * i)));
}

TERN_CPU_INLINE __m512 load_f16(const uint8_t *row, uint32_t col, int i) {
    return _mm512_cvtph_ps(load_halves(row, col, i));
}

TERN_CPU_INLINE __m512 load_bf16(const uint8_t *row, uint32_t col, int i) {
    __m512i wide = _mm512_cvtepu16_epi32(load_halves(row, col, i));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

TERN_CPU_INLINE __m512 load_q8_0(const uint8_t *row, uint32_t col, int i) {
    const uint8_t *block = row + 34 * ((size_t)col / 32 + i / 2);
    uint16_t half;
    memcpy(&half, block, sizeof half);
    __m512 d = _mm512_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(half)));
    __m128i q = _mm_loadu_si128((const __m128i *)(const void *)(block + 2 + 16 * (i % 2)));
    return _mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(q)));
}

// Partial sums of one row over columns |from| to |to|, one block, joined to 8 lanes. |bits| of a
// weight; |fused|: the products are exact, so a fused multiply-add gives the same bits.
TERN_CPU_INLINE __m256 dot(const uint8_t *row, const float *x, uint32_t from, uint32_t to,
                           load_fn *load, int bits, int fused) {
    __m512 parts[VECTORS];
    for (int i = 0; i < VECTORS; i++) {
        parts[i] = _mm512_setzero_ps();
    }
    for (uint32_t col = from; col < to; col += TERN_CPU_SUM_PARTS) {
        const char *ahead = (const char *)row + (size_t)col * bits / 8 + AHEAD_BYTES;
        for (int line = 0; line < bits / 8; line++) {
            _mm_prefetch(ahead + 64 * line, _MM_HINT_T0);
        }
        for (int i = 0; i < VECTORS; i++) {
            __m512 w = load(row, col, i);
            __m512 a = _mm512_loadu_ps(x + col + 16 * i);
            parts[i] = fused ? _mm512_fmadd_ps(a, w, parts[i])
                             : _mm512_add_ps(parts[i], _mm512_mul_ps(a, w));
        }
    }
    __m512 all =
        _mm512_add_ps(_mm512_add_ps(parts[0], parts[2]), _mm512_add_ps(parts[1], parts[3]));
    return _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
}

TERN_CPU_INLINE void dots(const uint8_t *tile, size_t row_bytes, const float *x, uint32_t cols,
                          float *sums, load_fn *load, int bits, int fused) {
    __m256 total = _mm256_setzero_ps();
    for (uint32_t first = 0; first < cols; first += SPAN * TERN_CPU_SUM_BLOCK) {
        __m256 lanes[SPAN][TILE];
        for (int i = 0; i < TILE; i++) {
            uint32_t from = first;
            for (uint32_t b = 0; b < SPAN && from < cols; b++, from += TERN_CPU_SUM_BLOCK) {
                uint32_t to = cols - from < TERN_CPU_SUM_BLOCK ? cols : from + TERN_CPU_SUM_BLOCK;
                lanes[b][i] = dot(tile + i * row_bytes, x, from, to, load, bits, fused);
            }
        }
        uint32_t from = first;
        for (uint32_t b = 0; b < SPAN && from < cols; b++, from += TERN_CPU_SUM_BLOCK) {
            total = _mm256_add_ps(total, tern_cpu_join_lanes(lanes[b]));
        }
    }
    _mm256_storeu_ps(sums, total);
}

void tern_cpu_linear_f32__avx512vnni(const uint8_t *tile, size_t row_bytes, const float *x,
                                     uint32_t cols, float *sums) {
    dots(tile, row_bytes, x, cols, sums, load_f32, 32, 0);
}

void tern_cpu_linear_f16__avx512vnni(const uint8_t *tile, size_t row_bytes, const float *x,
                                     uint32_t cols, float *sums) {
    dots(tile, row_bytes, x, cols, sums, load_f16, 16, 1);
}

void tern_cpu_linear_bf16__avx512vnni(const uint8_t *tile, size_t row_bytes, const float *x,
                                      uint32_t cols, float *sums) {
    dots(tile, row_bytes, x, cols, sums, load_bf16, 16, 1);
}

// Blocks are 8.5 bits a weight.
void tern_cpu_linear_q8_0__avx512vnni(const uint8_t *tile, size_t row_bytes, const float *x,
                                      uint32_t cols, float *sums) {
    dots(tile, row_bytes, x, cols, sums, load_q8_0, 8, 0);
}
