// What the core knows of an op: its operands, how to check it, and how to say it in other ops.
#ifndef TERN_RUNTIME_OPS_OPS_H_
#define TERN_RUNTIME_OPS_OPS_H_

#include "runtime/commands.h"

// Who is checking what, for messages.
typedef struct tern__check {
    tern_context *context;
    tern_device *device;
    const char *op;
} tern__check;

// An op's row in the table. Each runtime/ops/<op>.c defines one, tern__op_<op>.
typedef struct tern__op {
    tern_op_info info;
    // Checks a descriptor against the contract in tern/ops.h; the message names op and operand.
    tern_status (*check)(const tern__check *check, const void *desc);
    // Appends an equal sequence of simpler ops to |list|, with scratch from tern__list_scratch.
    // NULL: there is none.
    tern_status (*compose)(tern__list *list, const void *desc);
} tern__op;

// NULL for a number that is no op.
const tern__op *tern__op_find(tern_op_kind kind);

// The operand |index| of |desc|; the second for operands with role WEIGHTS.
tern_tensor *tern__op_tensor(const tern_operand_info *operand, void *desc);
tern_weights **tern__op_weights(const tern_operand_info *operand, void *desc);

#define TERN__OPERAND(type, member, role)                                                          \
    { #member, offsetof(type, member), TERN_OPERAND_##role }

#define TERN__OP_DEFINE(NAME, stem, operands, check, compose)                                      \
    const tern__op tern__op_##stem = {{sizeof(tern_op_info), TERN_OP_##NAME,                       \
                                       sizeof(tern_##stem##_desc),                                 \
                                       sizeof(operands) / sizeof((operands)[0]), #stem, operands}, \
                                      check,                                                       \
                                      compose}

// Checks shared by the ops. Dtypes are sets of TERN__DTYPE bits.
#define TERN__DTYPE(name) (1u << TERN_DTYPE_##name)

// Present, on the right device, of a dtype in |dtypes| and of |rank|, well-formed and inside its
// buffer.
tern_status tern__check_tensor(const tern__check *check, const char *name,
                               const tern_tensor *tensor, uint32_t dtypes, uint32_t rank);
tern_status tern__check_dim(const tern__check *check, const char *name, const tern_tensor *tensor,
                            uint32_t dim, uint32_t wanted, const char *as);
// A float32 matrix [rows, cols].
tern_status tern__check_matrix(const tern__check *check, const char *name,
                               const tern_tensor *tensor, uint32_t rows, uint32_t cols);
// A vector [count] of |dtypes|.
tern_status tern__check_vector(const tern__check *check, const char *name,
                               const tern_tensor *tensor, uint32_t dtypes, uint32_t count);
// Absent, or a float32 vector [count].
tern_status tern__check_optional_vector(const tern__check *check, const char *name,
                                        const tern_tensor *tensor, uint32_t count);
tern_status tern__check_weights(const tern__check *check, const tern_weights *weights,
                                uint32_t dtypes, uint32_t usage);
// |out| overlaps |other| nowhere, or, where |in_place| allows it, is the same view.
tern_status tern__check_alias(const tern__check *check, const tern_tensor *out, const char *name,
                              const tern_tensor *other, bool in_place);
tern_status tern__check_activation(const tern__check *check, tern_activation activation);
// add and mul: b is a matrix as a, or one row for all.
tern_status tern__check_binary(const tern__check *check, const tern_tensor *a, const tern_tensor *b,
                               const tern_tensor *out);
// RMSNorm's epsilon: 2^-100 to 1.
tern_status tern__check_eps(const tern__check *check, float eps);

// Bytes from a tensor's first element to past its last, at most 2^62; and whether two views share
// any.
uint64_t tern__tensor_extent(const tern_tensor *tensor);
bool tern__tensor_overlaps(const tern_tensor *a, const tern_tensor *b);

#endif
