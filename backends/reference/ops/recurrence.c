#include "backends/reference/ops/ops.h"

static void run(const tern_ref_run *r, const void *desc) {
    const tern_recurrence_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->f.shape[0]);
    for (uint32_t row = 0; row < rows; row++) {
        const float *f = tern_ref_f32_row(&d->f, row);
        const float *i = tern_ref_f32_row(&d->i, row);
        int32_t sequence = tern_ref_i32(&d->sequences)[row];
        int first = tern_ref_i32(&d->positions)[row] <= 0;
        float *state = tern_ref_f32_row(&d->state, tern_ref_clamp(sequence, d->state.shape[0]));
        float *out = tern_ref_f32_row(&d->out, row);
        for (uint32_t k = 0; k < d->f.shape[1]; k++) {
            float kept = first ? 0.0f : t_flush(f[k] * state[k]);
            state[k] = t_flush(kept + i[k]);
            out[k] = state[k];
        }
    }
}

const tern_ref_op tern_ref_op_recurrence = {.desc_size = sizeof(tern_recurrence_desc), .run = run};
