#include <string.h>

#include "backends/reference/ops/ops.h"

// All rows of x as they are multiplied, then one row of weights.
static uint64_t scratch(const void *desc) {
    const tern_linear_desc *d = desc;
    return ((uint64_t)d->x.shape[0] + 1) * d->x.shape[1] * sizeof(float);
}

static void load_row(const tern_linear_desc *d, uint32_t row, float *out) {
    const float *x = tern_ref_f32_row(&d->x, row);
    uint32_t cols = d->x.shape[1];
    if (tern_op_weights(d->weights)->info.dtype == TERN_DTYPE_F32) {
        memcpy(out, x, cols * sizeof *out);
        return;
    }
    for (uint32_t k = 0; k < cols; k++) {
        out[k] = t_round_f16(x[k]);
    }
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_linear_desc *d = desc;
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    const float *bias = tern_ref_f32(&d->bias);
    size_t cols = d->x.shape[1];
    uint32_t rows = tern_ref_live(r, &d->head, d->x.shape[0]);
    float *x = r->scratch;
    float *w = x + d->x.shape[0] * cols;
    for (uint32_t row = 0; row < rows; row++) {
        load_row(d, row, x + row * cols);
    }
    for (uint32_t n = 0; n < weights->info.rows; n++) {
        tern_ref_weights_dense(weights, n, w);
        for (uint32_t row = 0; row < rows; row++) {
            float y = tern_ref_dot(x + row * cols, w, (uint32_t)cols);
            if (bias) {
                y = y + bias[n];
            }
            tern_ref_f32_row(&d->out, row)[n] = t_flush(y);
        }
    }
}

const tern_ref_op tern_ref_op_linear = {
    .desc_size = sizeof(tern_linear_desc), .scratch = scratch, .run = run};
