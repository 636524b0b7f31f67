#include "backends/reference/ops/ops.h"

static int is_ternary(const tern_backend_weights *weights) {
    return weights->info.dtype == TERN_DTYPE_T2;
}

// The codes of one row, if they need decoding.
static uint64_t scratch(const void *desc) {
    const tern_embedding_desc *d = desc;
    return is_ternary(tern_op_weights(d->weights)) ? d->out.shape[1] : 0;
}

static void lookup(const tern_backend_weights *weights, uint32_t id, int8_t *codes, float *out) {
    uint32_t cols = weights->info.cols;
    if (is_ternary(weights)) {
        tern_ref_weights_codes(weights, id, codes);
        for (uint32_t k = 0; k < cols; k++) {
            out[k] = tern_ref_weights_scale(weights, id, k) * (float)codes[k];
        }
    } else {
        tern_ref_weights_dense(weights, id, out);
    }
    for (uint32_t k = 0; k < cols; k++) {
        out[k] = t_flush(out[k]);
    }
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_embedding_desc *d = desc;
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    uint32_t rows = tern_ref_live(r, &d->head, d->ids.shape[0]);
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t id = tern_ref_clamp(tern_ref_i32(&d->ids)[row], weights->info.rows);
        lookup(weights, id, r->scratch, tern_ref_f32_row(&d->out, row));
    }
}

const tern_ref_op tern_ref_op_embedding = {
    .desc_size = sizeof(tern_embedding_desc), .scratch = scratch, .run = run};
