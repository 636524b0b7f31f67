// Products without dot products: bytes are multiplied to 16 bits and added there. A product is -256
// to 254, so a 16-bit lane holds 64 of them, four a block, with room to spare.
#ifndef TERN_BACKENDS_CPU_KERNELS_ARM_NARROW_NEON_H_
#define TERN_BACKENDS_CPU_KERNELS_ARM_NARROW_NEON_H_

#include "backends/cpu/kernels/arm/words_neon.h"

enum { TERN_CPU_WIDEN_BLOCKS = 16 };

// Sums of a quad: rows 0 and 1 in |low|, 2 and 3 in |high|, four lanes each.
struct tern_cpu_narrow {
    int16x8_t low;
    int16x8_t high;
};

TERN_CPU_INLINE struct tern_cpu_narrow tern_cpu_narrow_zero(void) {
    return (struct tern_cpu_narrow){vdupq_n_s16(0), vdupq_n_s16(0)};
}

// |four|: four activations, repeated in all lanes.
TERN_CPU_INLINE struct tern_cpu_narrow tern_cpu_narrow_add(struct tern_cpu_narrow sums,
                                                           int8x16_t codes, int8x16_t four) {
    sums.low = vmlal_s8(sums.low, vget_low_s8(codes), vget_low_s8(four));
    sums.high = vmlal_high_s8(sums.high, codes, four);
    return sums;
}

TERN_CPU_INLINE int32x4_t tern_cpu_narrow_widen(struct tern_cpu_narrow sums) {
    return vpaddq_s32(vpaddlq_s16(sums.low), vpaddlq_s16(sums.high));
}

// Activations 4s to 4s + 3 of a block in four[s].
TERN_CPU_INLINE void tern_cpu_four_everywhere(int8x16_t acts, int8x16_t *four) {
    int32x4_t lanes = vreinterpretq_s32_s8(acts);
    four[0] = vreinterpretq_s8_s32(vdupq_laneq_s32(lanes, 0));
    four[1] = vreinterpretq_s8_s32(vdupq_laneq_s32(lanes, 1));
    four[2] = vreinterpretq_s8_s32(vdupq_laneq_s32(lanes, 2));
    four[3] = vreinterpretq_s8_s32(vdupq_laneq_s32(lanes, 3));
}

#endif
