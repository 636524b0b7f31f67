#include "backends/reference/ops/ops.h"
#include "shaders/common/activation.h"

static int known(const void *desc) {
    const tern_gated_desc *d = desc;
    return d->activation < TERN_ACTIVATION_COUNT_;
}

static float open_gate(const tern_gated_desc *d, float gate, float up) {
    if (d->limit != 0.0f) {
        gate = gate < d->limit ? gate : d->limit;
        up = up > -d->limit ? up : -d->limit;
        up = up < d->limit ? up : d->limit;
    }
    float opened = t_flush(t_activation(d->activation, gate));
    return t_flush(opened * up);
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_gated_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->gate.shape[0]);
    for (uint32_t row = 0; row < rows; row++) {
        const float *gate = tern_ref_f32_row(&d->gate, row);
        const float *up = tern_ref_f32_row(&d->up, row);
        float *out = tern_ref_f32_row(&d->out, row);
        for (uint32_t k = 0; k < d->gate.shape[1]; k++) {
            out[k] = open_gate(d, gate[k], up[k]);
        }
    }
}

const tern_ref_op tern_ref_op_gated = {
    .desc_size = sizeof(tern_gated_desc), .known = known, .run = run};
