#include "backends/reference/ops/ops.h"

static int32_t best(const float *x, uint32_t count) {
    uint32_t at = 0;
    for (uint32_t k = 1; k < count; k++) {
        at = x[k] > x[at] ? k : at;
    }
    return (int32_t)at;
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_argmax_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->x.shape[0]);
    for (uint32_t row = 0; row < rows; row++) {
        tern_ref_i32(&d->out)[row] = best(tern_ref_f32_row(&d->x, row), d->x.shape[1]);
        if (d->positions.buffer) {
            int32_t *position = &tern_ref_i32(&d->positions)[row];
            *position = (int32_t)((uint32_t)*position + 1u);
        }
    }
}

const tern_ref_op tern_ref_op_argmax = {.desc_size = sizeof(tern_argmax_desc), .run = run};
