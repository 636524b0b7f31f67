// scale_t2 in plain C, for one level.
#include "backends/cpu/kernels/template.h"

#include "backends/cpu/kernels/sum.h"
#include "shaders/common/float.h"

enum { LANES = 8 };

// Rule 4 over the groups, for each lane.
static void sum_groups(const struct tern_cpu_scale_t2 *job, float *y) {
    for (int i = 0; i < LANES; i++) {
        y[i] = 0.0f;
    }
    for (uint32_t base = 0; base < job->groups; base += TERN_CPU_SUM_BLOCK) {
        float parts[TERN_CPU_SUM_PARTS][LANES] = {{0}};
        uint32_t rest = job->groups - base;
        uint32_t end = base + (rest < TERN_CPU_SUM_BLOCK ? rest : TERN_CPU_SUM_BLOCK);
        for (uint32_t g = base; g < end; g++) {
            const int32_t *sums = job->sums + (size_t)g * job->stride;
            const float *scale = job->weight_scale + (size_t)g * job->stride;
            float *part = parts[g % TERN_CPU_SUM_PARTS];
            for (int i = 0; i < LANES; i++) {
                part[i] += (float)(sums[i] - job->row_sums[g]) * scale[i];
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

static void add_and_flush(float *y, const float *other, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        y[i] = t_flush(y[i] + other[i]);
    }
}

void TERN_CPU_FN(scale_t2)(const struct tern_cpu_scale_t2 *job, float *out) {
    float y[LANES];
    if (job->grouped) {
        sum_groups(job, y);
        for (int i = 0; i < LANES; i++) {
            y[i] = y[i] * job->act_scale;
        }
    } else {
        for (int i = 0; i < LANES; i++) {
            y[i] = (float)(job->sums[i] - job->row_sums[0]) * job->act_scale;
            y[i] = y[i] * job->weight_scale[i];
        }
    }
    if (job->bias) {
        add_and_flush(y, job->bias, job->count);
    } else {
        for (int i = 0; i < LANES; i++) {
            y[i] = t_flush(y[i]);
        }
    }
    if (job->residual) {
        add_and_flush(y, job->residual, job->count);
    }
    for (uint32_t i = 0; i < job->count; i++) {
        out[i] = y[i];
    }
}
