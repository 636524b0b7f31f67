#include "backends/opencl/ops/ops.h"

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_kv_append_desc *d = desc;
    (void)device;
    bool cache = d->k_cache.dtype == TERN_DTYPE_F16 || d->k_cache.dtype == TERN_DTYPE_F32;
    return tern_cl_is(&d->k, TERN_DTYPE_F32) && tern_cl_is(&d->v, TERN_DTYPE_F32) && cache &&
           d->v_cache.dtype == d->k_cache.dtype && tern_cl_is(&d->positions, TERN_DTYPE_I32) &&
           tern_cl_is(&d->sequences, TERN_DTYPE_I32) && tern_cl_is(&d->table, TERN_DTYPE_I32);
}

static void emit_one(tern_cl_builder *builder, const tern_kv_append_desc *d, const tern_tensor *x,
                     const tern_tensor *cache) {
    uint32_t rows = x->shape[0];
    tern_cl_begin(builder, "kv_append",
                  cache->dtype == TERN_DTYPE_F16 ? "-DCACHE_F16" : "-DCACHE_F32", "kv_append");
    tern_cl_rows(builder, &d->head, rows);
    tern_cl_matrix(builder, x);
    tern_cl_vector(builder, cache);
    tern_cl_uint(builder, cache->shape[0]);
    tern_cl_uint(builder, cache->strides[0]);
    tern_cl_uint(builder, cache->strides[1]);
    tern_cl_uint(builder, cache->strides[2]);
    tern_cl_vector(builder, &d->positions);
    tern_cl_vector(builder, &d->sequences);
    tern_cl_matrix(builder, &d->table);
    tern_cl_uint(builder, d->table.shape[0]);
    tern_cl_uint(builder, d->table.shape[1]);
    tern_cl_uint(builder, cache->shape[3]);
    tern_cl_launch(builder, TERN_CL_GROUP, tern_cl_groups(cache->shape[3]), cache->shape[1], rows);
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_kv_append_desc *d = desc;
    emit_one(builder, d, &d->k, &d->k_cache);
    emit_one(builder, d, &d->v, &d->v_cache);
}

const tern_cl_op tern_cl_op_kv_append = {supports, emit};
