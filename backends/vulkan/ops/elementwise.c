#include "backends/common/report.h"
#include "backends/vulkan/ops/ops.h"

tern_status tern_vk_plan_unary(tern_vk_plan *plan, const tern_op_header *head,
                               const tern_vk_elementwise *op) {
    tern_vk_step *step;
    tern_vk_push_unary push = {.cols = op->a->shape[1], .factor = op->factor};
    TERN_TRY(tern_vk_plan_step(plan, head, op->a->shape[0], &step, &push.rows));
    push.x = tern_vk_step_tensor(plan, step, op->a, TERN_OPERAND_IN);
    push.result = tern_vk_step_tensor(plan, step, op->out, TERN_OPERAND_OUT);
    return tern_vk_plan_dispatch(plan, step,
                                 &(tern_vk_dispatch){.shader = op->shader,
                                                     .spec = {op->activation},
                                                     .push = &push,
                                                     .push_size = sizeof push,
                                                     .groups_x = tern_vk_groups_of_64(push.cols),
                                                     .groups_y = op->a->shape[0]});
}

tern_status tern_vk_plan_binary(tern_vk_plan *plan, const tern_op_header *head,
                                const tern_vk_elementwise *op) {
    tern_vk_step *step;
    tern_vk_push_binary push = {.cols = op->a->shape[1], .limit = op->limit};
    TERN_TRY(tern_vk_plan_step(plan, head, op->a->shape[0], &step, &push.rows));
    push.a = tern_vk_step_tensor(plan, step, op->a, TERN_OPERAND_IN);
    push.b = tern_vk_step_tensor(plan, step, op->b, TERN_OPERAND_IN);
    push.result = tern_vk_step_tensor(plan, step, op->out, TERN_OPERAND_OUT);
    return tern_vk_plan_dispatch(plan, step,
                                 &(tern_vk_dispatch){.shader = op->shader,
                                                     .spec = {op->activation},
                                                     .push = &push,
                                                     .push_size = sizeof push,
                                                     .groups_x = tern_vk_groups_of_64(push.cols),
                                                     .groups_y = op->a->shape[0]});
}
