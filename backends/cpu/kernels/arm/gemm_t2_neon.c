#include "backends/cpu/kernels/kernels.h"

#include "backends/cpu/kernels/arm/narrow_neon.h"

// One tile by four rows at a time: 16 sums, 8 vectors of codes, 4 of activations.
enum { TILES = TERN_CPU_GEMM_TILES, QUADS = TERN_CPU_QUADS, ROWS = 4 };
enum { TILE_BYTES = 4 * TERN_CPU_TILE };

// Rows |from| to |from| + |rows| of the panel by one tile; |rows| is a constant wherever it is
// used.
struct pass {
    uint32_t from, rows;
    uint32_t tile;
};

TERN_CPU_INLINE void add_block(const struct tern_cpu_gemm_t2 *job, struct pass pass, uint32_t block,
                               struct tern_cpu_narrow (*sums)[QUADS]) {
    const uint8_t *codes = job->codes + ((size_t)block * 4 * TILES + pass.tile) * TILE_BYTES;
    for (uint32_t r = 0; r < pass.rows; r++) {
        int8x16_t four[4];
        tern_cpu_four_everywhere(tern_cpu_acts(job->q, job->rows, block, pass.from + r), four);
        for (uint32_t s = 0; s < 4; s++) {
            for (uint32_t quad = 0; quad < QUADS; quad++) {
                uint8x16_t some = vld1q_u8(codes + s * TILES * TILE_BYTES + 16 * quad);
                struct tern_cpu_narrow *sum = &sums[r][quad];
                *sum = tern_cpu_narrow_add(*sum, vreinterpretq_s8_u8(some), four[s]);
            }
        }
    }
}

// Blocks |first| to |end|, at most TERN_CPU_WIDEN_BLOCKS, added to |sums|.
TERN_CPU_INLINE void dot_some(const struct tern_cpu_gemm_t2 *job, struct pass pass, uint32_t first,
                              uint32_t end, int32x4_t (*sums)[QUADS]) {
    struct tern_cpu_narrow parts[ROWS][QUADS];
    for (uint32_t i = 0; i < pass.rows * QUADS; i++) {
        parts[i / QUADS][i % QUADS] = tern_cpu_narrow_zero();
    }
    for (uint32_t block = first; block < end; block++) {
        add_block(job, pass, block, parts);
    }
    for (uint32_t i = 0; i < pass.rows * QUADS; i++) {
        int32x4_t *sum = &sums[i / QUADS][i % QUADS];
        *sum = vaddq_s32(*sum, tern_cpu_narrow_widen(parts[i / QUADS][i % QUADS]));
    }
}

TERN_CPU_INLINE void dot_group(const struct tern_cpu_gemm_t2 *job, struct pass pass, uint32_t group,
                               int32_t *out) {
    uint32_t groups = tern_cpu_groups(job->blocks, job->group_blocks);
    uint32_t end = tern_cpu_group_end(job->blocks, job->group_blocks, group);
    int32x4_t sums[ROWS][QUADS];
    for (uint32_t i = 0; i < pass.rows * QUADS; i++) {
        sums[i / QUADS][i % QUADS] = vdupq_n_s32(0);
    }
    for (uint32_t some = group * job->group_blocks; some < end; some += TERN_CPU_WIDEN_BLOCKS) {
        uint32_t to = end - some < TERN_CPU_WIDEN_BLOCKS ? end : some + TERN_CPU_WIDEN_BLOCKS;
        dot_some(job, pass, some, to, sums);
    }
    for (uint32_t i = 0; i < pass.rows * QUADS; i++) {
        size_t row = pass.from + i / QUADS;
        int32_t *to = out + ((row * groups + group) * TILES + pass.tile) * TERN_CPU_TILE;
        vst1q_s32(to + 4 * (i % QUADS), sums[i / QUADS][i % QUADS]);
    }
}

TERN_CPU_INLINE void dot_rows(const struct tern_cpu_gemm_t2 *job, uint32_t from, uint32_t rows,
                              int32_t *out) {
    for (uint32_t g = 0; g < tern_cpu_groups(job->blocks, job->group_blocks); g++) {
        for (uint32_t tile = 0; tile < TILES; tile++) {
            dot_group(job, (struct pass){from, rows, tile}, g, out);
        }
    }
}

void tern_cpu_gemm_t2__neon(const struct tern_cpu_gemm_t2 *job, int32_t *sums) {
    for (uint32_t from = 0; from < job->rows; from += ROWS) {
        switch (job->rows - from) {
        case 1:
            dot_rows(job, from, 1, sums);
            break;
        case 2:
            dot_rows(job, from, 2, sums);
            break;
        case 3:
            dot_rows(job, from, 3, sums);
            break;
        default:
            dot_rows(job, from, ROWS, sums);
        }
    }
}
