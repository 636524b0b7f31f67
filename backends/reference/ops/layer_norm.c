#include "backends/reference/ops/ops.h"

static void norm_row(const tern_layer_norm_desc *d, const float *x, float *out) {
    uint32_t count = d->x.shape[1];
    const float *weight = tern_ref_f32(&d->weight);
    const float *bias = tern_ref_f32(&d->bias);
    float mean = t_divide(tern_ref_sum(x, count), (float)count);
    for (uint32_t k = 0; k < count; k++) {
        out[k] = t_flush(x[k] - mean);
    }
    float variance = t_divide(tern_ref_dot(out, out, count), (float)count);
    float inverse = t_divide(1.0f, t_sqrt(variance + d->eps));
    for (uint32_t k = 0; k < count; k++) {
        float y = out[k] * inverse;
        if (weight) {
            y = y * weight[k];
        }
        if (bias) {
            y = y + bias[k];
        }
        out[k] = t_flush(y);
    }
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_layer_norm_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->x.shape[0]);
    for (uint32_t row = 0; row < rows; row++) {
        norm_row(d, tern_ref_f32_row(&d->x, row), tern_ref_f32_row(&d->out, row));
    }
}

const tern_ref_op tern_ref_op_layer_norm = {.desc_size = sizeof(tern_layer_norm_desc), .run = run};
