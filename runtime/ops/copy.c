#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status check(const tern__check *c, const void *desc) {
    const tern_copy_desc *d = desc;
    uint32_t floats = TERN__DTYPE(F32) | TERN__DTYPE(F16) | TERN__DTYPE(BF16);
    TERN_TRY(tern__check_tensor(c, "x", &d->x, floats | TERN__DTYPE(I32), 2));
    uint32_t targets = d->x.dtype == TERN_DTYPE_I32 ? TERN__DTYPE(I32) : floats;
    TERN_TRY(tern__check_tensor(c, "out", &d->out, targets, 2));
    TERN_TRY(tern__check_dim(c, "out", &d->out, 1, d->x.shape[1], "x has columns"));
    if (d->rows.buffer) {
        TERN_TRY(tern__check_vector(c, "rows", &d->rows, TERN__DTYPE(I32), d->out.shape[0]));
        TERN_TRY(tern__check_alias(c, &d->out, "rows", &d->rows, false));
    } else {
        TERN_TRY(tern__check_dim(c, "out", &d->out, 0, d->x.shape[0], "x has rows"));
    }
    return tern__check_alias(c, &d->out, "x", &d->x, false);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_copy_desc, x, IN),
    TERN__OPERAND(tern_copy_desc, rows, IN),
    TERN__OPERAND(tern_copy_desc, out, OUT),
};

TERN__OP_DEFINE(COPY, copy, operands, check, NULL);
