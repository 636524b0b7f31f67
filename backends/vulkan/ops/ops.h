// The ops, one file each: whether a device can do one, and the steps it becomes.
#ifndef TERN_BACKENDS_VULKAN_OPS_OPS_H_
#define TERN_BACKENDS_VULKAN_OPS_OPS_H_

#include "backends/vulkan/plan.h"

typedef struct tern_vk_op {
    tern_op_kind kind;
    // What the generic check of operands (tern_vk_plan_fits) does not cover.
    bool (*supports)(tern_backend_device *device, const tern_op_header *op);
    tern_status (*plan)(tern_vk_plan *plan, const tern_op_header *op);
} tern_vk_op;

// NULL for a kind that is not known.
const tern_vk_op *tern_vk_op_find(tern_op_kind kind);

#define TERN_VK_OP_DECLARE(name, number, stem)                                                     \
    bool tern_vk_supports_##stem(tern_backend_device *device, const tern_op_header *op);           \
    tern_status tern_vk_plan_##stem(tern_vk_plan *plan, const tern_op_header *op);
TERN_OP_LIST(TERN_VK_OP_DECLARE)
#undef TERN_VK_OP_DECLARE

// quantize_act where each row of x is |parts| rows of q, side by side.
tern_status tern_vk_plan_quantize_parts(tern_vk_plan *plan, const tern_quantize_act_desc *desc,
                                        uint32_t parts);

// A segment's codes and scales, bound next.
tern_vk_ternary tern_vk_step_ternary(tern_vk_plan *plan, tern_vk_step *step,
                                     const tern_backend_weights *weights, uint32_t segment);

// A ternary matmul with the residual that a bitlinear may add.
tern_status tern_vk_plan_ternary(tern_vk_plan *plan, const tern_ternary_matmul_desc *desc,
                                 const tern_tensor *residual);

// Steps of elementwise ops: |x| (and |b|) to |out|, a workgroup per 64 columns.
typedef struct tern_vk_elementwise {
    tern_vk_shader shader;
    uint32_t activation; // specialisation constant 0
    const tern_tensor *a;
    const tern_tensor *b; // binary ops only
    const tern_tensor *out;
    float factor; // unary ops only
    float limit;  // gated only
} tern_vk_elementwise;

tern_status tern_vk_plan_unary(tern_vk_plan *plan, const tern_op_header *head,
                               const tern_vk_elementwise *op);
tern_status tern_vk_plan_binary(tern_vk_plan *plan, const tern_op_header *head,
                                const tern_vk_elementwise *op);

// Workgroups of 64 invocations for |count| elements.
static inline uint64_t tern_vk_groups_of_64(uint64_t count) {
    return (count + 63) / 64;
}

#endif
