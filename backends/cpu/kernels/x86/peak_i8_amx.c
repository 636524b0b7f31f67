// peak_i8 by tdpbsud.
#include <string.h>

#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/kernels/x86/tiles_amx.h"

enum { ROWS = TERN_CPU_TILE_ROWS, SUMS = 4, PARTS = TERN_CPU_PEAK_TIMES / SUMS };

// Four sums that are independent of each other: one takes 52 cycles, one starts every 16.
static void multiply(const void *codes, const void *q) {
    _tile_loadd(4, q, TERN_CPU_TILE_COLS);
    _tile_loadd(5, codes, TERN_CPU_TILE_COLS);
    for (int part = 0; part < PARTS; part++) {
        _tile_dpbsud(0, 4, 5);
        _tile_dpbsud(1, 4, 5);
        _tile_dpbsud(2, 4, 5);
        _tile_dpbsud(3, 4, 5);
    }
}

int32_t tern_cpu_peak_i8__amx(const uint8_t *codes, const int8_t *q, uint32_t rounds, size_t step) {
    static const uint8_t rows[TERN_CPU_TILE_COUNT] = {ROWS, ROWS, ROWS, ROWS, ROWS, ROWS};
    _Alignas(64) int8_t acts[ROWS][TERN_CPU_PEAK_I8];
    _Alignas(64) uint8_t weights[TERN_CPU_PEAK_I8 / 4][ROWS][4];
    _Alignas(64) int32_t sums[SUMS][ROWS][ROWS];
    for (int i = 0; i < ROWS * TERN_CPU_PEAK_I8; i++) {
        acts[i / TERN_CPU_PEAK_I8][i % TERN_CPU_PEAK_I8] = q[i % TERN_CPU_PEAK_I8];
        weights[i / 4 / ROWS][i / 4 % ROWS][i % 4] = codes[i / 4 / ROWS * 4 + i % 4];
    }
    tern_cpu_tiles_configure(rows);
    for (uint32_t r = 0; r < rounds; r++) {
        multiply((const uint8_t *)weights + r * step, (const int8_t *)acts + r * step);
    }
    _tile_stored(0, sums[0], sizeof sums[0][0]);
    _tile_stored(1, sums[1], sizeof sums[0][0]);
    _tile_stored(2, sums[2], sizeof sums[0][0]);
    _tile_stored(3, sums[3], sizeof sums[0][0]);
    _tile_release();
    uint32_t sum = 0;
    for (int i = 0; i < SUMS; i++) { // of all that are equal, the last
        sum += (uint32_t)sums[i][ROWS - 1][ROWS - 1];
    }
    return (int32_t)sum;
}
