#include "runtime/ops/ops.h"
#include "runtime/status.h"
#include "runtime/weights.h"

static tern_status check(const tern__check *c, const void *desc) {
    const tern_linear_desc *d = desc;
    uint32_t dtypes = TERN__DTYPE(F32) | TERN__DTYPE(F16) | TERN__DTYPE(BF16) | TERN__DTYPE(Q8_0);
    TERN_TRY(tern__check_weights(c, d->weights, dtypes, TERN_WEIGHTS_MATMUL));
    uint32_t outputs = d->weights->info.rows;
    TERN_TRY(tern__check_tensor(c, "x", &d->x, TERN__DTYPE(F32), 2));
    TERN_TRY(tern__check_dim(c, "x", &d->x, 1, d->weights->info.cols, "weights have columns"));
    TERN_TRY(tern__check_optional_vector(c, "bias", &d->bias, outputs));
    TERN_TRY(tern__check_matrix(c, "out", &d->out, d->x.shape[0], outputs));
    TERN_TRY(tern__check_alias(c, &d->out, "x", &d->x, false));
    return tern__check_alias(c, &d->out, "bias", &d->bias, false);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_linear_desc, x, IN),
    TERN__OPERAND(tern_linear_desc, weights, WEIGHTS),
    TERN__OPERAND(tern_linear_desc, bias, IN),
    TERN__OPERAND(tern_linear_desc, out, OUT),
};

TERN__OP_DEFINE(LINEAR, linear, operands, check, NULL);
