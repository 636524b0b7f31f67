// The scales of int8 rows, which lie behind them.
#ifndef TERN_BACKENDS_CPU_KERNELS_ATTEND_SCALES_H_
#define TERN_BACKENDS_CPU_KERNELS_ATTEND_SCALES_H_

#include <string.h>

#include "backends/cpu/kernels/kernels.h"
#include "shaders/common/float.h"

TERN_CPU_INLINE void tern_cpu_gather_scales(const struct tern_cpu_attend *job, float *scales) {
    const int8_t *row = job->rows;
    for (uint32_t j = 0; j < job->count; j++, row += job->stride) {
        memcpy(scales + j, row + job->dim, sizeof *scales);
    }
}

// Each score times the scale of its key.
TERN_CPU_INLINE void tern_cpu_scale_keys(const struct tern_cpu_attend *job, float *out) {
    float scales[TERN_KV_BLOCK];
    tern_cpu_gather_scales(job, scales);
    for (uint32_t i = 0; i < job->queries; i++, out += job->out_stride) {
        for (uint32_t j = 0; j < job->count; j++) {
            out[j] = out[j] * scales[j];
        }
    }
}

TERN_CPU_INLINE void tern_cpu_weigh_values(const struct tern_cpu_attend *job, const float *p,
                                           float *out) {
    float scales[TERN_KV_BLOCK];
    tern_cpu_gather_scales(job, scales);
    for (uint32_t i = 0; i < job->queries; i++, p += job->x_stride, out += job->out_stride) {
        for (uint32_t j = 0; j < job->count; j++) {
            out[j] = t_round_16(p[j] * scales[j]);
        }
    }
}

#endif
