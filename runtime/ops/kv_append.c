#include "runtime/ops/kv.h"
#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status check(const tern__check *c, const void *desc) {
    const tern_kv_append_desc *d = desc;
    TERN_TRY(tern__check_tensor(c, "k", &d->k, TERN__DTYPE(F32), 2));
    uint32_t rows = d->k.shape[0];
    TERN_TRY(tern__check_kv(c, &d->k_cache, &d->v_cache));
    TERN_TRY(tern__check_dim(c, "k", &d->k, 1, d->k_cache.shape[1] * tern__kv_head_dim(&d->k_cache),
                             "the cache has kv_heads * head_dim"));
    TERN_TRY(tern__check_matrix(c, "v", &d->v, rows, d->k.shape[1]));
    TERN_TRY(tern__check_kv_rows(c, rows, &d->positions, &d->sequences, &d->table));
    TERN_TRY(tern__check_alias(c, &d->k_cache, "v_cache", &d->v_cache, false));
    const tern_tensor *inputs[] = {&d->k, &d->v, &d->positions, &d->sequences, &d->table};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        TERN_TRY(tern__check_alias(c, &d->k_cache, "an input", inputs[i], false));
        TERN_TRY(tern__check_alias(c, &d->v_cache, "an input", inputs[i], false));
    }
    return TERN_STATUS_OK;
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_kv_append_desc, k, IN),
    TERN__OPERAND(tern_kv_append_desc, v, IN),
    TERN__OPERAND(tern_kv_append_desc, k_cache, OUT),
    TERN__OPERAND(tern_kv_append_desc, v_cache, OUT),
    TERN__OPERAND(tern_kv_append_desc, positions, IN),
    TERN__OPERAND(tern_kv_append_desc, sequences, IN),
    TERN__OPERAND(tern_kv_append_desc, table, IN),
};

TERN__OP_DEFINE(KV_APPEND, kv_append, operands, check, NULL);
