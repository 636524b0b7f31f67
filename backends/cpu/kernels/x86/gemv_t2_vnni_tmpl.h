// gemv_t2 with VNNI. A block of a tile is one vector, whose 32-bit lane i is row i's word (see
// pack.h). Shifted right by 2s and masked, byte b of a lane is the code of column 4s + b; the four
// activations 4s to 4s + 3, repeated in all lanes, meet it in vpdpbusd, which does not saturate.
//
// 6912 x 2560 in a shared cache, one core: with 512 bits one row takes 0.15 ms and eight 0.45, with
// 256 0.18 and 0.65, with AVX2 eight take 1.15 (Xeon, November 2026). Two cores read the matrices
// of 4096 x 14336 from memory at 24.5 GB/s, what a loop of loads and prefetches reads.
#include "backends/cpu/kernels/x86/vector_tmpl.h"

enum { AHEAD_BYTES = 4096 };

// Sums kept per row: one waits 5 cycles for its last addition, in which ten products can begin.
#define CHAINS(rows) ((rows) <= 2 ? 4 : 2 * (rows) <= GEMV_ROWS ? 2 : 1)

enum { MOST_CHAINS = 4 };

// |rows| is a constant wherever this is inlined, so that all sums stay in registers.
TERN_CPU_INLINE void dot_group(const struct tern_cpu_gemv_t2 *job, uint32_t first, uint32_t end,
                               uint32_t from, uint32_t rows, vector *out) {
    const vector low = ALL8(3);
    vector sums[GEMV_ROWS][MOST_CHAINS];
    for (uint32_t r = 0; r < rows; r++) {
        for (uint32_t i = 0; i < CHAINS(rows); i++) {
            sums[r][i] = ZERO();
        }
    }
    const uint8_t *at = job->tile + (size_t)first * VECTOR_BYTES;
    const int8_t *q = job->q + ((size_t)first * job->rows + from) * TERN_CPU_T2_BLOCK;
    size_t q_step = (size_t)job->rows * TERN_CPU_T2_BLOCK;
    for (uint32_t block = first; block < end; block++) {
        _mm_prefetch((const char *)at + AHEAD_BYTES, _MM_HINT_T0);
        vector words = LOAD(at);
        for (uint32_t s = 0; s < 4; s++) {
            vector codes = AND(RIGHT(words, 2 * s), low);
            for (uint32_t r = 0; r < rows; r++) {
                vector four = four_everywhere(q + r * TERN_CPU_T2_BLOCK + 4 * s);
                sums[r][s % CHAINS(rows)] = DOT(sums[r][s % CHAINS(rows)], codes, four);
            }
        }
        at += VECTOR_BYTES;
        q += q_step;
    }
    for (uint32_t r = 0; r < rows; r++) {
        out[r] = sums[r][0];
        for (uint32_t i = 1; i < CHAINS(rows); i++) {
            out[r] = ADD(out[r], sums[r][i]);
        }
    }
}

TERN_CPU_INLINE void dot_rows(const struct tern_cpu_gemv_t2 *job, uint32_t from, uint32_t rows,
                              int32_t *out) {
    uint32_t group_blocks = job->group_blocks < job->blocks ? job->group_blocks : job->blocks;
    uint32_t groups = (job->blocks + group_blocks - 1) / group_blocks;
    for (uint32_t g = 0; g < groups; g++) {
        uint32_t first = g * group_blocks;
        uint32_t end = job->blocks - first < group_blocks ? job->blocks : first + group_blocks;
        vector sums[GEMV_ROWS];
        dot_group(job, first, end, from, rows, sums);
        for (uint32_t r = 0; r < rows; r++) {
            STORE(out + ((size_t)(from + r) * groups + g) * TILE, sums[r]);
        }
    }
}

void TERN_CPU_FN(gemv_t2)(const struct tern_cpu_gemv_t2 *job, int32_t *sums) {
    for (uint32_t from = 0; from < job->rows; from += GEMV_ROWS) {
        switch (job->rows - from) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        dot_rows(job, from, n, sums);                                                              \
        break
            CASE(1);
            CASE(2);
            CASE(3);
            CASE(4);
            CASE(5);
            CASE(6);
            CASE(7);
            CASE(8);
#if MANY_REGISTERS
            CASE(9);
            CASE(10);
            CASE(11);
            CASE(12);
            CASE(13);
            CASE(14);
            CASE(15);
#endif
#undef CASE
        default:
            dot_rows(job, from, GEMV_ROWS, sums);
        }
    }
}
