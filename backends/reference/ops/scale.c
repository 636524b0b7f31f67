#include "backends/reference/ops/ops.h"

static void run(const tern_ref_run *r, const void *desc) {
    const tern_scale_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->x.shape[0]);
    for (uint32_t row = 0; row < rows; row++) {
        const float *x = tern_ref_f32_row(&d->x, row);
        float *out = tern_ref_f32_row(&d->out, row);
        for (uint32_t k = 0; k < d->x.shape[1]; k++) {
            out[k] = t_flush(x[k] * d->factor);
        }
    }
}

const tern_ref_op tern_ref_op_scale = {.desc_size = sizeof(tern_scale_desc), .run = run};
