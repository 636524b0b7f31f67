// gemv_t2 with VNNI. A block of a tile is one vector, whose 32-bit lane i is row i's word (see
// pack.h). Shifted right by 2s and masked, byte b of a lane is the code of column 4s + b; the four
// activations 4s to 4s + 3, repeated in all lanes, meet it in vpdpbusd, which does not saturate.
//
// 6912 x 2560 in a shared cache, one core: with 512 bits one row takes 0.15 ms and eight 0.45, with
// 256 0.18 and 0.65, with AVX2 eight take 1.15 (Xeon, November 2026). Two cores read the matrices
// of 4096 x 14336 from memory at 24.5 GB/s, what a loop of loads and prefetches reads.
#include "backends/cpu/kernels/x86/vector_tmpl.h"

// Out of cache, 2560 x 6912: asking 8 KiB ahead for the second cache and 512 bytes ahead for the
// first takes 172 us, 4 KiB ahead for the first 200 to 213 (two threads, Xeon, November 2026).
enum { FAR_BYTES = 8192, NEAR_BYTES = 512 };

// Sums kept per row. One waits 5 cycles for its last addition, in which ten products can begin.
#define SUMS(rows) ((rows) <= 2 ? 4 : 2 * (rows) <= GEMV_ROWS ? 2 : 1)
// With a sum for each s, codes may stay where they are in their byte, 4^s too large, and so may the
// sums, which go down at the end. Matrices in a shared cache, one core, 2560 x 6912: one row
// 0.137 ms, shifted 0.143; two rows 0.150 and 0.179; by 256 bits 0.155 and 0.196 (Xeon, November
// 2026). Where sums are fewer, it gained nothing.
#define IN_PLACE(rows) (SUMS(rows) == 4)

// In so many blocks no such sum overflows: each adds at most 4 * 192 * 128.
enum { MOST_SUMS = 4, SPAN_BLOCKS = 1 << 14 };

// |rows| is a constant wherever this is inlined, so that all sums stay in registers.
TERN_CPU_INLINE void add_block(vector words, const int8_t *q, uint32_t rows,
                               vector (*sums)[MOST_SUMS]) {
    for (uint32_t s = 0; s < 4; s++) {
        vector codes = IN_PLACE(rows) ? AND(words, ALL8((char)(3 << 2 * s)))
                                      : AND(RIGHT(words, 2 * s), ALL8(3));
        for (uint32_t r = 0; r < rows; r++) {
            vector four = four_everywhere(q + r * TERN_CPU_T2_BLOCK + 4 * s);
            sums[r][s % SUMS(rows)] = DOT(sums[r][s % SUMS(rows)], codes, four);
        }
    }
}

TERN_CPU_INLINE void dot_span(const struct tern_cpu_gemv_t2 *job, uint32_t first, uint32_t end,
                              uint32_t from, uint32_t rows, vector *out) {
    vector sums[GEMV_ROWS][MOST_SUMS];
    for (uint32_t r = 0; r < rows; r++) {
        for (uint32_t i = 0; i < SUMS(rows); i++) {
            sums[r][i] = ZERO();
        }
    }
    const uint8_t *at = job->tile + (size_t)first * VECTOR_BYTES;
    const int8_t *q = job->q + ((size_t)first * job->rows + from) * TERN_CPU_T2_BLOCK;
    for (uint32_t block = first; block < end; block++) {
        _mm_prefetch((const char *)at + FAR_BYTES, _MM_HINT_T1);
        _mm_prefetch((const char *)at + NEAR_BYTES, _MM_HINT_T0);
        add_block(LOAD(at), q, rows, sums);
        at += VECTOR_BYTES;
        q += (size_t)job->rows * TERN_CPU_T2_BLOCK;
    }
    for (uint32_t r = 0; r < rows; r++) {
        out[r] = sums[r][0];
        for (uint32_t i = 1; i < SUMS(rows); i++) {
            out[r] = ADD(out[r], RIGHT_SIGNED(sums[r][i], IN_PLACE(rows) ? 2 * i : 0));
        }
    }
}

TERN_CPU_INLINE void dot_group(const struct tern_cpu_gemv_t2 *job, uint32_t first, uint32_t end,
                               uint32_t from, uint32_t rows, vector *out) {
    uint32_t to = end - first < SPAN_BLOCKS ? end : first + SPAN_BLOCKS;
    dot_span(job, first, to, from, rows, out);
    while (to < end) {
        vector more[GEMV_ROWS];
        uint32_t start = to;
        to = end - start < SPAN_BLOCKS ? end : start + SPAN_BLOCKS;
        dot_span(job, start, to, from, rows, more);
        for (uint32_t r = 0; r < rows; r++) {
            out[r] = ADD(out[r], more[r]);
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
