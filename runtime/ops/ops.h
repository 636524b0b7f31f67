// What the core knows of an op: how to check it, and how to say it in other ops.
#ifndef TERN_RUNTIME_OPS_OPS_H_
#define TERN_RUNTIME_OPS_OPS_H_

#include "runtime/commands.h"

// An op's row in the table. Each runtime/ops/<op>.c defines one, tern__op_<op>.
typedef struct tern__op {
    tern_op_info info;
    // Checks the descriptor against the contract in tern/ops.h; the message names the op and the
    // operand.
    tern_status (*check)(tern_context *context, const tern_op_header *desc);
    // Appends an equal sequence of simpler ops to |list|, with scratch tensors from
    // tern__list_scratch. NULL: none.
    tern_status (*compose)(tern__list *list, const tern_op_header *desc);
} tern__op;

// NULL for a number that is no op.
const tern__op *tern__op_find(tern_op_kind kind);

#endif
