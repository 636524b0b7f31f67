#include "backends/reference/ops/ops.h"

static void run(const tern_ref_run *r, const void *desc) {
    const tern_combine_desc *d = desc;
    uint32_t cols = d->out.shape[1];
    uint32_t rows = tern_ref_live(r, &d->head, d->out.shape[0]);
    for (uint32_t row = 0; row < rows; row++) {
        const float *x = tern_ref_f32_row(&d->x, row);
        const float *weights = tern_ref_f32_row(&d->weights, row);
        for (uint32_t n = 0; n < cols; n++) {
            float y = 0.0f;
            for (uint32_t s = 0; s < d->weights.shape[1]; s++) {
                float product = x[s * cols + n] * weights[s];
                y = y + product;
            }
            y = t_flush(y);
            if (d->residual.buffer) {
                y = t_flush(y + tern_ref_f32_row(&d->residual, row)[n]);
            }
            tern_ref_f32_row(&d->out, row)[n] = y;
        }
    }
}

const tern_ref_op tern_ref_op_combine = {.desc_size = sizeof(tern_combine_desc), .run = run};
