#include "runtime/ops/kv.h"

#include "runtime/status.h"

tern_status tern__check_kv(const tern__check *check, const tern_tensor *k_cache,
                           const tern_tensor *v_cache) {
    uint32_t dtypes = TERN__DTYPE(F16) | TERN__DTYPE(F32);
    TERN_TRY(tern__check_tensor(check, "k_cache", k_cache, dtypes, 4));
    TERN_TRY(tern__check_dim(check, "k_cache", k_cache, 2, TERN_KV_BLOCK, "a block has positions"));
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
