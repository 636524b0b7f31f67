#include "runtime/ops/ops.h"
#include "runtime/status.h"
#include "runtime/weights.h"

static tern_status check_norm(const tern__check *c, const tern_bitlinear_desc *d, uint32_t inputs) {
    if (d->norm == TERN_NORM_NONE) {
        return d->norm_weight.buffer
                   ? tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                                "bitlinear: norm_weight is given, but norm is NONE")
                   : TERN_STATUS_OK;
    }
    if (d->norm != TERN_NORM_RMS) {
        return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                          "bitlinear: norm %u does not exist", d->norm);
    }
    TERN_TRY(tern__check_eps(c, d->norm_eps));
    return tern__check_optional_vector(c, "norm_weight", &d->norm_weight, inputs);
}

static tern_status check(const tern__check *c, const void *desc) {
    const tern_bitlinear_desc *d = desc;
    TERN_TRY(tern__check_weights(c, d->weights, TERN__DTYPE(T2), TERN_WEIGHTS_MATMUL));
    uint32_t outputs = d->weights->info.rows;
    uint32_t inputs = d->weights->info.cols;
    TERN_TRY(tern__check_tensor(c, "x", &d->x, TERN__DTYPE(F32), 2));
    uint32_t rows = d->x.shape[0];
    TERN_TRY(tern__check_dim(c, "x", &d->x, 1, inputs, "weights have columns"));
    TERN_TRY(check_norm(c, d, inputs));
    TERN_TRY(tern__check_optional_vector(c, "bias", &d->bias, outputs));
    if (d->residual.buffer) {
        TERN_TRY(tern__check_matrix(c, "residual", &d->residual, rows, outputs));
    }
    TERN_TRY(tern__check_matrix(c, "out", &d->out, rows, outputs));
    TERN_TRY(tern__check_alias(c, &d->out, "x", &d->x, false));
    TERN_TRY(tern__check_alias(c, &d->out, "norm_weight", &d->norm_weight, false));
    TERN_TRY(tern__check_alias(c, &d->out, "bias", &d->bias, false));
    return tern__check_alias(c, &d->out, "residual", &d->residual, true);
}

static tern_tensor matrix(tern__list *list, tern_dtype dtype, uint32_t rows, uint32_t cols) {
    return tern__list_scratch(list, dtype, 2, (const uint32_t[]){rows, cols});
}

static tern_status compose(tern__list *list, const void *desc) {
    const tern_bitlinear_desc *d = desc;
    uint32_t rows = d->x.shape[0];
    tern_tensor x = d->x;
    if (d->norm == TERN_NORM_RMS) {
        tern_tensor normed = matrix(list, TERN_DTYPE_F32, rows, x.shape[1]);
        TERN_TRY(tern__list_append(list, TERN_OP_RMS_NORM,
                                   &(tern_rms_norm_desc){.head = d->head,
                                                         .x = x,
                                                         .weight = d->norm_weight,
                                                         .eps = d->norm_eps,
                                                         .out = normed}));
        x = normed;
    }
    tern_quantize_act_desc quantize = {.head = d->head,
                                       .x = x,
                                       .q = matrix(list, TERN_DTYPE_I8, rows, x.shape[1]),
                                       .scale = tern__list_scratch(list, TERN_DTYPE_F32, 1, &rows)};
    TERN_TRY(tern__list_append(list, TERN_OP_QUANTIZE_ACT, &quantize));
    tern_ternary_matmul_desc matmul = {.head = d->head,
                                       .q = quantize.q,
                                       .scale = quantize.scale,
                                       .weights = d->weights,
                                       .bias = d->bias,
                                       .out = d->out};
    if (!d->residual.buffer) {
        return tern__list_append(list, TERN_OP_TERNARY_MATMUL, &matmul);
    }
    matmul.out = matrix(list, TERN_DTYPE_F32, rows, d->out.shape[1]);
    TERN_TRY(tern__list_append(list, TERN_OP_TERNARY_MATMUL, &matmul));
    return tern__list_append(
        list, TERN_OP_ADD,
        &(tern_add_desc){.head = d->head, .a = matmul.out, .b = d->residual, .out = d->out});
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_bitlinear_desc, x, IN),
    TERN__OPERAND(tern_bitlinear_desc, norm_weight, IN),
    TERN__OPERAND(tern_bitlinear_desc, weights, WEIGHTS),
    TERN__OPERAND(tern_bitlinear_desc, bias, IN),
    TERN__OPERAND(tern_bitlinear_desc, residual, IN),
    TERN__OPERAND(tern_bitlinear_desc, out, OUT),
};

TERN__OP_DEFINE(BITLINEAR, bitlinear, operands, check, compose);
