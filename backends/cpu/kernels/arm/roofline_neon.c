#include "backends/cpu/kernels/kernels.h"

#include <arm_neon.h>

// As in x86/roofline_avx2.c: enough sums to hide latencies, unlike at the start.
enum { SUMS = 12, VECTORS_I8 = TERN_CPU_PEAK_I8 / 16, VECTORS_F32 = TERN_CPU_PEAK_F32 / 4 };

// A product of a code and an activation is -256 to 254, so 16 bits hold 127: those of 5 rounds.
enum { WIDEN_ROUNDS = 5 };

int32_t tern_cpu_peak_i8__neon(const uint8_t *codes, const int8_t *q, uint32_t rounds,
                               size_t step) {
    int8x16_t c[VECTORS_I8];
    int32x4_t wide = vdupq_n_s32(0);
    for (int v = 0; v < VECTORS_I8; v++) {
        c[v] = vreinterpretq_s8_u8(vld1q_u8(codes + 16 * v));
    }
    for (uint32_t first = 0; first < rounds; first += WIDEN_ROUNDS) {
        uint32_t left = rounds - first < WIDEN_ROUNDS ? rounds - first : WIDEN_ROUNDS;
        int16x8_t sums[2 * VECTORS_I8];
        for (int i = 0; i < 2 * VECTORS_I8; i++) {
            sums[i] = vdupq_n_s16(0);
        }
        for (uint32_t i = 0; i < left * TERN_CPU_PEAK_TIMES; i++) {
            for (int v = 0; v < VECTORS_I8; v++) {
                int8x16_t x = vld1q_s8(q + 16 * v);
                sums[2 * v] = vmlal_s8(sums[2 * v], vget_low_s8(c[v]), vget_low_s8(x));
                sums[2 * v + 1] = vmlal_high_s8(sums[2 * v + 1], c[v], x);
            }
            q += step;
        }
        for (int i = 0; i < 2 * VECTORS_I8; i++) {
            wide = vpadalq_s16(wide, sums[i]);
        }
    }
    return vaddvq_s32(wide);
}

float tern_cpu_peak_f32__neon(const float *x, const float *y, uint32_t rounds, size_t step) {
    float32x4_t sums[SUMS];
    for (int i = 0; i < SUMS; i++) {
        sums[i] = vdupq_n_f32((float)i);
    }
    for (uint32_t r = 0; r < rounds; r++) {
        for (int part = 0; part < 2 * VECTORS_F32; part++) {
            float32x4_t a = vld1q_f32(x + part % VECTORS_F32 * 4);
            float32x4_t b = vld1q_f32(y + part % VECTORS_F32 * 4);
            for (int i = 0; i < SUMS; i++) {
                sums[i] = vfmaq_f32(sums[i], a, b);
            }
            x += step;
            y += step;
        }
    }
    float sum = 0.0f;
    for (int i = 0; i < SUMS; i++) {
        sum += vaddvq_f32(vsubq_f32(sums[i], vdupq_n_f32((float)i)));
    }
    return sum;
}
