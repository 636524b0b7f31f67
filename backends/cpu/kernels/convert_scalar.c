#include "backends/cpu/kernels/kernels.h"

#include "shaders/common/float.h"

void tern_cpu_round_f16__scalar(const float *x, uint32_t n, float *out) {
    for (uint32_t i = 0; i < n; i++) {
        out[i] = t_round_f16(x[i]);
    }
}

void tern_cpu_f16_from_f32__scalar(const float *x, uint32_t n, uint16_t *out) {
    for (uint32_t i = 0; i < n; i++) {
        out[i] = (uint16_t)t_f16_from_f32(x[i]);
    }
}

void tern_cpu_f32_from_f16__scalar(const uint16_t *x, uint32_t n, float *out) {
    for (uint32_t i = 0; i < n; i++) {
        out[i] = t_flush(t_f16_to_f32(x[i]));
    }
}
