#include "backends/cpu/kernels/kernels.h"

#include "backends/cpu/kernels/arm/words_neon.h"

// Codes need no shift for a dot product: masked where they stand, bits 2 to 5 of a word's bytes are
// codes times 4 and times 16, which sums of their own undo once at the end. That is 4 instructions
// for 64 codes instead of 6. A block adds at most 4 * 32 * 128 to |by16|: FOLD_BLOCKS fit 31 bits.
enum { TILE = TERN_CPU_TILE, QUADS = TERN_CPU_QUADS, ROWS = 4, FOLD_BLOCKS = 1 << 16 };

// Sums of a quad.
struct scaled {
    int32x4_t by1, by4, by16;
};

struct codes {
    int8x16_t by1, by4, by16, top;
};

TERN_CPU_INLINE struct codes split(uint8x16_t words) {
    return (struct codes){vreinterpretq_s8_u8(vandq_u8(words, vdupq_n_u8(0x03))),
                          vreinterpretq_s8_u8(vandq_u8(words, vdupq_n_u8(0x0c))),
                          vreinterpretq_s8_u8(vandq_u8(words, vdupq_n_u8(0x30))),
                          vreinterpretq_s8_u8(vshrq_n_u8(words, 6))};
}

TERN_CPU_INLINE struct scaled add(struct scaled sums, struct codes codes, int8x16_t q) {
    sums.by1 = vdotq_laneq_s32(sums.by1, codes.by1, q, 0);
    sums.by4 = vdotq_laneq_s32(sums.by4, codes.by4, q, 1);
    sums.by16 = vdotq_laneq_s32(sums.by16, codes.by16, q, 2);
    sums.by1 = vdotq_laneq_s32(sums.by1, codes.top, q, 3);
    return sums;
}

TERN_CPU_INLINE int32x4_t fold(struct scaled sums) {
    int32x4_t rest = vaddq_s32(vshrq_n_s32(sums.by4, 2), vshrq_n_s32(sums.by16, 4));
    return vaddq_s32(sums.by1, rest);
}

// Rows of activations and quads of weights that one pass takes, constants wherever they are used:
// as many as leave the sums in registers, 3 vectors for each.
struct pass {
    uint32_t from, rows;
    uint32_t quad, quads;
};

// Blocks |first| to |end|, at most FOLD_BLOCKS, added to |sums|.
TERN_CPU_INLINE void dot_some(const struct tern_cpu_gemv_t2 *job, uint32_t first, uint32_t end,
                              struct pass pass, int32x4_t *sums) {
    struct scaled scaled[ROWS * QUADS];
    for (uint32_t i = 0; i < pass.rows * pass.quads; i++) {
        scaled[i] = (struct scaled){vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    }
    for (uint32_t block = first; block < end; block++) {
        for (uint32_t i = 0; i < pass.quads; i++) {
            struct codes codes = split(tern_cpu_words(job->tile, block, pass.quad + i));
            for (uint32_t r = 0; r < pass.rows; r++) {
                struct scaled *sum = &scaled[r * pass.quads + i];
                *sum = add(*sum, codes, tern_cpu_acts(job->q, job->rows, block, pass.from + r));
            }
        }
    }
    for (uint32_t i = 0; i < pass.rows * pass.quads; i++) {
        sums[i] = vaddq_s32(sums[i], fold(scaled[i]));
    }
}

TERN_CPU_INLINE void dot_group(const struct tern_cpu_gemv_t2 *job, uint32_t group, struct pass pass,
                               int32_t *out) {
    uint32_t groups = tern_cpu_groups(job->blocks, job->group_blocks);
    uint32_t end = tern_cpu_group_end(job->blocks, job->group_blocks, group);
    int32x4_t sums[ROWS * QUADS];
    for (uint32_t i = 0; i < pass.rows * pass.quads; i++) {
        sums[i] = vdupq_n_s32(0);
    }
    for (uint32_t some = group * job->group_blocks; some < end; some += FOLD_BLOCKS) {
        uint32_t to = end - some < FOLD_BLOCKS ? end : some + FOLD_BLOCKS;
        dot_some(job, some, to, pass, sums);
    }
    for (uint32_t i = 0; i < pass.rows * pass.quads; i++) {
        size_t row = pass.from + i / pass.quads;
        uint32_t quad = pass.quad + i % pass.quads;
        vst1q_s32(out + (row * groups + group) * job->tiles * TILE + 4 * quad, sums[i]);
    }
}

TERN_CPU_INLINE void dot_rows(const struct tern_cpu_gemv_t2 *job, uint32_t from, uint32_t rows,
                              int32_t *out) {
    const uint32_t quads = rows <= 2 ? QUADS : 1;
    uint32_t groups = tern_cpu_groups(job->blocks, job->group_blocks);
    for (uint32_t g = 0; g < groups; g++) {
        for (uint32_t quad = 0; quad < QUADS; quad += quads) {
            dot_group(job, g, (struct pass){from, rows, quad, quads}, out);
        }
    }
}

// Of the first tile.
static void dot_tile(const struct tern_cpu_gemv_t2 *job, int32_t *sums) {
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

void tern_cpu_gemv_t2__dotprod(const struct tern_cpu_gemv_t2 *job, int32_t *sums) {
    struct tern_cpu_gemv_t2 from = *job;
    for (uint32_t tile = 0; tile < job->tiles; tile++) {
        dot_tile(&from, sums + (size_t)tile * TILE);
        from.tile += (size_t)job->blocks * TILE * 4;
    }
}
