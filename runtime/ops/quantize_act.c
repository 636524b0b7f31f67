#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status check(const tern__check *c, const void *desc) {
    const tern_quantize_act_desc *d = desc;
    TERN_TRY(tern__check_tensor(c, "x", &d->x, TERN__DTYPE(F32), 2));
    uint32_t rows = d->x.shape[0];
    TERN_TRY(tern__check_tensor(c, "q", &d->q, TERN__DTYPE(I8), 2));
    TERN_TRY(tern__check_dim(c, "q", &d->q, 0, rows, "x has rows"));
    TERN_TRY(tern__check_dim(c, "q", &d->q, 1, d->x.shape[1], "x has columns"));
    TERN_TRY(tern__check_vector(c, "scale", &d->scale, TERN__DTYPE(F32), rows));
    TERN_TRY(tern__check_alias(c, &d->q, "x", &d->x, false));
    TERN_TRY(tern__check_alias(c, &d->scale, "x", &d->x, false));
    return tern__check_alias(c, &d->scale, "q", &d->q, false);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_quantize_act_desc, x, IN),
    TERN__OPERAND(tern_quantize_act_desc, q, OUT),
    TERN__OPERAND(tern_quantize_act_desc, scale, OUT),
};

TERN__OP_DEFINE(QUANTIZE_ACT, quantize_act, operands, check, NULL);
