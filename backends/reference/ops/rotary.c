#include <string.h>

#include "backends/reference/ops/ops.h"

static int known(const void *desc) {
    const tern_rotary_desc *d = desc;
    return d->pairs <= TERN_ROTARY_INTERLEAVED;
}

static void rotate(const tern_rotary_desc *d, const float *angles, const float *x, float *out) {
    uint32_t half = d->table.shape[1] / 2;
    for (uint32_t i = 0; i < half; i++) {
        uint32_t first = d->pairs == TERN_ROTARY_INTERLEAVED ? 2 * i : i;
        uint32_t second = d->pairs == TERN_ROTARY_INTERLEAVED ? 2 * i + 1 : i + half;
        float a = x[first];
        float b = x[second];
        float c = angles[i];
        float s = angles[half + i];
        float ac = a * c;
        float bs = b * s;
        float bc = b * c;
        float as = a * s;
        out[first] = t_flush(ac - bs);
        out[second] = t_flush(bc + as);
    }
    uint32_t rest = d->head_dim - 2 * half;
    memmove(out + 2 * (size_t)half, x + 2 * (size_t)half, rest * sizeof *out);
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_rotary_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->x.shape[0]);
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t p = tern_ref_clamp(tern_ref_i32(&d->positions)[row], d->table.shape[0]);
        const float *angles = tern_ref_f32_row(&d->table, p);
        for (uint32_t at = 0; at < d->x.shape[1]; at += d->head_dim) {
            rotate(d, angles, tern_ref_f32_row(&d->x, row) + at,
                   tern_ref_f32_row(&d->out, row) + at);
        }
    }
}

const tern_ref_op tern_ref_op_rotary = {
    .desc_size = sizeof(tern_rotary_desc), .known = known, .run = run};
