#include "backends/common/report.h"
#include "backends/vulkan/ops/ops.h"

bool tern_vk_supports_rms_norm(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    (void)op;
    return true;
}

tern_status tern_vk_plan_rms_norm(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_rms_norm_desc *desc = (const tern_rms_norm_desc *)op;
    uint32_t heads = desc->heads ? desc->heads : 1;
    tern_vk_step *step;
    tern_vk_push_rms_norm push = {.cols = desc->x.shape[1] / heads,
                                  .heads = heads,
                                  .has_weight = desc->weight.buffer != NULL,
                                  .eps = desc->eps};
    TERN_TRY(tern_vk_plan_step(plan, op, desc->x.shape[0], &step, &push.rows));
    push.x = tern_vk_step_tensor(plan, step, &desc->x, TERN_OPERAND_IN);
    push.weight = tern_vk_step_tensor(plan, step, &desc->weight, TERN_OPERAND_IN).offset;
    push.result = tern_vk_step_tensor(plan, step, &desc->out, TERN_OPERAND_OUT);
    return tern_vk_plan_dispatch(plan, step,
                                 &(tern_vk_dispatch){.shader = TERN_VK_SHADER_rms_norm,
                                                     .push = &push,
                                                     .push_size = sizeof push,
                                                     .groups_x = heads,
                                                     .groups_y = desc->x.shape[0]});
}
