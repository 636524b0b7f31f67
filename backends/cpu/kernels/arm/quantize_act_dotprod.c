#include "backends/cpu/kernels/kernels.h"

#include <arm_neon.h>

int32_t tern_cpu_sum_i8__dotprod(const int8_t *q, uint32_t k) {
    int32x4_t total = vdupq_n_s32(0);
    uint32_t i = 0;
    for (; k - i >= 16; i += 16) {
        total = vdotq_s32(total, vld1q_s8(q + i), vdupq_n_s8(1));
    }
    int32_t sum = vaddvq_s32(total);
    for (; i < k; i++) {
        sum += q[i];
    }
    return sum;
}
