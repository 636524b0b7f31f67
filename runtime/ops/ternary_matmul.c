#include "runtime/ops/ops.h"
#include "runtime/status.h"
#include "runtime/weights.h"

static tern_status check(const tern__check *c, const void *desc) {
    const tern_ternary_matmul_desc *d = desc;
    TERN_TRY(tern__check_weights(c, d->weights, TERN__DTYPE(T2), TERN_WEIGHTS_MATMUL));
    uint32_t outputs = d->weights->info.rows;
    TERN_TRY(tern__check_tensor(c, "q", &d->q, TERN__DTYPE(I8), 2));
    TERN_TRY(tern__check_dim(c, "q", &d->q, 1, d->weights->info.cols, "weights have columns"));
    uint32_t rows = d->q.shape[0];
    TERN_TRY(tern__check_vector(c, "scale", &d->scale, TERN__DTYPE(F32), rows));
    TERN_TRY(tern__check_optional_vector(c, "bias", &d->bias, outputs));
    TERN_TRY(tern__check_matrix(c, "out", &d->out, rows, outputs));
    TERN_TRY(tern__check_alias(c, &d->out, "q", &d->q, false));
    TERN_TRY(tern__check_alias(c, &d->out, "scale", &d->scale, false));
    return tern__check_alias(c, &d->out, "bias", &d->bias, false);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_ternary_matmul_desc, q, IN),
    TERN__OPERAND(tern_ternary_matmul_desc, scale, IN),
    TERN__OPERAND(tern_ternary_matmul_desc, weights, WEIGHTS),
    TERN__OPERAND(tern_ternary_matmul_desc, bias, IN),
    TERN__OPERAND(tern_ternary_matmul_desc, out, OUT),
};

TERN__OP_DEFINE(TERNARY_MATMUL, ternary_matmul, operands, check, NULL);
