#include "backends/cpu/kernels/kernels.h"

#include "backends/cpu/kernels/attend_scales.h"
#include "backends/cpu/kernels/sum.h"
#include "shaders/common/float.h"

typedef float load_fn(const void *row, size_t i);

TERN_CPU_INLINE float load_f16(const void *row, size_t i) {
    return t_f16_to_f32(((const uint16_t *)row)[i]);
}

TERN_CPU_INLINE float load_f32(const void *row, size_t i) {
    return ((const float *)row)[i];
}

TERN_CPU_INLINE float load_i8(const void *row, size_t i) {
    return (float)((const int8_t *)row)[i];
}

// The sum of products with |dim| elements from element |at| on.
TERN_CPU_INLINE float dot(load_fn *load, const float *q, const void *rows, size_t at,
                          uint32_t dim) {
    float sum = 0.0f;
    for (uint32_t base = 0; base < dim; base += TERN_CPU_SUM_BLOCK) {
        float parts[TERN_CPU_SUM_PARTS] = {0};
        uint32_t end = dim - base < TERN_CPU_SUM_BLOCK ? dim : base + TERN_CPU_SUM_BLOCK;
        for (uint32_t i = base; i < end; i++) {
            parts[i % TERN_CPU_SUM_PARTS] += q[i] * load(rows, at + i);
        }
        sum += tern_cpu_sum_join(parts);
    }
    return sum;
}

TERN_CPU_INLINE void keys(load_fn *load, const struct tern_cpu_attend *job, const float *x,
                          float *out) {
    for (uint32_t i = 0; i < job->queries; i++) {
        for (uint32_t j = 0; j < job->count; j++) {
            out[j] = dot(load, x, job->rows, j * job->stride, job->dim);
        }
        x += job->x_stride;
        out += job->out_stride;
    }
}

void tern_cpu_attend_keys_f16__scalar(const struct tern_cpu_attend *job, const float *x,
                                      float *out) {
    keys(load_f16, job, x, out);
}

void tern_cpu_attend_keys_f32__scalar(const struct tern_cpu_attend *job, const float *x,
                                      float *out) {
    keys(load_f32, job, x, out);
}

void tern_cpu_attend_keys_i8__scalar(const struct tern_cpu_attend *job, const float *x,
                                     float *out) {
    keys(load_i8, job, x, out);
    tern_cpu_scale_keys(job, out);
}

void tern_cpu_attend_weights_i8__scalar(const struct tern_cpu_attend *job, const float *p,
                                        float *out) {
    tern_cpu_weigh_values(job, p, out);
}

// Columns that are summed before the next ones.
enum { COLUMNS = TERN_CPU_SUM_PARTS };

TERN_CPU_INLINE void value_columns(load_fn *load, const struct tern_cpu_attend *job, const float *p,
                                   uint32_t column, float *out) {
    uint32_t n = job->dim - column < COLUMNS ? job->dim - column : COLUMNS;
    float sums[COLUMNS] = {0};
    for (uint32_t j = 0; j < job->count; j++) {
        for (uint32_t d = 0; d < n; d++) {
            sums[d] += p[j] * load(job->rows, j * job->stride + column + d);
        }
    }
    for (uint32_t d = 0; d < n; d++) {
        out[column + d] = t_flush(sums[d]);
    }
}

TERN_CPU_INLINE void values(load_fn *load, const struct tern_cpu_attend *job, const float *x,
                            float *out) {
    for (uint32_t column = 0; column < job->dim; column += COLUMNS) {
        for (uint32_t i = 0; i < job->queries; i++) {
            value_columns(load, job, x + i * job->x_stride, column, out + i * job->out_stride);
        }
    }
}

void tern_cpu_attend_values_f16__scalar(const struct tern_cpu_attend *job, const float *x,
                                        float *out) {
    values(load_f16, job, x, out);
}

void tern_cpu_attend_values_f32__scalar(const struct tern_cpu_attend *job, const float *x,
                                        float *out) {
    values(load_f32, job, x, out);
}

void tern_cpu_attend_values_i8__scalar(const struct tern_cpu_attend *job, const float *x,
                                       float *out) {
    values(load_i8, job, x, out);
}
