// Four float16 at a time.
#ifndef TERN_BACKENDS_CPU_KERNELS_ARM_HALF_NEON_H_
#define TERN_BACKENDS_CPU_KERNELS_ARM_HALF_NEON_H_

#include <arm_neon.h>

// As t_f16_from_f32: saturating, and what rounds to zero is +0.
static inline uint16x4_t tern_cpu_halves(float32x4_t x) {
    x = vminq_f32(vmaxq_f32(x, vdupq_n_f32(-65504.0f)), vdupq_n_f32(65504.0f));
    uint16x4_t h = vreinterpret_u16_f16(vcvt_f16_f32(x));
    return vand_u16(h, vtst_u16(h, vdup_n_u16(0x7fff)));
}

static inline float32x4_t tern_cpu_widen(uint16x4_t h) {
    return vcvt_f32_f16(vreinterpret_f16_u16(h));
}

#endif
