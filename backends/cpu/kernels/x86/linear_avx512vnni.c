#include "backends/cpu/kernels/kernels.h"

#include <string.h>

#include "backends/cpu/kernels/sum.h"
#include "backends/cpu/kernels/x86/sum_avx2.h"

// Each row is read for up to SPAN blocks of a sum before the next, so that memory is read nearly in
// order. One row by f16 2560 x 128256: 24.3 ms, 27.0 GB/s, where the AVX2 kernel takes 33.2 ms (two
// threads, Xeon, November 2026). Four rows share a conversion: eight by the same matrix take 60 ms,
// by q8_0 62 to 76, where a call for each row took 91 to 104 and 130.
//
// Asking 8 KiB ahead for the second cache and 512 bytes ahead for the first, 2560 x 32064 by f16
// took 16.6 to 29.4 ms beside other work; 25.0 to 40.7 when it was 4 KiB ahead for the first (five
// runs of each in turn, November 2026).
enum { TILE = 8, SPAN = 8, VECTORS = TERN_CPU_SUM_PARTS / 16 };
enum { FAR_BYTES = 8192, NEAR_BYTES = 512 };

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

// The scale is spread before it is converted: one row in cache takes 61 us, the other way round 68
// (2048 x 512, Xeon, November 2026).
TERN_CPU_INLINE __m512 load_q8_0(const uint8_t *row, uint32_t col, int i) {
    const uint8_t *block = row + 34 * ((size_t)col / 32 + i / 2);
    uint16_t half;
    memcpy(&half, block, sizeof half);
    __m512 d = _mm512_cvtph_ps(_mm256_set1_epi16((short)half));
    __m128i q = _mm_loadu_si128((const __m128i *)(const void *)(block + 2 + 16 * (i % 2)));
    return _mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(q)));
}

TERN_CPU_INLINE __m256 join(const __m512 *parts) {
    __m512 all =
        _mm512_add_ps(_mm512_add_ps(parts[0], parts[2]), _mm512_add_ps(parts[1], parts[3]));
    return _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
}

// Partial sums of row |i| of weights by |rows| of activations over the block from column |from| on,
// joined to 8 lanes: sums[r][i]. |bits| of a weight; |fused|: the products are exact, so a fused
// multiply-add gives the same bits.
TERN_CPU_INLINE void dot(const struct tern_cpu_linear *job, int i, uint32_t from, uint32_t rows,
                         __m256 (*sums)[TILE], load_fn *load, int bits, int fused) {
    const uint8_t *row = job->tile + i * job->row_bytes;
    uint32_t left = job->cols - from;
    uint32_t to = left < TERN_CPU_SUM_BLOCK ? job->cols : from + TERN_CPU_SUM_BLOCK;
    __m512 parts[TERN_CPU_LINEAR_ROWS][VECTORS];
    for (uint32_t r = 0; r < rows; r++) {
        for (int v = 0; v < VECTORS; v++) {
            parts[r][v] = _mm512_setzero_ps();
        }
    }
    for (uint32_t col = from; col < to; col += TERN_CPU_SUM_PARTS) {
        const char *at = (const char *)row + (size_t)col * bits / 8;
        for (int line = 0; line < bits / 8; line++) {
            _mm_prefetch(at + FAR_BYTES + 64 * line, _MM_HINT_T1);
            _mm_prefetch(at + NEAR_BYTES + 64 * line, _MM_HINT_T0);
        }
        for (int v = 0; v < VECTORS; v++) {
            __m512 w = load(row, col, v);
            for (uint32_t r = 0; r < rows; r++) {
                __m512 a = _mm512_loadu_ps(job->x + (size_t)r * job->cols + col + 16 * v);
                parts[r][v] = fused ? _mm512_fmadd_ps(a, w, parts[r][v])
                                    : _mm512_add_ps(parts[r][v], _mm512_mul_ps(a, w));
            }
        }
    }
    for (uint32_t r = 0; r < rows; r++) {
        sums[r][i] = join(parts[r]);
    }
}

TERN_CPU_INLINE void dots(const struct tern_cpu_linear *job, float *sums, uint32_t rows,
                          load_fn *load, int bits, int fused) {
    __m256 total[TERN_CPU_LINEAR_ROWS];
    for (uint32_t r = 0; r < rows; r++) {
        total[r] = _mm256_setzero_ps();
    }
    for (uint32_t first = 0; first < job->cols; first += SPAN * TERN_CPU_SUM_BLOCK) {
        __m256 lanes[SPAN][TERN_CPU_LINEAR_ROWS][TILE];
        uint32_t left = (job->cols - first + TERN_CPU_SUM_BLOCK - 1) / TERN_CPU_SUM_BLOCK;
        uint32_t blocks = left < SPAN ? left : SPAN;
        for (int i = 0; i < TILE; i++) {
            for (uint32_t b = 0; b < blocks; b++) {
                dot(job, i, first + b * TERN_CPU_SUM_BLOCK, rows, lanes[b], load, bits, fused);
            }
        }
        for (uint32_t b = 0; b < blocks; b++) {
            for (uint32_t r = 0; r < rows; r++) {
                total[r] = _mm256_add_ps(total[r], tern_cpu_join_lanes(lanes[b][r]));
            }
        }
    }
    for (uint32_t r = 0; r < rows; r++) {
        _mm256_storeu_ps(sums + r * TILE, total[r]);
    }
}

// A loop of its own for each number of rows.
TERN_CPU_INLINE void choose(const struct tern_cpu_linear *job, float *sums, load_fn *load, int bits,
                            int fused) {
    switch (job->rows) {
    case 1:
        dots(job, sums, 1, load, bits, fused);
        break;
    case 2:
        dots(job, sums, 2, load, bits, fused);
        break;
    case 3:
        dots(job, sums, 3, load, bits, fused);
        break;
    default:
        dots(job, sums, TERN_CPU_LINEAR_ROWS, load, bits, fused);
        break;
    }
}

void tern_cpu_linear_f32__avx512vnni(const struct tern_cpu_linear *job, float *sums) {
    choose(job, sums, load_f32, 32, 0);
}

void tern_cpu_linear_f16__avx512vnni(const struct tern_cpu_linear *job, float *sums) {
    choose(job, sums, load_f16, 16, 1);
}

void tern_cpu_linear_bf16__avx512vnni(const struct tern_cpu_linear *job, float *sums) {
    choose(job, sums, load_bf16, 16, 1);
}

// Blocks are 8.5 bits a weight.
void tern_cpu_linear_q8_0__avx512vnni(const struct tern_cpu_linear *job, float *sums) {
    choose(job, sums, load_q8_0, 8, 0);
}
