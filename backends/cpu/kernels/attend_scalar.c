#include "backends/cpu/kernels/kernels.h"

#include "backends/cpu/kernels/sum.h"
#include "shaders/common/float.h"

static const uint16_t *row_f16(const struct tern_cpu_attend *job, uint32_t j) {
    return (const uint16_t *)job->rows + j * job->stride;
}

static const float *row_f32(const struct tern_cpu_attend *job, uint32_t j) {
    return (const float *)job->rows + j * job->stride;
}

static float key_f16(const float *q, const uint16_t *k, uint32_t dim) {
    float sum = 0.0f;
    for (uint32_t base = 0; base < dim; base += TERN_CPU_SUM_BLOCK) {
        float parts[TERN_CPU_SUM_PARTS] = {0};
        uint32_t end = dim - base < TERN_CPU_SUM_BLOCK ? dim : base + TERN_CPU_SUM_BLOCK;
        for (uint32_t i = base; i < end; i++) {
            parts[i % TERN_CPU_SUM_PARTS] += q[i] * t_f16_to_f32(k[i]);
        }
        sum += tern_cpu_sum_join(parts);
    }
    return sum;
}

void tern_cpu_attend_keys_f16__scalar(const struct tern_cpu_attend *job, const float *x,
                                      float *out) {
    for (uint32_t j = 0; j < job->count; j++) {
        out[j] = key_f16(x, row_f16(job, j), job->dim);
    }
}

void tern_cpu_attend_keys_f32__scalar(const struct tern_cpu_attend *job, const float *x,
                                      float *out) {
    for (uint32_t j = 0; j < job->count; j++) {
        out[j] = tern_cpu_sum_products(x, row_f32(job, j), job->dim);
    }
}

void tern_cpu_attend_values_f16__scalar(const struct tern_cpu_attend *job, const float *x,
                                        float *out) {
    for (uint32_t d = 0; d < job->dim; d++) {
        out[d] = 0.0f;
    }
    for (uint32_t j = 0; j < job->count; j++) {
        const uint16_t *v = row_f16(job, j);
        for (uint32_t d = 0; d < job->dim; d++) {
            out[d] += x[j] * t_f16_to_f32(v[d]);
        }
    }
}

void tern_cpu_attend_values_f32__scalar(const struct tern_cpu_attend *job, const float *x,
                                        float *out) {
    for (uint32_t d = 0; d < job->dim; d++) {
        out[d] = 0.0f;
    }
    for (uint32_t j = 0; j < job->count; j++) {
        const float *v = row_f32(job, j);
        for (uint32_t d = 0; d < job->dim; d++) {
            out[d] += x[j] * v[d];
        }
    }
}
