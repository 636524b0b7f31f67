#include <string.h>

#include "backends/reference/ops/kv.h"

static void store(const float *x, tern_dtype dtype, uint32_t count, void *place) {
    if (dtype == TERN_DTYPE_F32) {
        memcpy(place, x, count * sizeof *x);
        return;
    }
    if (dtype == TERN_DTYPE_I8) {
        float scale = tern_ref_quantize_row(x, count, place);
        memcpy((int8_t *)place + count, &scale, sizeof scale);
        return;
    }
    uint16_t *narrow = place;
    for (uint32_t i = 0; i < count; i++) {
        narrow[i] = (uint16_t)t_f16_from_f32(x[i]);
    }
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_kv_append_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->k.shape[0]);
    uint32_t heads = d->k_cache.shape[1];
    uint32_t dim = tern_ref_kv_head_dim(&d->k_cache);
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t p = tern_ref_kv_position(&d->table, tern_ref_i32(&d->positions)[row]);
        const int32_t *blocks = tern_ref_kv_blocks(&d->table, tern_ref_i32(&d->sequences)[row]);
        for (uint32_t head = 0; head < heads; head++) {
            size_t at = (size_t)head * dim;
            store(tern_ref_f32_row(&d->k, row) + at, d->k_cache.dtype, dim,
                  tern_ref_kv_row(&d->k_cache, blocks, head, p));
            store(tern_ref_f32_row(&d->v, row) + at, d->v_cache.dtype, dim,
                  tern_ref_kv_row(&d->v_cache, blocks, head, p));
        }
    }
}

const tern_ref_op tern_ref_op_kv_append = {.desc_size = sizeof(tern_kv_append_desc), .run = run};
