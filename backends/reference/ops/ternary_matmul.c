#include "backends/reference/ops/ops.h"

static int32_t dot(const int8_t *q, const int8_t *codes, uint32_t count) {
    int32_t total = 0;
    for (uint32_t k = 0; k < count; k++) {
        total += q[k] * codes[k];
    }
    return total;
}

static float product(const tern_ref_ternary *t, const int8_t *q, float scale) {
    const tern_weights_info *info = &t->weights->info;
    if (info->scale_kind != TERN_SCALE_GROUP) {
        float y = (float)dot(q, t->codes, info->cols) * scale;
        return y * tern_ref_weights_scale(t->weights, t->output, 0);
    }
    uint32_t group = info->group_size;
    for (uint32_t first = 0; first < info->cols; first += group) {
        uint32_t count = info->cols - first < group ? info->cols - first : group;
        float part = (float)dot(q + first, t->codes + first, count);
        t->terms[first / group] = part * tern_ref_weights_scale(t->weights, t->output, first);
    }
    return tern_ref_sum(t->terms, t->weights->row_scales) * scale;
}

float tern_ref_ternary_output(const tern_ref_ternary *t, const int8_t *q, float scale) {
    float y = product(t, q, scale);
    if (t->bias) {
        y = y + t->bias[t->output];
    }
    return t_flush(y);
}

// Sums of the groups, then the codes of one row.
static uint64_t scratch(const void *desc) {
    const tern_ternary_matmul_desc *d = desc;
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    return (uint64_t)weights->row_scales * sizeof(float) + weights->info.cols;
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_ternary_matmul_desc *d = desc;
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    float *terms = r->scratch;
    int8_t *codes = (int8_t *)(terms + weights->row_scales);
    tern_ref_ternary t = {weights, tern_ref_f32(&d->bias), codes, terms, 0};
    uint32_t rows = tern_ref_live(r, &d->head, d->q.shape[0]);
    for (uint32_t n = 0; n < weights->info.rows; n++) {
        tern_ref_weights_codes(weights, n, codes);
        t.output = n;
        for (uint32_t row = 0; row < rows; row++) {
            tern_ref_f32_row(&d->out, row)[n] = tern_ref_ternary_output(
                &t, tern_ref_row(&d->q, row, sizeof(int8_t)), tern_ref_f32(&d->scale)[row]);
        }
    }
}

const tern_ref_op tern_ref_op_ternary_matmul = {
    .desc_size = sizeof(tern_ternary_matmul_desc), .scratch = scratch, .run = run};
