#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status check_heads(const tern__check *c, const tern_rotary_desc *d) {
    uint32_t dims = d->table.shape[1];
    if (!d->head_dim || d->x.shape[1] % d->head_dim) {
        return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                          "rotary: x has %u columns, must be a multiple of head_dim %u",
                          d->x.shape[1], d->head_dim);
    }
    if (dims % 2 || dims > d->head_dim) {
        return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                          "rotary: table has %u columns, must be even and at most head_dim %u",
                          dims, d->head_dim);
    }
    if (d->pairs > TERN_ROTARY_INTERLEAVED) {
        return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                          "rotary: pairs %u does not exist", d->pairs);
    }
    return TERN_STATUS_OK;
}

static tern_status check(const tern__check *c, const void *desc) {
    const tern_rotary_desc *d = desc;
    TERN_TRY(tern__check_tensor(c, "x", &d->x, TERN__DTYPE(F32), 2));
    TERN_TRY(tern__check_tensor(c, "table", &d->table, TERN__DTYPE(F32), 2));
    TERN_TRY(tern__check_vector(c, "positions", &d->positions, TERN__DTYPE(I32), d->x.shape[0]));
    TERN_TRY(check_heads(c, d));
    TERN_TRY(tern__check_matrix(c, "out", &d->out, d->x.shape[0], d->x.shape[1]));
    TERN_TRY(tern__check_alias(c, &d->out, "table", &d->table, false));
    TERN_TRY(tern__check_alias(c, &d->out, "positions", &d->positions, false));
    return tern__check_alias(c, &d->out, "x", &d->x, true);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_rotary_desc, x, IN),
    TERN__OPERAND(tern_rotary_desc, table, IN),
    TERN__OPERAND(tern_rotary_desc, positions, IN),
    TERN__OPERAND(tern_rotary_desc, out, OUT),
};

TERN__OP_DEFINE(ROTARY, rotary, operands, check, NULL);
