#include "backends/cpu/kernels/kernels.h"

#include <string.h>

uint64_t tern_cpu_read__scalar(const uint8_t *data, size_t bytes, size_t ahead) {
    uint64_t sum = 0;
    for (size_t line = 0; line < bytes; line += 64) {
        uint64_t words[8];
        memcpy(words, data + line, sizeof words);
        if (ahead) {
            TERN_CPU_PREFETCH(data + line + ahead);
        }
        for (int i = 0; i < 8; i++) {
            sum += words[i];
        }
    }
    return sum;
}

int32_t tern_cpu_peak_i8__scalar(const uint8_t *codes, const int8_t *q, uint32_t rounds,
                                 size_t step) {
    int32_t sums[TERN_CPU_PEAK_I8] = {0};
    for (uint64_t i = 0; i < (uint64_t)rounds * TERN_CPU_PEAK_TIMES; i++) {
        for (int j = 0; j < TERN_CPU_PEAK_I8; j++) {
            sums[j] = (int32_t)((uint32_t)sums[j] + (uint32_t)(codes[j] * q[j]));
        }
        codes += step;
        q += step;
    }
    uint32_t sum = 0;
    for (int j = 0; j < TERN_CPU_PEAK_I8; j++) {
        sum += (uint32_t)sums[j];
    }
    return (int32_t)sum;
}

float tern_cpu_peak_f32__scalar(const float *x, const float *y, uint32_t rounds, size_t step) {
    float sums[TERN_CPU_PEAK_F32] = {0};
    for (uint64_t i = 0; i < (uint64_t)rounds * TERN_CPU_PEAK_TIMES; i++) {
        for (int j = 0; j < TERN_CPU_PEAK_F32; j++) {
            sums[j] = sums[j] + x[j] * y[j];
        }
        x += step;
        y += step;
    }
    float sum = 0.0f;
    for (int j = 0; j < TERN_CPU_PEAK_F32; j++) {
        sum += sums[j];
    }
    return sum;
}
