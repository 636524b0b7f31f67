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
    for (uint32_t i = 0; i < job->queries; i++) {
        for (uint32_t j = 0; j < job->count; j++) {
            out[j] = key_f16(x, row_f16(job, j), job->dim);
        }
        x += job->x_stride;
        out += job->out_stride;
    }
}

void tern_cpu_attend_keys_f32__scalar(const struct tern_cpu_attend *job, const float *x,
                                      float *out) {
    for (uint32_t i = 0; i < job->queries; i++) {
        for (uint32_t j = 0; j < job->count; j++) {
            out[j] = tern_cpu_sum_products(x, row_f32(job, j), job->dim);
        }
        x += job->x_stride;
        out += job->out_stride;
    }
}

// Columns that are summed before the next ones.
enum { COLUMNS = TERN_CPU_SUM_PARTS };

static void add_f16(float x, const uint16_t *row, uint32_t n, float *sums) {
    for (uint32_t d = 0; d < n; d++) {
        sums[d] += x * t_f16_to_f32(row[d]);
    }
}

static void add_f32(float x, const float *row, uint32_t n, float *sums) {
    for (uint32_t d = 0; d < n; d++) {
        sums[d] += x * row[d];
    }
}

static void weigh(const float *sums, float weight, uint32_t n, float *out) {
    for (uint32_t d = 0; d < n; d++) {
        out[d] += t_flush(sums[d]) * weight;
    }
}

TERN_CPU_INLINE void values(const struct tern_cpu_attend *job, const float *x, int half,
                            float *out) {
    for (uint32_t at = 0; at < job->dim; at += COLUMNS) {
        uint32_t n = job->dim - at < COLUMNS ? job->dim - at : COLUMNS;
        for (uint32_t i = 0; i < job->queries; i++) {
            const float *p = x + i * job->x_stride;
            float sums[COLUMNS] = {0};
            for (uint32_t j = 0; j < job->count; j++) {
                if (half) {
                    add_f16(p[j], row_f16(job, j) + at, n, sums);
                } else {
                    add_f32(p[j], row_f32(job, j) + at, n, sums);
                }
            }
            weigh(sums, job->weights[i * job->weights_stride], n, out + i * job->out_stride + at);
        }
    }
}

void tern_cpu_attend_values_f16__scalar(const struct tern_cpu_attend *job, const float *x,
                                        float *out) {
    values(job, x, 1, out);
}

void tern_cpu_attend_values_f32__scalar(const struct tern_cpu_attend *job, const float *x,
                                        float *out) {
    values(job, x, 0, out);
}
