#include "backends/common/report.h"
#include "backends/vulkan/ops/ops.h"

bool tern_vk_supports_combine(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    (void)op;
    return true;
}

tern_status tern_vk_plan_combine(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_combine_desc *desc = (const tern_combine_desc *)op;
    tern_vk_step *step;
    tern_vk_push_combine push = {.cols = desc->out.shape[1],
                                 .slots = desc->weights.shape[1],
                                 .has_residual = desc->residual.buffer != NULL};
    TERN_TRY(tern_vk_plan_step(plan, op, desc->out.shape[0], &step, &push.rows));
    push.x = tern_vk_step_tensor(plan, step, &desc->x, TERN_OPERAND_IN);
    push.weights = tern_vk_step_tensor(plan, step, &desc->weights, TERN_OPERAND_IN);
    push.residual = tern_vk_step_tensor(plan, step, &desc->residual, TERN_OPERAND_IN);
    push.result = tern_vk_step_tensor(plan, step, &desc->out, TERN_OPERAND_OUT);
    return tern_vk_plan_dispatch(plan, step,
                                 &(tern_vk_dispatch){.shader = TERN_VK_SHADER_combine,
                                                     .push = &push,
                                                     .push_size = sizeof push,
                                                     .groups_x = tern_vk_groups_of_64(push.cols),
                                                     .groups_y = desc->out.shape[0]});
}
