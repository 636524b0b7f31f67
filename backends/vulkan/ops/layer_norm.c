#include "backends/common/report.h"
#include "backends/vulkan/ops/ops.h"

bool tern_vk_supports_layer_norm(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    (void)op;
    return true;
}

tern_status tern_vk_plan_layer_norm(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_layer_norm_desc *desc = (const tern_layer_norm_desc *)op;
    tern_vk_step *step;
    tern_vk_push_layer_norm push = {.cols = desc->x.shape[1],
                                    .has = (desc->weight.buffer ? 1u : 0u) |
                                           (desc->bias.buffer ? 2u : 0u),
                                    .eps = desc->eps};
    TERN_TRY(tern_vk_plan_step(plan, op, desc->x.shape[0], &step, &push.rows));
    push.x = tern_vk_step_tensor(plan, step, &desc->x, TERN_OPERAND_IN);
    push.weight = tern_vk_step_tensor(plan, step, &desc->weight, TERN_OPERAND_IN).offset;
    push.bias = tern_vk_step_tensor(plan, step, &desc->bias, TERN_OPERAND_IN).offset;
    push.result = tern_vk_step_tensor(plan, step, &desc->out, TERN_OPERAND_OUT);
    return tern_vk_plan_dispatch(plan, step,
                                 &(tern_vk_dispatch){.shader = TERN_VK_SHADER_layer_norm,
                                                     .push = &push,
                                                     .push_size = sizeof push,
                                                     .groups_x = 1,
                                                     .groups_y = desc->x.shape[0]});
}
