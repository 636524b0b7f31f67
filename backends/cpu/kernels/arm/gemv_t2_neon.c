#include "backends/cpu/kernels/kernels.h"

#include "backends/cpu/kernels/arm/narrow_neon.h"

// Rows of activations in one pass: 4 * 4 sums, 4 vectors of codes, 4 of activations.
enum { TILE = TERN_CPU_TILE, QUADS = TERN_CPU_QUADS, ROWS = 4 };

typedef struct tern_cpu_narrow narrow;

// |rows| is a constant wherever this is inlined, so that the sums stay in registers.
TERN_CPU_INLINE void add_block(const struct tern_cpu_gemv_t2 *job, uint32_t block, uint32_t from,
                               uint32_t rows, narrow (*sums)[QUADS]) {
    int8x16_t codes[QUADS][4];
    for (uint32_t quad = 0; quad < QUADS; quad++) {
        tern_cpu_codes(tern_cpu_words(job->tile, block, quad), codes[quad]);
    }
    for (uint32_t r = 0; r < rows; r++) {
        int8x16_t four[4];
        tern_cpu_four_everywhere(tern_cpu_acts(job->q, job->rows, block, from + r), four);
        for (uint32_t i = 0; i < 4 * QUADS; i++) {
            narrow *sum = &sums[r][i / 4];
            *sum = tern_cpu_narrow_add(*sum, codes[i / 4][i % 4], four[i % 4]);
        }
    }
}

TERN_CPU_INLINE void dot_group(const struct tern_cpu_gemv_t2 *job, uint32_t first, uint32_t end,
                               uint32_t from, uint32_t rows, int32x4_t (*sums)[QUADS]) {
    for (uint32_t i = 0; i < rows * QUADS; i++) {
        sums[i / QUADS][i % QUADS] = vdupq_n_s32(0);
    }
    for (uint32_t some = first; some < end; some += TERN_CPU_WIDEN_BLOCKS) {
        uint32_t to = end - some < TERN_CPU_WIDEN_BLOCKS ? end : some + TERN_CPU_WIDEN_BLOCKS;
        narrow parts[ROWS][QUADS];
        for (uint32_t i = 0; i < rows * QUADS; i++) {
            parts[i / QUADS][i % QUADS] = tern_cpu_narrow_zero();
        }
        for (uint32_t block = some; block < to; block++) {
            add_block(job, block, from, rows, parts);
        }
        for (uint32_t i = 0; i < rows * QUADS; i++) {
            int32x4_t *sum = &sums[i / QUADS][i % QUADS];
            *sum = vaddq_s32(*sum, tern_cpu_narrow_widen(parts[i / QUADS][i % QUADS]));
        }
    }
}

TERN_CPU_INLINE void dot_rows(const struct tern_cpu_gemv_t2 *job, uint32_t from, uint32_t rows,
                              int32_t *out) {
    uint32_t groups = tern_cpu_groups(job->blocks, job->group_blocks);
    for (uint32_t g = 0; g < groups; g++) {
        uint32_t end = tern_cpu_group_end(job->blocks, job->group_blocks, g);
        int32x4_t sums[ROWS][QUADS];
        dot_group(job, g * job->group_blocks, end, from, rows, sums);
        for (uint32_t i = 0; i < rows * QUADS; i++) {
            int32_t *to = out + ((size_t)(from + i / QUADS) * groups + g) * job->tiles * TILE;
            vst1q_s32(to + 4 * (i % QUADS), sums[i / QUADS][i % QUADS]);
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

void tern_cpu_gemv_t2__neon(const struct tern_cpu_gemv_t2 *job, int32_t *sums) {
    struct tern_cpu_gemv_t2 from = *job;
    for (uint32_t tile = 0; tile < job->tiles; tile++) {
        dot_tile(&from, sums + (size_t)tile * TILE);
        from.tile += (size_t)job->blocks * TILE * 4;
    }
}
