#include "backends/cpu/kernels/kernels.h"

#include <string.h>

enum { TILE = 8 };

// One row of one block: bits 8b + 2s of the word are the code of column 4s + b.
static uint32_t dot16(uint32_t word, const int8_t *q) {
    int32_t sum = 0;
    for (int s = 0; s < 4; s++) {
        for (int b = 0; b < 4; b++) {
            sum += (int32_t)(word >> (8 * b + 2 * s) & 3u) * q[4 * s + b];
        }
    }
    return (uint32_t)sum;
}

static void dot_group(const struct tern_cpu_gemv_t2 *job, uint32_t row, uint32_t first,
                      uint32_t tile, int32_t *sums) {
    uint32_t rest = job->blocks - first;
    uint32_t end = first + (rest < job->group_blocks ? rest : job->group_blocks);
    const uint8_t *words = job->tile + (size_t)tile * job->blocks * TILE * 4;
    uint32_t group[TILE] = {0};
    for (uint32_t block = first; block < end; block++) {
        const int8_t *q = job->q + ((size_t)block * job->rows + row) * TERN_CPU_T2_BLOCK;
        for (int i = 0; i < TILE; i++) {
            uint32_t word;
            memcpy(&word, words + 4 * (block * (size_t)TILE + i), sizeof word);
            group[i] += dot16(word, q);
        }
    }
    memcpy(sums, group, sizeof group);
}

void tern_cpu_gemv_t2__scalar(const struct tern_cpu_gemv_t2 *job, int32_t *sums) {
    for (uint32_t row = 0; row < job->rows; row++) {
        for (uint32_t first = 0; first < job->blocks; first += job->group_blocks) {
            for (uint32_t tile = 0; tile < job->tiles; tile++, sums += TILE) {
                dot_group(job, row, first, tile, sums);
            }
        }
    }
}
