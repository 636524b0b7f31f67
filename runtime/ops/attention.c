#include <math.h>

#include "runtime/ops/kv.h"
#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status check(const tern__check *c, const void *desc) {
    const tern_attention_desc *d = desc;
    TERN_TRY(tern__check_tensor(c, "q", &d->q, TERN__DTYPE(F32), 2));
    uint32_t rows = d->q.shape[0];
    TERN_TRY(tern__check_kv(c, &d->k_cache, &d->v_cache));
    uint32_t kv_width = d->k_cache.shape[1] * tern__kv_head_dim(&d->k_cache);
    if (d->q.shape[1] % kv_width) {
        return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                          "attention: q has %u columns, must be a multiple of kv_heads * head_dim, "
                          "which is %u",
                          d->q.shape[1], kv_width);
    }
    float size = fabsf(d->scale);
    if (!(size >= 0x1p-50f && size <= 0x1p50f)) {
        return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                          "attention: scale is %g, its size must be 2^-50 to 2^50",
                          (double)d->scale);
    }
    TERN_TRY(tern__check_kv_rows(c, rows, &d->positions, &d->sequences, &d->table));
    TERN_TRY(tern__check_matrix(c, "out", &d->out, rows, d->q.shape[1]));
    const tern_tensor *inputs[] = {&d->q,         &d->k_cache,   &d->v_cache,
                                   &d->positions, &d->sequences, &d->table};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        TERN_TRY(tern__check_alias(c, &d->out, "an input", inputs[i], false));
    }
    return TERN_STATUS_OK;
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_attention_desc, q, IN),
    TERN__OPERAND(tern_attention_desc, k_cache, IN),
    TERN__OPERAND(tern_attention_desc, v_cache, IN),
    TERN__OPERAND(tern_attention_desc, positions, IN),
    TERN__OPERAND(tern_attention_desc, sequences, IN),
    TERN__OPERAND(tern_attention_desc, table, IN),
    TERN__OPERAND(tern_attention_desc, out, OUT),
};

TERN__OP_DEFINE(ATTENTION, attention, operands, check, NULL);
