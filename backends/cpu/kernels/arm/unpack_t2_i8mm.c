#include "backends/cpu/kernels/kernels.h"

#include "backends/cpu/kernels/arm/words_neon.h"

// For smmla: codes[block][half][tile][row][8], of columns 8 * half to 8 * half + 7.
enum { TILES = TERN_CPU_GEMM_TILES, HALF_BYTES = 8 * TERN_CPU_TILE };

static void store_rows(uint8_t *to, int8x16_t left, int8x16_t right) {
    int32x4_t a = vreinterpretq_s32_s8(left);
    int32x4_t b = vreinterpretq_s32_s8(right);
    vst1q_u8(to, vreinterpretq_u8_s32(vzip1q_s32(a, b)));
    vst1q_u8(to + 16, vreinterpretq_u8_s32(vzip2q_s32(a, b)));
}

void tern_cpu_unpack_t2__i8mm(const uint8_t *tiles, size_t tile_bytes, uint32_t count,
                              uint32_t blocks, uint8_t *codes) {
    for (uint32_t t = 0; t < count; t++) {
        for (uint32_t block = 0; block < blocks; block++) {
            uint8_t *to = codes + ((size_t)block * 2 * TILES + t) * HALF_BYTES;
            for (uint32_t quad = 0; quad < TERN_CPU_QUADS; quad++) {
                int8x16_t four[4];
                tern_cpu_codes(tern_cpu_words(tiles + t * tile_bytes, block, quad), four);
                store_rows(to + 32 * quad, four[0], four[1]);
                store_rows(to + TILES * HALF_BYTES + 32 * quad, four[2], four[3]);
            }
        }
    }
}
