#include "backends/cpu/kernels/kernels.h"

#include <arm_neon.h>

// As in x86/roofline_avx2.c: enough sums to hide latencies, unlike at the start.
enum { SUMS = 12, VECTORS = TERN_CPU_PEAK_I8 / 16 };

int32_t tern_cpu_peak_i8__dotprod(const uint8_t *codes, const int8_t *q, uint32_t rounds,
                                  size_t step) {
    int32x4_t sums[SUMS];
    for (int i = 0; i < SUMS; i++) {
        sums[i] = vdupq_n_s32(i);
    }
    for (uint32_t r = 0; r < rounds; r++) {
        for (int part = 0; part < 2 * VECTORS; part++) {
            int8x16_t c = vreinterpretq_s8_u8(vld1q_u8(codes + part % VECTORS * 16));
            int8x16_t x = vld1q_s8(q + part % VECTORS * 16);
            for (int i = 0; i < SUMS; i++) {
                sums[i] = vdotq_s32(sums[i], c, x);
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
