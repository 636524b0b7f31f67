// The blocked sum of the numbers contract (rule 4) on 16 vectors of 4 partial sums: vector v, lane
// i is partial sum 4v + i.
#ifndef TERN_BACKENDS_CPU_KERNELS_ARM_SUM_NEON_H_
#define TERN_BACKENDS_CPU_KERNELS_ARM_SUM_NEON_H_

#include <arm_neon.h>

#include "backends/cpu/kernels/kernels.h"

enum { TERN_CPU_VECTORS = 16, TERN_CPU_LANES = 4 };

// The upper part of the tree: 32, 16, 8, 4.
TERN_CPU_INLINE float32x4_t tern_cpu_join_vectors(float32x4_t *v) {
    for (int half = TERN_CPU_VECTORS / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) {
            v[i] = vaddq_f32(v[i], v[i + half]);
        }
    }
    return v[0];
}

// Lanes 0 + 2 and 1 + 3 of |a|, then of |b|.
TERN_CPU_INLINE float32x4_t tern_cpu_join_two(float32x4_t a, float32x4_t b) {
    float32x4_t low = vcombine_f32(vget_low_f32(a), vget_low_f32(b));
    float32x4_t high = vcombine_f32(vget_high_f32(a), vget_high_f32(b));
    return vaddq_f32(low, high);
}

// The lower part of the tree, 2 and 1, of four sums at a time.
TERN_CPU_INLINE float32x4_t tern_cpu_join_lanes(const float32x4_t *v) {
    return vpaddq_f32(tern_cpu_join_two(v[0], v[1]), tern_cpu_join_two(v[2], v[3]));
}

#endif
