#include "runtime/ops/ops.h"
#include "runtime/status.h"

enum { EXPERTS_MOST = 1024, SLOTS_MOST = 32 };

static tern_status check_choice(const tern__check *c, const tern_route_desc *d) {
    TERN_TRY(tern__check_reserved(c->context, c->op, d->reserved));
    if (d->score > TERN_ROUTE_SIGMOID || d->normalise > 1) {
        return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                          "route: score is %u and normalise %u, both must be 0 or 1", d->score,
                          d->normalise);
    }
    if (!(d->scale >= 0x1p-50f && d->scale <= 0x1p50f)) {
        return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                          "route: scale is %g, must be 2^-50 to 2^50", (double)d->scale);
    }
    uint32_t experts = d->x.shape[1];
    uint32_t slots = d->ids.shape[1];
    if (experts > EXPERTS_MOST || slots > SLOTS_MOST || slots > experts) {
        return tern__fail(c->context, TERN_STATUS_INVALID_ARGUMENT,
                          "route: %u of %u experts, must be at most %u of at most %u", slots,
                          experts, experts < SLOTS_MOST ? experts : SLOTS_MOST, EXPERTS_MOST);
    }
    return TERN_STATUS_OK;
}

static tern_status check(const tern__check *c, const void *desc) {
    const tern_route_desc *d = desc;
    TERN_TRY(tern__check_tensor(c, "x", &d->x, TERN__DTYPE(F32), 2));
    uint32_t rows = d->x.shape[0];
    TERN_TRY(tern__check_optional_vector(c, "bias", &d->bias, d->x.shape[1]));
    TERN_TRY(tern__check_tensor(c, "ids", &d->ids, TERN__DTYPE(I32), 2));
    TERN_TRY(tern__check_dim(c, "ids", &d->ids, 0, rows, "there are rows"));
    TERN_TRY(tern__check_matrix(c, "weights", &d->weights, rows, d->ids.shape[1]));
    TERN_TRY(check_choice(c, d));
    TERN_TRY(tern__check_alias(c, &d->ids, "x", &d->x, false));
    TERN_TRY(tern__check_alias(c, &d->ids, "bias", &d->bias, false));
    TERN_TRY(tern__check_alias(c, &d->weights, "x", &d->x, false));
    TERN_TRY(tern__check_alias(c, &d->weights, "bias", &d->bias, false));
    return tern__check_alias(c, &d->weights, "ids", &d->ids, false);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_route_desc, x, IN),
    TERN__OPERAND(tern_route_desc, bias, IN),
    TERN__OPERAND(tern_route_desc, ids, OUT),
    TERN__OPERAND(tern_route_desc, weights, OUT),
};

TERN__OP_DEFINE(ROUTE, route, operands, check, NULL);
