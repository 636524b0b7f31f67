#include "backends/reference/ops/ops.h"

void tern_ref_rms_norm_row(const float *x, const float *weight, float eps, uint32_t count,
                           float *out) {
    float mean = t_divide(tern_ref_dot(x, x, count), (float)count);
    float inverse = t_divide(1.0f, t_sqrt(mean + eps));
    for (uint32_t k = 0; k < count; k++) {
        float y = x[k] * inverse;
        if (weight) {
            y = y * weight[k];
        }
        out[k] = t_flush(y);
    }
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_rms_norm_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->x.shape[0]);
    uint32_t cols = d->x.shape[1];
    uint32_t part = cols / (d->heads ? d->heads : 1);
    for (uint32_t row = 0; row < rows; row++) {
        for (uint32_t at = 0; at < cols; at += part) {
            tern_ref_rms_norm_row(tern_ref_f32_row(&d->x, row) + at, tern_ref_f32(&d->weight),
                                  d->eps, part, tern_ref_f32_row(&d->out, row) + at);
        }
    }
}

const tern_ref_op tern_ref_op_rms_norm = {.desc_size = sizeof(tern_rms_norm_desc), .run = run};
