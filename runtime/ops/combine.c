#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status check_width(const tern__check *c, const tern_combine_desc *d) {
    uint64_t width = (uint64_t)d->weights.shape[1] * d->out.shape[1];
    if (d->x.shape[1] != width) {
        return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                          "combine: x: dimension 1 is %u, must be %llu for %u slots of the %u "
                          "columns of out",
                          d->x.shape[1], (unsigned long long)width, d->weights.shape[1],
                          d->out.shape[1]);
    }
    return TERN_STATUS_OK;
}

static tern_status check(const tern__check *c, const void *desc) {
    const tern_combine_desc *d = desc;
    TERN_TRY(tern__check_tensor(c, "out", &d->out, TERN__DTYPE(F32), 2));
    uint32_t rows = d->out.shape[0];
    uint32_t cols = d->out.shape[1];
    TERN_TRY(tern__check_tensor(c, "weights", &d->weights, TERN__DTYPE(F32), 2));
    TERN_TRY(tern__check_dim(c, "weights", &d->weights, 0, rows, "there are rows"));
    TERN_TRY(tern__check_tensor(c, "x", &d->x, TERN__DTYPE(F32), 2));
    TERN_TRY(tern__check_dim(c, "x", &d->x, 0, rows, "there are rows"));
    TERN_TRY(check_width(c, d));
    if (d->residual.buffer) {
        TERN_TRY(tern__check_matrix(c, "residual", &d->residual, rows, cols));
    }
    TERN_TRY(tern__check_alias(c, &d->out, "x", &d->x, false));
    TERN_TRY(tern__check_alias(c, &d->out, "weights", &d->weights, false));
    return tern__check_alias(c, &d->out, "residual", &d->residual, true);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_combine_desc, x, IN),
    TERN__OPERAND(tern_combine_desc, weights, IN),
    TERN__OPERAND(tern_combine_desc, residual, IN),
    TERN__OPERAND(tern_combine_desc, out, OUT),
};

TERN__OP_DEFINE(COMBINE, combine, operands, check, NULL);
