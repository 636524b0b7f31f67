#include "backends/cpu/kernels/kernels.h"

#include <string.h>

enum { TILE = 8, TILES = TERN_CPU_GEMM_TILES, WIDTH = TILE * TILES };

void tern_cpu_unpack_t2__scalar(const uint8_t *tiles, size_t tile_bytes, uint32_t count,
                                uint32_t blocks, uint8_t *codes) {
    for (uint32_t t = 0; t < count; t++) {
        for (uint32_t block = 0; block < blocks; block++) {
            const uint8_t *words = tiles + t * tile_bytes + (size_t)block * 4 * TILE;
            for (uint32_t s = 0; s < 4; s++) {
                uint8_t *to = codes + (((size_t)block * 4 + s) * TILES + t) * 4 * TILE;
                for (uint32_t i = 0; i < 4 * TILE; i++) {
                    to[i] = (uint8_t)(words[i] >> 2 * s & 3);
                }
            }
        }
    }
}

static void add_block(const uint8_t *codes, const int8_t *q, uint32_t *sums) {
    for (uint32_t s = 0; s < 4; s++) {
        for (uint32_t i = 0; i < WIDTH; i++) {
            int32_t sum = 0;
            for (uint32_t b = 0; b < 4; b++) {
                sum += codes[(s * WIDTH + i) * 4 + b] * q[4 * s + b];
            }
            sums[i] += (uint32_t)sum;
        }
    }
}

void tern_cpu_gemm_t2__scalar(const struct tern_cpu_gemm_t2 *job, int32_t *sums) {
    for (uint32_t row = 0; row < job->rows; row++) {
        for (uint32_t first = 0; first < job->blocks; first += job->group_blocks) {
            uint32_t rest = job->blocks - first;
            uint32_t end = first + (rest < job->group_blocks ? rest : job->group_blocks);
            uint32_t group[WIDTH] = {0};
            for (uint32_t block = first; block < end; block++) {
                add_block(job->codes + (size_t)block * 16 * WIDTH,
                          job->q + ((size_t)block * job->rows + row) * TERN_CPU_T2_BLOCK, group);
            }
            memcpy(sums, group, sizeof group);
            sums += WIDTH;
        }
    }
}
