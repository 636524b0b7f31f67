#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status check(const tern__check *c, const void *desc) {
    const tern_add_desc *d = desc;
    return tern__check_binary(c, &d->a, &d->b, &d->out);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_add_desc, a, IN),
    TERN__OPERAND(tern_add_desc, b, IN),
    TERN__OPERAND(tern_add_desc, out, OUT),
};

TERN__OP_DEFINE(ADD, add, operands, check, NULL);
