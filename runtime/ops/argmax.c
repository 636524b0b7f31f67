#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status check(const tern__check *c, const void *desc) {
    const tern_argmax_desc *d = desc;
    TERN_TRY(tern__check_tensor(c, "x", &d->x, TERN__DTYPE(F32), 2));
    uint32_t rows = d->x.shape[0];
    TERN_TRY(tern__check_vector(c, "out", &d->out, TERN__DTYPE(I32), rows));
    TERN_TRY(tern__check_alias(c, &d->out, "x", &d->x, false));
    if (d->positions.buffer) {
        TERN_TRY(tern__check_vector(c, "positions", &d->positions, TERN__DTYPE(I32), rows));
        TERN_TRY(tern__check_alias(c, &d->positions, "x", &d->x, false));
        TERN_TRY(tern__check_alias(c, &d->positions, "out", &d->out, false));
    }
    return TERN_STATUS_OK;
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_argmax_desc, x, IN),
    TERN__OPERAND(tern_argmax_desc, out, OUT),
    TERN__OPERAND(tern_argmax_desc, positions, INOUT),
};

TERN__OP_DEFINE(ARGMAX, argmax, operands, check, NULL);
