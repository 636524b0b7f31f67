#include "runtime/ops/ops.h"
#include "runtime/status.h"

static tern_status check_aliases(const tern__check *c, const tern_recurrence_desc *d) {
    TERN_TRY(tern__check_alias(c, &d->out, "f", &d->f, true));
    TERN_TRY(tern__check_alias(c, &d->out, "i", &d->i, true));
    const tern_tensor *inputs[] = {&d->f, &d->i, &d->positions, &d->sequences};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        TERN_TRY(tern__check_alias(c, &d->state, "an input", inputs[i], false));
    }
    TERN_TRY(tern__check_alias(c, &d->out, "positions", &d->positions, false));
    TERN_TRY(tern__check_alias(c, &d->out, "sequences", &d->sequences, false));
    return tern__check_alias(c, &d->out, "state", &d->state, false);
}

static tern_status check(const tern__check *c, const void *desc) {
    const tern_recurrence_desc *d = desc;
    TERN_TRY(tern__check_tensor(c, "f", &d->f, TERN__DTYPE(F32), 2));
    uint32_t rows = d->f.shape[0];
    uint32_t cols = d->f.shape[1];
    TERN_TRY(tern__check_matrix(c, "i", &d->i, rows, cols));
    TERN_TRY(tern__check_tensor(c, "state", &d->state, TERN__DTYPE(F32), 2));
    TERN_TRY(tern__check_dim(c, "state", &d->state, 1, cols, "there are columns"));
    TERN_TRY(tern__check_vector(c, "positions", &d->positions, TERN__DTYPE(I32), rows));
    TERN_TRY(tern__check_vector(c, "sequences", &d->sequences, TERN__DTYPE(I32), rows));
    TERN_TRY(tern__check_matrix(c, "out", &d->out, rows, cols));
    return check_aliases(c, d);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_recurrence_desc, f, IN),
    TERN__OPERAND(tern_recurrence_desc, i, IN),
    TERN__OPERAND(tern_recurrence_desc, state, INOUT),
    TERN__OPERAND(tern_recurrence_desc, positions, IN),
    TERN__OPERAND(tern_recurrence_desc, sequences, IN),
    TERN__OPERAND(tern_recurrence_desc, out, OUT),
};

TERN__OP_DEFINE(RECURRENCE, recurrence, operands, check, NULL);
