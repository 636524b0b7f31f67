// What kernels for AMX share: its registers hold up to 16 rows of 64 bytes, tiles in its own words.
#ifndef TERN_BACKENDS_CPU_KERNELS_X86_TILES_AMX_H_
#define TERN_BACKENDS_CPU_KERNELS_X86_TILES_AMX_H_

#include <immintrin.h>
#include <stdint.h>

enum { TERN_CPU_TILE_ROWS = 16, TERN_CPU_TILE_COLS = 64, TERN_CPU_TILE_COUNT = 8 };

// The compiler does not know what loads of registers read: to come before them.
static inline void tern_cpu_tiles_finish_stores(void) {
    __asm__ volatile("" : : : "memory");
}

// Gives each register its rows, 0: it is not used; all become zero. Who is done calls
// _tile_release(), or the system saves 8 KiB whenever it switches threads.
static inline void tern_cpu_tiles_configure(const uint8_t *rows) {
    struct { // Intel SDM volume 2, LDTILECFG
        uint8_t palette, start, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    for (int i = 0; i < TERN_CPU_TILE_COUNT; i++) {
        config.rows[i] = rows[i];
        config.row_bytes[i] = rows[i] ? TERN_CPU_TILE_COLS : 0;
    }
    tern_cpu_tiles_finish_stores();
    _tile_loadconfig(&config);
}

#endif
