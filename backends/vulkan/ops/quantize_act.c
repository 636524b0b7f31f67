#include "backends/common/report.h"
#include "backends/vulkan/ops/ops.h"

bool tern_vk_supports_quantize_act(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    (void)op;
    return true;
}

tern_status tern_vk_plan_quantize_parts(tern_vk_plan *plan, const tern_quantize_act_desc *desc,
                                        uint32_t parts) {
    tern_vk_step *step;
    tern_vk_push_quantize_act push = {.cols = desc->x.shape[1] / parts, .parts = parts};
    TERN_TRY(tern_vk_plan_step(plan, &desc->head, desc->x.shape[0], &step, &push.rows));
    push.x = tern_vk_step_tensor(plan, step, &desc->x, TERN_OPERAND_IN);
    push.q = tern_vk_step_tensor(plan, step, &desc->q, TERN_OPERAND_OUT);
    push.scale = tern_vk_step_tensor(plan, step, &desc->scale, TERN_OPERAND_OUT).offset;
    return tern_vk_plan_dispatch(
        plan, step,
        &(tern_vk_dispatch){.shader = TERN_VK_SHADER_quantize_act,
                            .push = &push,
                            .push_size = sizeof push,
                            .groups_x = 1,
                            .groups_y = (uint64_t)desc->x.shape[0] * parts});
}

tern_status tern_vk_plan_quantize_act(tern_vk_plan *plan, const tern_op_header *op) {
    return tern_vk_plan_quantize_parts(plan, (const tern_quantize_act_desc *)op, 1);
}
