#include "backends/opencl/ops/ops.h"

bool tern_cl_cache_known(const tern_tensor *cache) {
    return cache->dtype == TERN_DTYPE_F16 || cache->dtype == TERN_DTYPE_F32 ||
           cache->dtype == TERN_DTYPE_I8;
}

uint32_t tern_cl_cache_dim(const tern_tensor *cache) {
    return cache->dtype == TERN_DTYPE_I8 ? cache->shape[3] - 4 : cache->shape[3];
}

const char *tern_cl_cache_options(const tern_tensor *cache) {
    return cache->dtype == TERN_DTYPE_F16  ? "-DCACHE_F16"
           : cache->dtype == TERN_DTYPE_I8 ? "-DCACHE_I8"
                                           : "-DCACHE_F32";
}

void tern_cl_cache(tern_cl_builder *builder, const tern_tensor *cache) {
    tern_cl_vector(builder, cache);
    tern_cl_uint(builder, cache->strides[0]);
    tern_cl_uint(builder, cache->strides[1]);
    tern_cl_uint(builder, cache->strides[2]);
}

static bool supports(const tern_backend_device *device, const void *desc) {
    const tern_kv_append_desc *d = desc;
    (void)device;
    return tern_cl_is(&d->k, TERN_DTYPE_F32) && tern_cl_is(&d->v, TERN_DTYPE_F32) &&
           tern_cl_cache_known(&d->k_cache) && d->v_cache.dtype == d->k_cache.dtype &&
           tern_cl_is(&d->positions, TERN_DTYPE_I32) && tern_cl_is(&d->sequences, TERN_DTYPE_I32) &&
           tern_cl_is(&d->table, TERN_DTYPE_I32);
}

static void emit(tern_cl_builder *builder, const void *desc) {
    const tern_kv_append_desc *d = desc;
    const tern_tensor *cache = &d->k_cache;
    tern_cl_begin(builder, "kv_append", tern_cl_cache_options(cache), "kv_append");
    tern_cl_rows(builder, &d->head, d->k.shape[0]);
    tern_cl_matrix(builder, &d->k);
    tern_cl_matrix(builder, &d->v);
    tern_cl_cache(builder, &d->k_cache);
    tern_cl_cache(builder, &d->v_cache);
    tern_cl_uint(builder, cache->shape[0]);
    tern_cl_vector(builder, &d->positions);
    tern_cl_vector(builder, &d->sequences);
    tern_cl_matrix(builder, &d->table);
    tern_cl_uint(builder, d->table.shape[0]);
    tern_cl_uint(builder, d->table.shape[1]);
    tern_cl_uint(builder, tern_cl_cache_dim(cache));
    if (cache->dtype == TERN_DTYPE_I8) {
        tern_cl_launch(builder, TERN_CL_GROUP, 2 * cache->shape[1], d->k.shape[0], 1);
    } else {
        tern_cl_launch(builder, TERN_CL_GROUP, tern_cl_groups(cache->shape[3]), cache->shape[1],
                       d->k.shape[0]);
    }
}

const tern_cl_op tern_cl_op_kv_append = {supports, emit};
