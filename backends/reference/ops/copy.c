#include <string.h>

#include "backends/common/sizes.h"
#include "backends/reference/ops/ops.h"

static float widen(tern_dtype dtype, const void *row, uint32_t k) {
    switch (dtype) {
    case TERN_DTYPE_F16:
        return t_f16_to_f32(((const uint16_t *)row)[k]);
    case TERN_DTYPE_BF16:
        return t_bf16_to_f32(((const uint16_t *)row)[k]);
    default:
        return ((const float *)row)[k];
    }
}

static void narrow(tern_dtype dtype, float x, void *row, uint32_t k) {
    switch (dtype) {
    case TERN_DTYPE_F16:
        ((uint16_t *)row)[k] = (uint16_t)t_f16_from_f32(x);
        break;
    case TERN_DTYPE_BF16:
        ((uint16_t *)row)[k] = (uint16_t)t_bf16_from_f32(x);
        break;
    default:
        ((float *)row)[k] = t_flush(x);
        break;
    }
}

static void copy_row(const tern_copy_desc *d, uint32_t from, uint32_t to) {
    uint32_t cols = d->x.shape[1];
    const void *x = tern_ref_row(&d->x, from, tern_element_bytes(d->x.dtype));
    void *out = tern_ref_row(&d->out, to, tern_element_bytes(d->out.dtype));
    if (d->x.dtype == d->out.dtype) {
        memcpy(out, x, cols * tern_element_bytes(d->x.dtype));
        return;
    }
    for (uint32_t k = 0; k < cols; k++) {
        narrow(d->out.dtype, widen(d->x.dtype, x, k), out, k);
    }
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_copy_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->out.shape[0]);
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t from = row;
        if (d->rows.buffer) {
            from = tern_ref_clamp(tern_ref_i32(&d->rows)[row], d->x.shape[0]);
        }
        copy_row(d, from, row);
    }
}

const tern_ref_op tern_ref_op_copy = {.desc_size = sizeof(tern_copy_desc), .run = run};
