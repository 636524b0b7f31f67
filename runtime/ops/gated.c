#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status check(const tern__check *c, const void *desc) {
    const tern_gated_desc *d = desc;
    if (d->limit != 0.0f && !(d->limit >= 0x1p-50f && d->limit <= 0x1p40f)) {
        return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                          "gated: limit is %g, must be 0 or 2^-50 to 2^40", (double)d->limit);
    }
    TERN_TRY(tern__check_tensor(c, "gate", &d->gate, TERN__DTYPE(F32), 2));
    uint32_t rows = d->gate.shape[0];
    uint32_t cols = d->gate.shape[1];
    TERN_TRY(tern__check_matrix(c, "up", &d->up, rows, cols));
    TERN_TRY(tern__check_activation(c, d->activation));
    TERN_TRY(tern__check_matrix(c, "out", &d->out, rows, cols));
    TERN_TRY(tern__check_alias(c, &d->out, "gate", &d->gate, true));
    return tern__check_alias(c, &d->out, "up", &d->up, true);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_gated_desc, gate, IN),
    TERN__OPERAND(tern_gated_desc, up, IN),
    TERN__OPERAND(tern_gated_desc, out, OUT),
};

TERN__OP_DEFINE(GATED, gated, operands, check, NULL);
