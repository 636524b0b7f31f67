// The sequence of its parts: rms_norm, quantize_act, ternary_matmul with bias, add.
#include "backends/reference/ops/ops.h"

static int known(const void *desc) {
    const tern_bitlinear_desc *d = desc;
    return d->norm <= TERN_NORM_RMS;
}

static uint64_t padded(uint64_t count) {
    return (count + 3) / 4 * 4;
}

// Where the parts keep what they hand on.
typedef struct parts {
    float *normed; // one row
    float *scales; // one per row
    float *terms;  // sums of the groups
    int8_t *q;     // all rows
    int8_t *codes; // one row of weights
} parts;

static uint64_t scratch(const void *desc) {
    const tern_bitlinear_desc *d = desc;
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    uint64_t cols = weights->info.cols;
    uint64_t rows = d->x.shape[0];
    return (cols + rows + weights->row_scales) * sizeof(float) + (rows + 1) * padded(cols);
}

static parts place(const tern_ref_run *r, const tern_bitlinear_desc *d) {
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    size_t rows = d->x.shape[0];
    parts p = {.normed = r->scratch};
    p.scales = p.normed + weights->info.cols;
    p.terms = p.scales + rows;
    p.q = (int8_t *)(p.terms + weights->row_scales);
    p.codes = p.q + rows * padded(weights->info.cols);
    return p;
}

static void quantize(const tern_bitlinear_desc *d, const parts *p, uint32_t rows) {
    uint32_t cols = d->x.shape[1];
    for (uint32_t row = 0; row < rows; row++) {
        const float *x = tern_ref_f32_row(&d->x, row);
        if (d->norm == TERN_NORM_RMS) {
            tern_ref_rms_norm_row(x, tern_ref_f32(&d->norm_weight), d->norm_eps, cols, p->normed);
            x = p->normed;
        }
        p->scales[row] = t_flush(tern_ref_quantize_row(x, cols, p->q + row * padded(cols)));
    }
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_bitlinear_desc *d = desc;
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    uint32_t rows = tern_ref_live(r, &d->head, d->x.shape[0]);
    parts p = place(r, d);
    quantize(d, &p, rows);
    tern_ref_ternary t = {weights, tern_ref_f32(&d->bias), p.codes, p.terms, 0};
    for (uint32_t n = 0; n < weights->info.rows; n++) {
        tern_ref_weights_codes(weights, n, p.codes);
        t.output = n;
        for (uint32_t row = 0; row < rows; row++) {
            const int8_t *q = p.q + row * padded(weights->info.cols);
            float y = tern_ref_ternary_output(&t, q, p.scales[row]);
            if (d->residual.buffer) {
                y = t_flush(y + tern_ref_f32_row(&d->residual, row)[n]);
            }
            tern_ref_f32_row(&d->out, row)[n] = y;
        }
    }
}

const tern_ref_op tern_ref_op_bitlinear = {
    .desc_size = sizeof(tern_bitlinear_desc), .known = known, .scratch = scratch, .run = run};
