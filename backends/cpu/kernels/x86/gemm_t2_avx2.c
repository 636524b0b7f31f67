#include "backends/cpu/kernels/kernels.h"

#include <immintrin.h>
#include <string.h>

// Codes of one tile and four columns, a vector, meet four activations, repeated in all lanes, in
// vpmaddubsw. As in gemv_t2_avx2.c 16 blocks fit in 16-bit sums.
enum { TILE = 8, TILES = TERN_CPU_GEMM_TILES, VECTOR_BYTES = 32, WIDEN_BLOCKS = 16 };

enum { BLOCK_BYTES = 4 * TILES * VECTOR_BYTES };

TERN_CPU_INLINE __m256i four_everywhere(const int8_t *q) {
    int32_t four;
    memcpy(&four, q, sizeof four);
    return _mm256_set1_epi32(four);
}

// One tile by blocks |from| to |to| of all rows, at most WIDEN_BLOCKS, added to |sums|. |rows| is a
// constant wherever this is inlined.
TERN_CPU_INLINE void dot_some(const struct tern_cpu_gemm_t2 *job, uint32_t from, uint32_t to,
                              uint32_t tile, uint32_t rows, __m256i *sums) {
    const __m256i one = _mm256_set1_epi16(1);
    const uint8_t *at = job->codes + (size_t)from * BLOCK_BYTES + tile * VECTOR_BYTES;
    const int8_t *q = job->q + (size_t)from * rows * TERN_CPU_T2_BLOCK;
    __m256i narrow[TERN_CPU_GEMM_ROWS];
    for (uint32_t r = 0; r < rows; r++) {
        narrow[r] = _mm256_setzero_si256();
    }
    for (uint32_t block = from; block < to; block++) {
        for (uint32_t s = 0; s < 4; s++) {
            __m256i codes = _mm256_loadu_si256((const __m256i *)(const void *)at);
            for (uint32_t r = 0; r < rows; r++) {
                __m256i four = four_everywhere(q + r * TERN_CPU_T2_BLOCK + 4 * s);
                narrow[r] = _mm256_add_epi16(narrow[r], _mm256_maddubs_epi16(codes, four));
            }
            at += TILES * VECTOR_BYTES;
        }
        q += rows * TERN_CPU_T2_BLOCK;
    }
    for (uint32_t r = 0; r < rows; r++) {
        sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(narrow[r], one));
    }
}

TERN_CPU_INLINE void dot_group(const struct tern_cpu_gemm_t2 *job, uint32_t first, uint32_t end,
                               uint32_t rows, __m256i (*sums)[TERN_CPU_GEMM_ROWS]) {
    for (uint32_t i = 0; i < TILES * rows; i++) {
        sums[i / rows][i % rows] = _mm256_setzero_si256();
    }
    for (uint32_t from = first; from < end; from += WIDEN_BLOCKS) {
        uint32_t to = end - from < WIDEN_BLOCKS ? end : from + WIDEN_BLOCKS;
        for (uint32_t block = from; block < to; block++) {
            _mm_prefetch((const char *)job->ahead + (size_t)block * VECTOR_BYTES, _MM_HINT_T1);
        }
        for (uint32_t t = 0; t < TILES; t++) {
            dot_some(job, from, to, t, rows, sums[t]);
        }
    }
}

TERN_CPU_INLINE void dot_rows(const struct tern_cpu_gemm_t2 *job, uint32_t rows, int32_t *out) {
    uint32_t group_blocks = job->group_blocks < job->blocks ? job->group_blocks : job->blocks;
    uint32_t groups = (job->blocks + group_blocks - 1) / group_blocks;
    for (uint32_t g = 0; g < groups; g++) {
        uint32_t first = g * group_blocks;
        uint32_t end = job->blocks - first < group_blocks ? job->blocks : first + group_blocks;
        __m256i sums[TILES][TERN_CPU_GEMM_ROWS];
        dot_group(job, first, end, rows, sums);
        for (uint32_t i = 0; i < TILES * rows; i++) {
            int32_t *to = out + (((size_t)(i % rows) * groups + g) * TILES + i / rows) * TILE;
            _mm256_storeu_si256((__m256i *)(void *)to, sums[i / rows][i % rows]);
        }
    }
}

void tern_cpu_gemm_t2__avx2(const struct tern_cpu_gemm_t2 *job, int32_t *sums) {
    switch (job->rows) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        dot_rows(job, n, sums);                                                                    \
        break
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
        CASE(7);
#undef CASE
    default:
        dot_rows(job, TERN_CPU_GEMM_ROWS, sums);
    }
}
