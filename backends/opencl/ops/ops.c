#include "backends/opencl/ops/ops.h"

static const tern_cl_op *const ops[TERN_OP_COUNT_] = {
#define TERN_CL_OP_ENTRY(NAME, number, stem) [number] = &tern_cl_op_##stem,
    TERN_OP_LIST(TERN_CL_OP_ENTRY)
#undef TERN_CL_OP_ENTRY
};

const tern_cl_op *tern_cl_op_find(tern_op_kind kind) {
    return kind < TERN_OP_COUNT_ ? ops[kind] : NULL;
}
