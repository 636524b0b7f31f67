// For every slot: quantize_act of its x, then ternary_matmul with the rows of its expert.
#include "backends/reference/ops/ops.h"

// Where the parts keep what they hand on.
typedef struct parts {
    float *terms;  // sums of the groups
    int8_t *q;     // one row
    int8_t *codes; // one row of weights
} parts;

static uint64_t padded(uint64_t count) {
    return (count + 3) / 4 * 4;
}

static uint64_t scratch(const void *desc) {
    const tern_expert_bitlinear_desc *d = desc;
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    return (uint64_t)weights->row_scales * sizeof(float) + 2 * padded(weights->info.cols);
}

static parts place(const tern_ref_run *r, const tern_backend_weights *weights) {
    parts p = {.terms = r->scratch};
    p.q = (int8_t *)(p.terms + weights->row_scales);
    p.codes = p.q + padded(weights->info.cols);
    return p;
}

static void run_slot(const tern_expert_bitlinear_desc *d, const parts *p, uint32_t row,
                     uint32_t slot) {
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    uint32_t cols = weights->info.cols;
    uint32_t outputs = weights->info.rows / d->experts;
    const int32_t *ids = tern_ref_row(&d->ids, row, sizeof *ids);
    const float *x = tern_ref_f32_row(&d->x, row) + (d->x.shape[1] > cols ? slot * cols : 0);
    float *out = tern_ref_f32_row(&d->out, row) + slot * outputs;
    float scale = t_flush(tern_ref_quantize_row(x, cols, p->q));
    tern_ref_ternary t = {weights, NULL, p->codes, p->terms, 0};
    for (uint32_t n = 0; n < outputs; n++) {
        t.output = tern_ref_clamp(ids[slot], d->experts) * outputs + n;
        tern_ref_weights_codes(weights, t.output, p->codes);
        out[n] = tern_ref_ternary_output(&t, p->q, scale);
    }
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_expert_bitlinear_desc *d = desc;
    parts p = place(r, tern_op_weights(d->weights));
    uint32_t rows = tern_ref_live(r, &d->head, d->x.shape[0]);
    for (uint32_t row = 0; row < rows; row++) {
        for (uint32_t slot = 0; slot < d->ids.shape[1]; slot++) {
            run_slot(d, &p, row, slot);
        }
    }
}

const tern_ref_op tern_ref_op_expert_bitlinear = {
    .desc_size = sizeof(tern_expert_bitlinear_desc), .scratch = scratch, .run = run};
