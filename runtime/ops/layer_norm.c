#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status check(const tern__check *c, const void *desc) {
    const tern_layer_norm_desc *d = desc;
    TERN_TRY(tern__check_reserved(c->context, c->op, d->reserved));
    TERN_TRY(tern__check_tensor(c, "x", &d->x, TERN__DTYPE(F32), 2));
    uint32_t cols = d->x.shape[1];
    TERN_TRY(tern__check_optional_vector(c, "weight", &d->weight, cols));
    TERN_TRY(tern__check_optional_vector(c, "bias", &d->bias, cols));
    TERN_TRY(tern__check_eps(c, d->eps));
    TERN_TRY(tern__check_matrix(c, "out", &d->out, d->x.shape[0], cols));
    TERN_TRY(tern__check_alias(c, &d->out, "weight", &d->weight, false));
    TERN_TRY(tern__check_alias(c, &d->out, "bias", &d->bias, false));
    return tern__check_alias(c, &d->out, "x", &d->x, true);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_layer_norm_desc, x, IN),
    TERN__OPERAND(tern_layer_norm_desc, weight, IN),
    TERN__OPERAND(tern_layer_norm_desc, bias, IN),
    TERN__OPERAND(tern_layer_norm_desc, out, OUT),
};

TERN__OP_DEFINE(LAYER_NORM, layer_norm, operands, check, NULL);
