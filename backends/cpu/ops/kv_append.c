#include <string.h>

#include "backends/cpu/ops/cache.h"
#include "backends/cpu/ops/rows.h"

static void store(const struct tern_cpu_kernels *kernels, const tern_tensor *cache, const float *x,
                  uint8_t *place) {
    uint32_t dim = tern_cpu_cache_dim(cache);
    if (cache->dtype == TERN_DTYPE_F16) {
        kernels->f16_from_f32.fn(x, dim, (uint16_t *)(void *)place);
    } else if (cache->dtype == TERN_DTYPE_I8) {
        float scale = kernels->quantize_act.fn(x, dim, (int8_t *)place);
        memcpy(place + dim, &scale, sizeof scale);
    } else {
        memcpy(place, x, dim * sizeof *x);
    }
}

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct tern_cpu_rows *rows = user;
    const tern_kv_append_desc *d = rows->desc;
    uint32_t dim = tern_cpu_cache_dim(&d->k_cache);
    (void)task;
    for (uint32_t r = first; r < end; r++) {
        uint32_t position =
            tern_cpu_clamp(tern_cpu_i32(&d->positions)[r], tern_cpu_cache_positions(&d->table));
        uint32_t block = tern_cpu_cache_block(&d->table, &d->sequences, &d->k_cache, r,
                                              position / TERN_KV_BLOCK);
        uint32_t place = position % TERN_KV_BLOCK;
        const float *k = tern_cpu_f32(&d->k, r);
        const float *v = tern_cpu_f32(&d->v, r);
        for (uint32_t head = 0; head < d->k_cache.shape[1]; head++) {
            store(rows->kernels, &d->k_cache, k + (size_t)head * dim,
                  tern_cpu_cache_at(&d->k_cache, block, head, place));
            store(rows->kernels, &d->v_cache, v + (size_t)head * dim,
                  tern_cpu_cache_at(&d->v_cache, block, head, place));
        }
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    const tern_kv_append_desc *d = (const tern_kv_append_desc *)desc;
    tern_cpu_for_rows(run, desc, d->k.shape[1] / 2, part);
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    const tern_kv_append_desc *d = (const tern_kv_append_desc *)desc;
    switch (d->k_cache.dtype) {
    case TERN_DTYPE_F16:
        return TERN_CPU_PICK(kernels, f16_from_f32);
    case TERN_DTYPE_I8:
        return TERN_CPU_PICK(kernels, quantize_act);
    default:
        return (struct tern_cpu_pick){"copy", TERN_CPU_scalar};
    }
}

const struct tern_cpu_op tern_cpu_op_kv_append = {
    .desc_size = sizeof(tern_kv_append_desc),
    .rows = offsetof(tern_kv_append_desc, k),
    .run = run,
    .kernel = kernel,
};
