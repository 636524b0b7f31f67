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

// Two tiles at once share the loads of activations, where that gains: out of cache, eight rows of
// 4096 x 14336 take 0.86 times as long, of 2560 x 6912 0.95, four rows 0.93 and 1.0, twelve 0.99
// and 1.04 (two threads, Xeon, November 2026). One row takes as long as its weights take to come.
#define PAIRED(rows) (MANY_REGISTERS && (rows) > 2 && (rows) <= 8)

// Sums kept per row and tile. One waits 5 cycles for its last addition, in which ten products can
// begin.
#define SUMS(rows, tiles) ((rows) <= 2 ? 4 : 2 * (rows) * (tiles) <= GEMV_ROWS ? 2 : 1)
// With a sum for each s, codes may stay where they are in their byte, 4^s too large, and so may the
// sums, which go down at the end. Matrices in a shared cache, one core, 2560 x 6912: one row
// 0.137 ms, shifted 0.143; two rows 0.150 and 0.179; by 256 bits 0.155 and 0.196 (Xeon, November
// 2026). Where sums are fewer, it gained nothing.
#define IN_PLACE(rows) ((rows) <= 2)

// In so many blocks no such sum overflows: each adds at most 4 * 192 * 128.
enum { MOST_SUMS = 4, SPAN_BLOCKS = 1 << 14, TILES = TERN_CPU_GEMV_TILES };

// Keeps the compiler from giving a sum one register in a block and another in the next: 28 copies
// and a store in a loop of 119 instructions otherwise (gcc 12, eight rows of two tiles).
#ifdef __GNUC__
#define STAY(x) __asm__("" : "+v"(x))
#else
#define STAY(x) ((void)0)
#endif

// Rows of activations and tiles that one pass takes, constants wherever they are used, so that all
// sums stay in registers; blocks |first| to |end|.
struct pass {
    uint32_t from, rows;
    uint32_t tile, tiles;
    uint32_t first, end;
};

TERN_CPU_INLINE void add_block(const vector *words, const int8_t *q, struct pass pass,
                               vector (*sums)[TILES][MOST_SUMS]) {
    for (uint32_t s = 0; s < 4; s++) {
        vector codes[TILES];
        for (uint32_t t = 0; t < pass.tiles; t++) {
            codes[t] = IN_PLACE(pass.rows) ? AND(words[t], ALL8((char)(3 << 2 * s)))
                                           : AND(RIGHT(words[t], 2 * s), ALL8(3));
        }
        for (uint32_t r = 0; r < pass.rows; r++) {
            vector four = four_everywhere(q + r * TERN_CPU_T2_BLOCK + 4 * s);
            for (uint32_t t = 0; t < pass.tiles; t++) {
                vector *sum = &sums[r][t][s % SUMS(pass.rows, pass.tiles)];
                *sum = DOT(*sum, codes[t], four);
                if (pass.tiles == TILES) {
                    STAY(*sum);
                }
            }
        }
    }
}

TERN_CPU_INLINE vector join(const vector *sums, struct pass pass) {
    vector sum = sums[0];
    for (uint32_t i = 1; i < SUMS(pass.rows, pass.tiles); i++) {
        sum = ADD(sum, RIGHT_SIGNED(sums[i], IN_PLACE(pass.rows) ? 2 * i : 0));
    }
    return sum;
}

TERN_CPU_INLINE void dot_span(const struct tern_cpu_gemv_t2 *job, struct pass pass,
                              vector (*out)[TILES]) {
    const size_t tile_bytes = (size_t)job->blocks * VECTOR_BYTES;
    vector sums[GEMV_ROWS][TILES][MOST_SUMS];
    for (uint32_t r = 0; r < pass.rows; r++) {
        for (uint32_t i = 0; i < pass.tiles * MOST_SUMS; i++) {
            sums[r][i / MOST_SUMS][i % MOST_SUMS] = ZERO();
        }
    }
    const uint8_t *at = job->tile + pass.tile * tile_bytes + (size_t)pass.first * VECTOR_BYTES;
    const int8_t *q = job->q + ((size_t)pass.first * job->rows + pass.from) * TERN_CPU_T2_BLOCK;
    // The end of one tile asks for the start of the next that nobody reads yet: eight rows take
    // 0.98 times as long, four 0.94 (medians of three shapes; two threads, Xeon, November 2026).
    const uint8_t *end = job->tile + (pass.tile + 1) * tile_bytes;
    for (uint32_t block = pass.first; block < pass.end; block++) {
        vector words[TILES];
        size_t far = FAR_BYTES + (at + FAR_BYTES < end ? 0 : (pass.tiles - 1) * tile_bytes);
        for (uint32_t t = 0; t < pass.tiles; t++) {
            _mm_prefetch((const char *)at + t * tile_bytes + far, _MM_HINT_T1);
            _mm_prefetch((const char *)at + t * tile_bytes + NEAR_BYTES, _MM_HINT_T0);
            words[t] = LOAD(at + t * tile_bytes);
        }
        add_block(words, q, pass, sums);
        at += VECTOR_BYTES;
        q += (size_t)job->rows * TERN_CPU_T2_BLOCK;
    }
    for (uint32_t r = 0; r < pass.rows; r++) {
        for (uint32_t t = 0; t < pass.tiles; t++) {
            out[r][t] = ADD(out[r][t], join(sums[r][t], pass));
        }
    }
}

// Sums of group |group|, whose blocks |pass| names.
TERN_CPU_INLINE void dot_group(const struct tern_cpu_gemv_t2 *job, struct pass pass, size_t groups,
                               uint32_t group, int32_t *sums) {
    vector out[GEMV_ROWS][TILES];
    for (uint32_t r = 0; r < pass.rows; r++) {
        for (uint32_t t = 0; t < pass.tiles; t++) {
            out[r][t] = ZERO();
        }
    }
    uint32_t end = pass.end;
    while (pass.first < end) {
        pass.end = end - pass.first < SPAN_BLOCKS ? end : pass.first + SPAN_BLOCKS;
        dot_span(job, pass, out);
        pass.first = pass.end;
    }
    for (uint32_t r = 0; r < pass.rows; r++) {
        int32_t *to = sums + ((pass.from + r) * groups + group) * job->tiles * TILE;
        for (uint32_t t = 0; t < pass.tiles; t++) {
            STORE(to + (pass.tile + t) * TILE, out[r][t]);
        }
    }
}

TERN_CPU_INLINE void dot_tiles(const struct tern_cpu_gemv_t2 *job, struct pass pass,
                               int32_t *sums) {
    uint32_t group_blocks = job->group_blocks < job->blocks ? job->group_blocks : job->blocks;
    uint32_t groups = (job->blocks + group_blocks - 1) / group_blocks;
    for (uint32_t g = 0; g < groups; g++) {
        pass.first = g * group_blocks;
        pass.end =
            job->blocks - pass.first < group_blocks ? job->blocks : pass.first + group_blocks;
        dot_group(job, pass, groups, g, sums);
    }
}

TERN_CPU_INLINE void dot_rows(const struct tern_cpu_gemv_t2 *job, uint32_t from, uint32_t rows,
                              int32_t *sums) {
    if (PAIRED(rows) && job->tiles == TILES) {
        dot_tiles(job, (struct pass){.from = from, .rows = rows, .tiles = TILES}, sums);
        return;
    }
    for (uint32_t t = 0; t < job->tiles; t++) {
        dot_tiles(job, (struct pass){.from = from, .rows = rows, .tile = t, .tiles = 1}, sums);
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
