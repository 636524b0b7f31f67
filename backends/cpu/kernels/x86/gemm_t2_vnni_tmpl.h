// gemm_t2 with VNNI. 128 rows, one core: 413 G multiply-adds/s with 512 bits, nearly all there are,
// 216 with 256, where the AVX2 kernel has 110 (Xeon, November 2026).
#include "backends/cpu/kernels/x86/vector_tmpl.h"

enum { TILES = TERN_CPU_GEMM_TILES };

// |rows| is a constant wherever this is inlined: with 8 rows, 24 sums, 3 vectors of codes and one
// of activations fill the registers, and 11 loads feed 24 products.
TERN_CPU_INLINE void dot_group(const struct tern_cpu_gemm_t2 *job, uint32_t first, uint32_t end,
                               uint32_t from, uint32_t rows, vector (*sums)[TILES]) {
    for (uint32_t i = 0; i < rows * TILES; i++) {
        sums[i / TILES][i % TILES] = ZERO();
    }
    const uint8_t *at = job->codes + (size_t)first * 4 * TILES * VECTOR_BYTES;
    const int8_t *q = job->q + ((size_t)first * job->rows + from) * TERN_CPU_T2_BLOCK;
    size_t q_step = (size_t)job->rows * TERN_CPU_T2_BLOCK;
    for (uint32_t block = first; block < end; block++) {
        _mm_prefetch((const char *)job->ahead + (size_t)block * VECTOR_BYTES, _MM_HINT_T1);
        for (uint32_t s = 0; s < 4; s++) {
            vector codes[TILES];
            for (uint32_t t = 0; t < TILES; t++) {
                codes[t] = LOAD(at + (s * TILES + t) * VECTOR_BYTES);
            }
            for (uint32_t r = 0; r < rows; r++) {
                vector four = four_everywhere(q + r * TERN_CPU_T2_BLOCK + 4 * s);
                for (uint32_t t = 0; t < TILES; t++) {
                    sums[r][t] = DOT(sums[r][t], codes[t], four);
                }
            }
        }
        at += 4 * TILES * VECTOR_BYTES;
        q += q_step;
    }
}

TERN_CPU_INLINE void dot_rows(const struct tern_cpu_gemm_t2 *job, uint32_t from, uint32_t rows,
                              int32_t *out) {
    uint32_t group_blocks = job->group_blocks < job->blocks ? job->group_blocks : job->blocks;
    uint32_t groups = (job->blocks + group_blocks - 1) / group_blocks;
    for (uint32_t g = 0; g < groups; g++) {
        uint32_t first = g * group_blocks;
        uint32_t end = job->blocks - first < group_blocks ? job->blocks : first + group_blocks;
        vector sums[GEMM_ROWS][TILES];
        dot_group(job, first, end, from, rows, sums);
        for (uint32_t r = 0; r < rows; r++) {
            for (uint32_t t = 0; t < TILES; t++) {
                STORE(out + (((size_t)(from + r) * groups + g) * TILES + t) * TILE, sums[r][t]);
            }
        }
    }
}

void TERN_CPU_FN(gemm_t2)(const struct tern_cpu_gemm_t2 *job, int32_t *sums) {
    for (uint32_t from = 0; from < job->rows; from += GEMM_ROWS) {
        switch (job->rows - from) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        dot_rows(job, from, n, sums);                                                              \
        break
            CASE(1);
            CASE(2);
            CASE(3);
#if MANY_REGISTERS
            CASE(4);
            CASE(5);
            CASE(6);
            CASE(7);
#endif
#undef CASE
        default:
            dot_rows(job, from, GEMM_ROWS, sums);
        }
    }
}
