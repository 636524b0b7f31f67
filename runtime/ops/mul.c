#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status check(const tern__check *c, const void *desc) {
    const tern_mul_desc *d = desc;
    return tern__check_binary(c, &d->a, &d->b, &d->out);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_mul_desc, a, IN),
    TERN__OPERAND(tern_mul_desc, b, IN),
    TERN__OPERAND(tern_mul_desc, out, OUT),
};

TERN__OP_DEFINE(MUL, mul, operands, check, NULL);
