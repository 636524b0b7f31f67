#include "backends/cpu/kernels/kernels.h"

#include <string.h>

#include "backends/cpu/kernels/t5.h"

enum { TILE = 8, TILES = TERN_CPU_GEMM_TILES, QUADS = TERN_CPU_T2_BLOCK / 4 };

// The 4 codes of quad |quad| of a row of a tile.
static void four_codes(const uint8_t *tile, uint32_t quad, uint32_t row, uint8_t *four) {
    for (uint32_t b = 0; b < 4; b++) {
        uint8_t codes[5];
        tern_cpu_t5_codes(tile[4 * ((size_t)(quad / 5) * TILE + row) + b], codes);
        four[b] = codes[quad % 5];
    }
}

static uint32_t dot16(const uint8_t *tile, uint32_t block, uint32_t row, const int8_t *q) {
    int32_t sum = 0;
    for (uint32_t s = 0; s < QUADS; s++) {
        uint8_t four[4];
        four_codes(tile, block * QUADS + s, row, four);
        for (uint32_t b = 0; b < 4; b++) {
            sum += four[b] * q[4 * s + b];
        }
    }
    return (uint32_t)sum;
}

void tern_cpu_gemv_t5__scalar(const struct tern_cpu_gemv_t2 *job, int32_t *sums) {
    uint32_t width = job->tiles * TILE;
    size_t tile_bytes = (size_t)job->blocks / TERN_CPU_T5_BLOCKS * 4 * TILE * 4;
    memset(sums, 0, (size_t)job->rows * width * sizeof *sums);
    for (uint32_t block = 0; block < job->blocks; block++) {
        const int8_t *q = job->q + (size_t)block * job->rows * TERN_CPU_T2_BLOCK;
        for (uint32_t i = 0; i < job->rows * width; i++) {
            const uint8_t *tile = job->tile + i % width / TILE * tile_bytes;
            uint32_t dot = dot16(tile, block, i % TILE, q + i / width * TERN_CPU_T2_BLOCK);
            sums[i] = (int32_t)((uint32_t)sums[i] + dot);
        }
    }
}

void tern_cpu_unpack_t5__scalar(const uint8_t *tiles, size_t tile_bytes, uint32_t count,
                                uint32_t blocks, uint8_t *codes) {
    for (uint32_t quad = 0; quad < blocks * QUADS; quad++) {
        for (uint32_t t = 0; t < count; t++) {
            uint8_t *to = codes + ((size_t)quad * TILES + t) * 4 * TILE;
            for (uint32_t row = 0; row < TILE; row++) {
                four_codes(tiles + t * tile_bytes, quad, row, to + 4 * row);
            }
        }
    }
}
