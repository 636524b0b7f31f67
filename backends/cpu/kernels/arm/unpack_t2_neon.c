#include "backends/cpu/kernels/kernels.h"

#include "backends/cpu/kernels/arm/words_neon.h"

enum { TILES = TERN_CPU_GEMM_TILES, TILE_BYTES = 4 * TERN_CPU_TILE };

void tern_cpu_unpack_t2__neon(const uint8_t *tiles, size_t tile_bytes, uint32_t count,
                              uint32_t blocks, uint8_t *codes) {
    for (uint32_t t = 0; t < count; t++) {
        for (uint32_t block = 0; block < blocks; block++) {
            uint8_t *to = codes + ((size_t)block * 4 * TILES + t) * TILE_BYTES;
            for (uint32_t quad = 0; quad < TERN_CPU_QUADS; quad++) {
                int8x16_t four[4];
                tern_cpu_codes(tern_cpu_words(tiles + t * tile_bytes, block, quad), four);
                for (uint32_t s = 0; s < 4; s++) {
                    uint8_t *at = to + s * TILES * TILE_BYTES + 16 * quad;
                    vst1q_u8(at, vreinterpretq_u8_s8(four[s]));
                }
            }
        }
    }
}
