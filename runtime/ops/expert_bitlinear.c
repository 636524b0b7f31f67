#include "runtime/ops/ops.h"
#include "runtime/status.h"
#include "runtime/weights.h"

// Of x: K, or K for every slot.
static tern_status check_width(const tern__check *c, const tern_expert_bitlinear_desc *d) {
    uint64_t cols = d->weights->info.cols;
    uint64_t width = d->x.shape[1];
    if (width != cols && width != cols * d->ids.shape[1]) {
        return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                          "expert_bitlinear: x: dimension 1 is %u, must be %llu as weights have "
                          "columns, or that for each of the %u slots",
                          d->x.shape[1], (unsigned long long)cols, d->ids.shape[1]);
    }
    return TERN_STATUS_OK;
}

static tern_status check_experts(const tern__check *c, const tern_expert_bitlinear_desc *d) {
    uint32_t outputs = d->weights->info.rows;
    if (!d->experts || outputs % d->experts) {
        return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                          "expert_bitlinear: %u experts, must be 1 or more and a divisor of the %u "
                          "rows of weights",
                          d->experts, outputs);
    }
    return TERN_STATUS_OK;
}

static tern_status check(const tern__check *c, const void *desc) {
    const tern_expert_bitlinear_desc *d = desc;
    TERN_TRY(tern__check_reserved(c->context, c->op, d->reserved));
    TERN_TRY(tern__check_weights(c, d->weights, TERN__DTYPE(T2), TERN_WEIGHTS_MATMUL));
    TERN_TRY(check_experts(c, d));
    TERN_TRY(tern__check_tensor(c, "x", &d->x, TERN__DTYPE(F32), 2));
    uint32_t rows = d->x.shape[0];
    TERN_TRY(tern__check_tensor(c, "ids", &d->ids, TERN__DTYPE(I32), 2));
    TERN_TRY(tern__check_dim(c, "ids", &d->ids, 0, rows, "there are rows"));
    TERN_TRY(check_width(c, d));
    uint64_t width = (uint64_t)(d->weights->info.rows / d->experts) * d->ids.shape[1];
    // A tensor of more columns cannot be made.
    TERN_TRY(tern__check_matrix(c, "out", &d->out, rows,
                                width < UINT32_MAX ? (uint32_t)width : UINT32_MAX));
    TERN_TRY(tern__check_alias(c, &d->out, "x", &d->x, false));
    return tern__check_alias(c, &d->out, "ids", &d->ids, false);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_expert_bitlinear_desc, x, IN),
    TERN__OPERAND(tern_expert_bitlinear_desc, ids, IN),
    TERN__OPERAND(tern_expert_bitlinear_desc, weights, WEIGHTS),
    TERN__OPERAND(tern_expert_bitlinear_desc, out, OUT),
};

TERN__OP_DEFINE(EXPERT_BITLINEAR, expert_bitlinear, operands, check, NULL);
