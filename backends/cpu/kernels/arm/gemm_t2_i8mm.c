#include "backends/cpu/kernels/kernels.h"

#include "backends/cpu/kernels/arm/words_neon.h"

// smmla multiplies two rows of 8 weights by two rows of 8 activations. One tile by up to 8 rows at
// a time: 16 sums of 2 x 2, 4 vectors of activations, one of codes.
enum { TILES = TERN_CPU_GEMM_TILES, PAIRS = TERN_CPU_TILE / 2, HALF_BYTES = 8 * TERN_CPU_TILE };
enum { ACT_PAIRS = TERN_CPU_GEMM_ROWS / 2 };

// sums[a][w]: of rows 2w and 2w + 1 of the tile by rows 2a and 2a + 1 of activations.
typedef int32x4_t sums2x2[ACT_PAIRS][PAIRS];

// |half| of a block: columns 8 * half to 8 * half + 7. Of an odd number of rows the last is taken
// twice.
TERN_CPU_INLINE int8x16_t two_acts(const struct tern_cpu_gemm_t2 *job, uint32_t block,
                                   uint32_t pair, uint32_t half, uint32_t rows) {
    uint32_t second = 2 * pair + 1 < rows ? 2 * pair + 1 : 2 * pair;
    int64x2_t a = vreinterpretq_s64_s8(tern_cpu_acts(job->q, rows, block, 2 * pair));
    int64x2_t b = vreinterpretq_s64_s8(tern_cpu_acts(job->q, rows, block, second));
    return vreinterpretq_s8_s64(half ? vzip2q_s64(a, b) : vzip1q_s64(a, b));
}

TERN_CPU_INLINE void add_half(const struct tern_cpu_gemm_t2 *job, uint32_t tile, uint32_t block,
                              uint32_t half, uint32_t rows, sums2x2 sums) {
    const uint8_t *codes = job->codes + (((size_t)block * 2 + half) * TILES + tile) * HALF_BYTES;
    int8x16_t acts[ACT_PAIRS];
    for (uint32_t a = 0; 2 * a < rows; a++) {
        acts[a] = two_acts(job, block, a, half, rows);
    }
    for (uint32_t w = 0; w < PAIRS; w++) {
        int8x16_t two = vreinterpretq_s8_u8(vld1q_u8(codes + 16 * w));
        for (uint32_t a = 0; 2 * a < rows; a++) {
            sums[a][w] = vmmlaq_s32(sums[a][w], two, acts[a]);
        }
    }
}

// The even lanes are the even row of activations, the odd lanes the odd one.
TERN_CPU_INLINE void store(const int32x4_t *sums, int odd, int32_t *to) {
    for (uint32_t w = 0; w < PAIRS; w += 2) {
        int32x4_t four = odd ? vuzp2q_s32(sums[w], sums[w + 1]) : vuzp1q_s32(sums[w], sums[w + 1]);
        vst1q_s32(to + 2 * w, four);
    }
}

// |rows| is a constant wherever this is inlined, so that the sums stay in registers.
TERN_CPU_INLINE void dot_group(const struct tern_cpu_gemm_t2 *job, uint32_t tile, uint32_t group,
                               uint32_t rows, int32_t *out) {
    uint32_t groups = tern_cpu_groups(job->blocks, job->group_blocks);
    uint32_t end = tern_cpu_group_end(job->blocks, job->group_blocks, group);
    sums2x2 sums;
    for (uint32_t i = 0; i < ACT_PAIRS * PAIRS; i++) {
        sums[i / PAIRS][i % PAIRS] = vdupq_n_s32(0);
    }
    for (uint32_t block = group * job->group_blocks; block < end; block++) {
        add_half(job, tile, block, 0, rows, sums);
        add_half(job, tile, block, 1, rows, sums);
    }
    for (uint32_t r = 0; r < rows; r++) {
        store(sums[r / 2], r % 2,
              out + (((size_t)r * groups + group) * TILES + tile) * TERN_CPU_TILE);
    }
}

TERN_CPU_INLINE void dot_rows(const struct tern_cpu_gemm_t2 *job, uint32_t rows, int32_t *out) {
    for (uint32_t g = 0; g < tern_cpu_groups(job->blocks, job->group_blocks); g++) {
        for (uint32_t tile = 0; tile < TILES; tile++) {
            dot_group(job, tile, g, rows, out);
        }
    }
}

void tern_cpu_gemm_t2__i8mm(const struct tern_cpu_gemm_t2 *job, int32_t *sums) {
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
