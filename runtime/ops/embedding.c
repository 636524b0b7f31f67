#include "runtime/ops/ops.h"
#include "runtime/status.h"
#include "runtime/weights.h"

static tern_status check(const tern__check *c, const void *desc) {
    const tern_embedding_desc *d = desc;
    uint32_t dtypes = TERN__DTYPE(T2) | TERN__DTYPE(F32) | TERN__DTYPE(F16) | TERN__DTYPE(BF16) |
                      TERN__DTYPE(Q8_0);
    TERN_TRY(tern__check_weights(c, d->weights, dtypes, TERN_WEIGHTS_GATHER));
    TERN_TRY(tern__check_tensor(c, "ids", &d->ids, TERN__DTYPE(I32), 1));
    TERN_TRY(tern__check_matrix(c, "out", &d->out, d->ids.shape[0], d->weights->info.cols));
    return tern__check_alias(c, &d->out, "ids", &d->ids, false);
}

static const tern_operand_info operands[] = {
    TERN__OPERAND(tern_embedding_desc, ids, IN),
    TERN__OPERAND(tern_embedding_desc, weights, WEIGHTS),
    TERN__OPERAND(tern_embedding_desc, out, OUT),
};

TERN__OP_DEFINE(EMBEDDING, embedding, operands, check, NULL);
