#include "backends/common/report.h"
#include "backends/vulkan/ops/ops.h"

bool tern_vk_supports_argmax(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    (void)op;
    return true;
}

tern_status tern_vk_plan_argmax(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_argmax_desc *desc = (const tern_argmax_desc *)op;
    tern_vk_step *step;
    tern_vk_push_argmax push = {.cols = desc->x.shape[1],
                                .has_positions = desc->positions.buffer != NULL};
    TERN_TRY(tern_vk_plan_step(plan, op, desc->x.shape[0], &step, &push.rows));
    push.x = tern_vk_step_tensor(plan, step, &desc->x, TERN_OPERAND_IN);
    push.result = tern_vk_step_tensor(plan, step, &desc->out, TERN_OPERAND_OUT).offset;
    push.positions = tern_vk_step_tensor(plan, step, &desc->positions, TERN_OPERAND_INOUT).offset;
    return tern_vk_plan_dispatch(plan, step,
                                 &(tern_vk_dispatch){.shader = TERN_VK_SHADER_argmax,
                                                     .push = &push,
                                                     .push_size = sizeof push,
                                                     .groups_x = 1,
                                                     .groups_y = desc->x.shape[0]});
}
