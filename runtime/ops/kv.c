#include "runtime/ops/kv.h"

#include "runtime/status.h"

enum { SCALE_BYTES = sizeof(float) };

// An int8 row ends with its scale.
uint32_t tern__kv_head_dim(const tern_tensor *cache) {
    return cache->dtype == TERN_DTYPE_I8 ? cache->shape[3] - SCALE_BYTES : cache->shape[3];
}

static tern_status check_int8_rows(const tern__check *check, const tern_tensor *cache) {
    uint32_t bytes = cache->shape[3];
    if (cache->dtype == TERN_DTYPE_I8 && (bytes <= SCALE_BYTES || bytes % 4)) {
        return tern__fail(check->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: k_cache has i8 rows of %u bytes, must be head_dim + 4, a multiple "
                          "of 4 from 8 on",
                          check->op, bytes);
    }
    return TERN_STATUS_OK;
}

tern_status tern__check_kv(const tern__check *check, const tern_tensor *k_cache,
                           const tern_tensor *v_cache) {
    uint32_t dtypes = TERN__DTYPE(F16) | TERN__DTYPE(F32) | TERN__DTYPE(I8);
    TERN_TRY(tern__check_tensor(check, "k_cache", k_cache, dtypes, 4));
    TERN_TRY(tern__check_dim(check, "k_cache", k_cache, 2, TERN_KV_BLOCK, "a block has positions"));
    TERN_TRY(check_int8_rows(check, k_cache));
    TERN_TRY(tern__check_tensor(check, "v_cache", v_cache, 1u << k_cache->dtype, 4));
    for (uint32_t i = 0; i < 4; i++) {
        TERN_TRY(tern__check_dim(check, "v_cache", v_cache, i, k_cache->shape[i], "in k_cache"));
    }
    return TERN_STATUS_OK;
}

tern_status tern__check_kv_rows(const tern__check *check, uint32_t rows,
                                const tern_tensor *positions, const tern_tensor *sequences,
                                const tern_tensor *table) {
    TERN_TRY(tern__check_vector(check, "positions", positions, TERN__DTYPE(I32), rows));
    TERN_TRY(tern__check_vector(check, "sequences", sequences, TERN__DTYPE(I32), rows));
    return tern__check_tensor(check, "table", table, TERN__DTYPE(I32), 2);
}
