#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status check(const tern__check *c, const void *desc) {
    const tern_rms_norm_desc *d = desc;
    TERN_TRY(tern__check_tensor(c, "x", &d->x, TERN__DTYPE(F32), 2));
    uint32_t cols = d->x.shape[1];
    uint32_t heads = d->heads ? d->heads : 1;
    if (cols % heads) {
        return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                          "rms_norm: x has %u columns, must be a multiple of heads %u", cols,
                          heads);
    }
    TERN_TRY(tern__check_optional_vector(c, "weight", &d->weight, cols / heads));
    TERN_TRY(tern__check_eps(c, d->eps));
    TERN_TRY(tern__check_matrix(c, "out", &d->out, d->x.shape[0], cols));
    TERN_TRY(tern__check_alias(c, &d->out, "weight", &d->weight, false));
    return tern__check_alias(c, &d->out, "x", &d->x, true);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_rms_norm_desc, x, IN),
    TERN__OPERAND(tern_rms_norm_desc, weight, IN),
    TERN__OPERAND(tern_rms_norm_desc, out, OUT),
};

TERN__OP_DEFINE(RMS_NORM, rms_norm, operands, check, NULL);
