#include "backends/cpu/kernels/kernels.h"

#include <arm_neon.h>

#include "shaders/common/float.h"

static float largest(const float *x, uint32_t k) {
    float32x4_t most = vdupq_n_f32(1e-5f);
    uint32_t i = 0;
    for (; k - i >= 4; i += 4) {
        most = vmaxq_f32(most, vabsq_f32(vld1q_f32(x + i)));
    }
    float m = vmaxvq_f32(most);
    for (; i < k; i++) {
        float a = T_ABS(x[i]);
        m = a > m ? a : m;
    }
    return m;
}

// Rounds half to even; saturates as wanted, here and when narrowed again.
static int16x4_t round4(const float *x, float factor) {
    return vqmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x), factor)));
}

static int8x8_t round8(const float *x, float factor) {
    return vqmovn_s16(vcombine_s16(round4(x, factor), round4(x + 4, factor)));
}

float tern_cpu_quantize_act__neon(const float *x, uint32_t k, int8_t *q) {
    float m = largest(x, k);
    float factor = 127.0f / m;
    uint32_t i = 0;
    for (; k - i >= 8; i += 8) {
        vst1_s8(q + i, round8(x + i, factor));
    }
    for (; i < k; i++) {
        float r = t_rint(x[i] * factor);
        r = r > 127.0f ? 127.0f : r >= -128.0f ? r : -128.0f;
        q[i] = (int8_t)r;
    }
    return m / 127.0f;
}

int32_t tern_cpu_sum_i8__neon(const int8_t *q, uint32_t k) {
    int32x4_t total = vdupq_n_s32(0);
    uint32_t i = 0;
    for (; k - i >= 16; i += 16) {
        total = vpadalq_s16(total, vpaddlq_s8(vld1q_s8(q + i)));
    }
    int32_t sum = vaddvq_s32(total);
    for (; i < k; i++) {
        sum += q[i];
    }
    return sum;
}
