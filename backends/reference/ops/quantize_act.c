#include "backends/reference/ops/ops.h"

float tern_ref_quantize_row(const float *x, uint32_t count, int8_t *q) {
    float most = 1e-5f;
    for (uint32_t k = 0; k < count; k++) {
        float size = fabsf(x[k]);
        most = size > most ? size : most;
    }
    float factor = t_divide(127.0f, most);
    for (uint32_t k = 0; k < count; k++) {
        float rounded = t_rint(x[k] * factor);
        // Written so that NaN becomes a number too.
        rounded = rounded > -128.0f ? rounded : -128.0f;
        rounded = rounded < 127.0f ? rounded : 127.0f;
        q[k] = (int8_t)rounded;
    }
    for (uint32_t k = count; k % 4; k++) {
        q[k] = 0;
    }
    return t_divide(most, 127.0f);
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_quantize_act_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->x.shape[0]);
    for (uint32_t row = 0; row < rows; row++) {
        tern_ref_f32(&d->scale)[row] = t_flush(tern_ref_quantize_row(
            tern_ref_f32_row(&d->x, row), d->x.shape[1], tern_ref_row(&d->q, row, sizeof(int8_t))));
    }
}

const tern_ref_op tern_ref_op_quantize_act = {.desc_size = sizeof(tern_quantize_act_desc),
                                              .run = run};
