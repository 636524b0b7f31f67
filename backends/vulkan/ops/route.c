#include "backends/common/report.h"
#include "backends/vulkan/ops/ops.h"

bool tern_vk_supports_route(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    return ((const tern_route_desc *)op)->score <= TERN_ROUTE_SIGMOID;
}

tern_status tern_vk_plan_route(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_route_desc *desc = (const tern_route_desc *)op;
    tern_vk_step *step;
    tern_vk_push_route push = {.experts = desc->x.shape[1],
                               .slots = desc->ids.shape[1],
                               .sigmoid = desc->score == TERN_ROUTE_SIGMOID,
                               .normalise = desc->normalise,
                               .scale = desc->scale,
                               .has_bias = desc->bias.buffer != NULL};
    TERN_TRY(tern_vk_plan_step(plan, op, desc->x.shape[0], &step, &push.rows));
    push.x = tern_vk_step_tensor(plan, step, &desc->x, TERN_OPERAND_IN);
    push.bias = tern_vk_step_tensor(plan, step, &desc->bias, TERN_OPERAND_IN).offset;
    push.ids = tern_vk_step_tensor(plan, step, &desc->ids, TERN_OPERAND_OUT);
    push.weights = tern_vk_step_tensor(plan, step, &desc->weights, TERN_OPERAND_OUT);
    return tern_vk_plan_dispatch(plan, step,
                                 &(tern_vk_dispatch){.shader = TERN_VK_SHADER_route,
                                                     .push = &push,
                                                     .push_size = sizeof push,
                                                     .groups_x = 1,
                                                     .groups_y = desc->x.shape[0]});
}
