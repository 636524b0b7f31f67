// Tiles of t2 weights and panels of activations in 128-bit vectors. The words of four rows of a
// block (see pack.h), a quad, are a vector: shifted right by 2s and masked, byte b of 32-bit lane i
// is the code of row i, column 4s + b.
#ifndef TERN_BACKENDS_CPU_KERNELS_ARM_WORDS_NEON_H_
#define TERN_BACKENDS_CPU_KERNELS_ARM_WORDS_NEON_H_

#include <arm_neon.h>

#include "backends/cpu/kernels/kernels.h"

enum { TERN_CPU_TILE = 8, TERN_CPU_QUADS = TERN_CPU_TILE / 4 };

// Of block |block| of a tile.
TERN_CPU_INLINE uint8x16_t tern_cpu_words(const uint8_t *tile, uint32_t block, uint32_t quad) {
    return vld1q_u8(tile + 4 * ((size_t)block * TERN_CPU_TILE + 4 * quad));
}

// The codes, 0 to 2, of columns 4s to 4s + 3 in codes[s].
TERN_CPU_INLINE void tern_cpu_codes(uint8x16_t words, int8x16_t *codes) {
    const uint8x16_t low = vdupq_n_u8(3);
    codes[0] = vreinterpretq_s8_u8(vandq_u8(words, low));
    codes[1] = vreinterpretq_s8_u8(vandq_u8(vshrq_n_u8(words, 2), low));
    codes[2] = vreinterpretq_s8_u8(vandq_u8(vshrq_n_u8(words, 4), low));
    codes[3] = vreinterpretq_s8_u8(vshrq_n_u8(words, 6));
}

// The 16 activations of a block in row |row| of a panel of |rows|.
TERN_CPU_INLINE int8x16_t tern_cpu_acts(const int8_t *panel, uint32_t rows, uint32_t block,
                                        uint32_t row) {
    return vld1q_s8(panel + ((size_t)block * rows + row) * TERN_CPU_T2_BLOCK);
}

// Groups of blocks, and where group |group| ends.
TERN_CPU_INLINE uint32_t tern_cpu_groups(uint32_t blocks, uint32_t group_blocks) {
    return group_blocks < blocks ? (blocks + group_blocks - 1) / group_blocks : 1;
}

TERN_CPU_INLINE uint32_t tern_cpu_group_end(uint32_t blocks, uint32_t group_blocks,
                                            uint32_t group) {
    uint32_t first = group * group_blocks;
    return blocks - first < group_blocks ? blocks : first + group_blocks;
}

#endif
