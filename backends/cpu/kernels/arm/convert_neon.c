#include "backends/cpu/kernels/kernels.h"

#include "backends/cpu/kernels/arm/half_neon.h"
#include "shaders/common/float.h"

void tern_cpu_round_f16__neon(const float *x, uint32_t n, float *out) {
    uint32_t i = 0;
    for (; n - i >= 4; i += 4) {
        vst1q_f32(out + i, tern_cpu_widen(tern_cpu_halves(vld1q_f32(x + i))));
    }
    for (; i < n; i++) {
        out[i] = t_round_f16(x[i]);
    }
}

void tern_cpu_f16_from_f32__neon(const float *x, uint32_t n, uint16_t *out) {
    uint32_t i = 0;
    for (; n - i >= 4; i += 4) {
        vst1_u16(out + i, tern_cpu_halves(vld1q_f32(x + i)));
    }
    for (; i < n; i++) {
        out[i] = (uint16_t)t_f16_from_f32(x[i]);
    }
}

void tern_cpu_f32_from_f16__neon(const uint16_t *x, uint32_t n, float *out) {
    uint32_t i = 0;
    for (; n - i >= 4; i += 4) {
        // The smallest float16 is 2^-24: only -0 is flushed.
        float32x4_t wide = tern_cpu_widen(vld1_u16(x + i));
        vst1q_f32(out + i, vaddq_f32(wide, vdupq_n_f32(0.0f)));
    }
    for (; i < n; i++) {
        out[i] = t_flush(t_f16_to_f32(x[i]));
    }
}
