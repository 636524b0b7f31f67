#include "backends/cpu/kernels/kernels.h"

#include "shaders/common/float.h"

float tern_cpu_quantize_act__scalar(const float *x, uint32_t k, int8_t *q) {
    float m = 1e-5f;
    for (uint32_t i = 0; i < k; i++) {
        float a = T_ABS(x[i]);
        m = a > m ? a : m;
    }
    float s = 127.0f / m;
    for (uint32_t i = 0; i < k; i++) {
        float r = t_rint(x[i] * s);
        r = r > 127.0f ? 127.0f : r >= -128.0f ? r : -128.0f;
        q[i] = (int8_t)r;
    }
    return m / 127.0f;
}

int32_t tern_cpu_sum_i8__scalar(const int8_t *q, uint32_t k) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < k; i++) {
        sum += q[i];
    }
    return sum;
}
