#include "backends/cpu/kernels/kernels.h"

#include "backends/cpu/kernels/arm/words_neon.h"

// One tile by up to 8 rows at a time: 16 sums, 8 vectors of activations, 2 of codes; 16 loads feed
// 64 products.
enum { TILES = TERN_CPU_GEMM_TILES, QUADS = TERN_CPU_QUADS, TILE_BYTES = 4 * TERN_CPU_TILE };

TERN_CPU_INLINE int32x4_t dot_lane(int32x4_t sum, int8x16_t codes, int8x16_t acts, uint32_t lane) {
    switch (lane) {
    case 0:
        return vdotq_laneq_s32(sum, codes, acts, 0);
    case 1:
        return vdotq_laneq_s32(sum, codes, acts, 1);
    case 2:
        return vdotq_laneq_s32(sum, codes, acts, 2);
    default:
        return vdotq_laneq_s32(sum, codes, acts, 3);
    }
}

// |rows| is a constant wherever this is inlined, so that the sums stay in registers.
TERN_CPU_INLINE void add_block(const struct tern_cpu_gemm_t2 *job, uint32_t tile, uint32_t block,
                               uint32_t rows, int32x4_t (*sums)[QUADS]) {
    const uint8_t *codes = job->codes + ((size_t)block * 4 * TILES + tile) * TILE_BYTES;
    int8x16_t acts[TERN_CPU_GEMM_ROWS];
    for (uint32_t r = 0; r < rows; r++) {
        acts[r] = tern_cpu_acts(job->q, rows, block, r);
    }
    for (uint32_t s = 0; s < 4; s++) {
        for (uint32_t quad = 0; quad < QUADS; quad++) {
            uint8x16_t some = vld1q_u8(codes + s * TILES * TILE_BYTES + 16 * quad);
            for (uint32_t r = 0; r < rows; r++) {
                sums[r][quad] = dot_lane(sums[r][quad], vreinterpretq_s8_u8(some), acts[r], s);
            }
        }
    }
}

TERN_CPU_INLINE void dot_group(const struct tern_cpu_gemm_t2 *job, uint32_t tile, uint32_t group,
                               uint32_t rows, int32_t *out) {
    uint32_t groups = tern_cpu_groups(job->blocks, job->group_blocks);
    uint32_t end = tern_cpu_group_end(job->blocks, job->group_blocks, group);
    int32x4_t sums[TERN_CPU_GEMM_ROWS][QUADS];
    for (uint32_t i = 0; i < rows * QUADS; i++) {
        sums[i / QUADS][i % QUADS] = vdupq_n_s32(0);
    }
    for (uint32_t block = group * job->group_blocks; block < end; block++) {
        add_block(job, tile, block, rows, sums);
    }
    for (uint32_t i = 0; i < rows * QUADS; i++) {
        size_t row = i / QUADS;
        int32_t *to = out + ((row * groups + group) * TILES + tile) * TERN_CPU_TILE;
        vst1q_s32(to + 4 * (i % QUADS), sums[row][i % QUADS]);
    }
}

TERN_CPU_INLINE void dot_rows(const struct tern_cpu_gemm_t2 *job, uint32_t rows, int32_t *out) {
    for (uint32_t g = 0; g < tern_cpu_groups(job->blocks, job->group_blocks); g++) {
        for (uint32_t tile = 0; tile < TILES; tile++) {
            dot_group(job, tile, g, rows, out);
        }
    }
}

void tern_cpu_gemm_t2__dotprod(const struct tern_cpu_gemm_t2 *job, int32_t *sums) {
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
