#include "backends/reference/ops/ops.h"

static void run(const tern_ref_run *r, const void *desc) {
    const tern_add_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->a.shape[0]);
    for (uint32_t row = 0; row < rows; row++) {
        const float *a = tern_ref_f32_row(&d->a, row);
        const float *b = tern_ref_f32_row(&d->b, row);
        float *out = tern_ref_f32_row(&d->out, row);
        for (uint32_t k = 0; k < d->a.shape[1]; k++) {
            out[k] = t_flush(a[k] + b[k]);
        }
    }
}

const tern_ref_op tern_ref_op_add = {.desc_size = sizeof(tern_add_desc), .run = run};
