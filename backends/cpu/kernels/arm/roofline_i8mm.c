#include "backends/cpu/kernels/kernels.h"

#include <arm_neon.h>

// smmla multiplies two rows of 8 by two rows of 8; with each row twice, all four products are the
// one that is wanted. Sums as in x86/roofline_avx2.c.
enum { SUMS = 12, CHUNKS = TERN_CPU_PEAK_I8 / 8, EACH = TERN_CPU_PEAK_TIMES / 4 };

static int8x16_t twice(const void *eight) {
    return vreinterpretq_s8_u8(vcombine_u8(vld1_u8(eight), vld1_u8(eight)));
}

int32_t tern_cpu_peak_i8__i8mm(const uint8_t *codes, const int8_t *q, uint32_t rounds,
                               size_t step) {
    int32x4_t sums[SUMS];
    for (int i = 0; i < SUMS; i++) {
        sums[i] = vdupq_n_s32(i);
    }
    for (uint32_t r = 0; r < rounds; r++) {
        for (int chunk = 0; chunk < CHUNKS; chunk++) {
            int8x16_t c = twice(codes + 8 * chunk);
            int8x16_t x = twice(q + 8 * chunk);
            for (int i = 0; i < EACH; i++) {
                int at = chunk % 2 * EACH + i;
                sums[at] = vmmlaq_s32(sums[at], c, x);
            }
            codes += step;
            q += step;
        }
    }
    int32x4_t all = vdupq_n_s32(0);
    for (int i = 0; i < SUMS; i++) {
        all = vaddq_s32(all, vsubq_s32(sums[i], vdupq_n_s32(i)));
    }
    return vaddvq_s32(all);
}
