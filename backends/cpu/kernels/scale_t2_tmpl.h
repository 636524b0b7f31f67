// scale_t2 in plain C, for one level.
#include "backends/cpu/kernels/template.h"

#include "backends/cpu/kernels/sum.h"
#include "shaders/common/float.h"

// Outputs made at once.
enum { LANES = 8 };

// The true difference fits; what it is the difference of is known modulo 2^32.
TERN_CPU_INLINE int32_t difference(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

// Rule 4 over the groups, for lanes |at| to |at| + LANES - 1 of the tile.
TERN_CPU_INLINE void sum_groups(const struct tern_cpu_scale_t2 *job, uint32_t at, float *y) {
    for (int i = 0; i < LANES; i++) {
        y[i] = 0.0f;
    }
    for (uint32_t base = 0; base < job->groups; base += TERN_CPU_SUM_BLOCK) {
        float parts[TERN_CPU_SUM_PARTS][LANES] = {{0}};
        uint32_t rest = job->groups - base;
        uint32_t end = base + (rest < TERN_CPU_SUM_BLOCK ? rest : TERN_CPU_SUM_BLOCK);
        for (uint32_t g = base; g < end; g++) {
            const int32_t *sums = job->sums + g * job->sums_stride + at;
            const float *scale = job->weight_scale + (size_t)g * job->tile + at;
            float *part = parts[g % TERN_CPU_SUM_PARTS];
            for (int i = 0; i < LANES; i++) {
                part[i] += (float)difference(sums[i], job->row_sums[g]) * scale[i];
            }
        }
        for (int half = TERN_CPU_SUM_PARTS / 2; half > 0; half /= 2) {
            for (int p = 0; p < half; p++) {
                for (int i = 0; i < LANES; i++) {
                    parts[p][i] += parts[p + half][i];
                }
            }
        }
        for (int i = 0; i < LANES; i++) {
            y[i] += parts[0][i];
        }
    }
}

TERN_CPU_INLINE void add_and_flush(float *y, const float *other, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        y[i] = t_flush(y[i] + other[i]);
    }
}

// |count| is a constant where all lanes are wanted.
TERN_CPU_INLINE void make(const struct tern_cpu_scale_t2 *job, uint32_t at, uint32_t count,
                          float *out) {
    float y[LANES];
    if (job->grouped) {
        sum_groups(job, at, y);
        for (int i = 0; i < LANES; i++) {
            y[i] = y[i] * job->act_scale;
        }
    } else {
        for (int i = 0; i < LANES; i++) {
            y[i] = (float)difference(job->sums[at + i], job->row_sums[0]) * job->act_scale;
            y[i] = y[i] * job->weight_scale[at + i];
        }
    }
    if (job->bias) {
        add_and_flush(y, job->bias + at, count);
    } else {
        for (int i = 0; i < LANES; i++) {
            y[i] = t_flush(y[i]);
        }
    }
    if (job->residual) {
        add_and_flush(y, job->residual + at, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        out[at + i] = y[i];
    }
}

void TERN_CPU_FN(scale_t2)(const struct tern_cpu_scale_t2 *job, float *out) {
    uint32_t at = 0;
    for (; job->count - at >= LANES; at += LANES) {
        make(job, at, LANES, out);
    }
    if (at < job->count) {
        make(job, at, job->count - at, out);
    }
}
