#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status check(const tern__check *c, const void *desc) {
    const tern_activation_desc *d = desc;
    TERN_TRY(tern__check_reserved(c->context, c->op, d->reserved));
    TERN_TRY(tern__check_tensor(c, "x", &d->x, TERN__DTYPE(F32), 2));
    TERN_TRY(tern__check_activation(c, d->activation));
    TERN_TRY(tern__check_matrix(c, "out", &d->out, d->x.shape[0], d->x.shape[1]));
    return tern__check_alias(c, &d->out, "x", &d->x, true);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_activation_desc, x, IN),
    TERN__OPERAND(tern_activation_desc, out, OUT),
};

TERN__OP_DEFINE(ACTIVATION, activation, operands, check, NULL);
