#include "backends/reference/ops/ops.h"
#include "shaders/common/exp.h"

void tern_ref_softmax_row(const float *x, uint32_t count, float *out) {
    float most = x[0];
    for (uint32_t k = 1; k < count; k++) {
        most = x[k] > most ? x[k] : most;
    }
    for (uint32_t k = 0; k < count; k++) {
        out[k] = t_exp(x[k] - most);
    }
    float inverse = t_divide(1.0f, tern_ref_sum(out, count));
    for (uint32_t k = 0; k < count; k++) {
        out[k] = t_flush(out[k] * inverse);
    }
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_softmax_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->x.shape[0]);
    for (uint32_t row = 0; row < rows; row++) {
        tern_ref_softmax_row(tern_ref_f32_row(&d->x, row), d->x.shape[1],
                             tern_ref_f32_row(&d->out, row));
    }
}

const tern_ref_op tern_ref_op_softmax = {.desc_size = sizeof(tern_softmax_desc), .run = run};
