#include "backends/common/report.h"
#include "backends/vulkan/ops/ops.h"

bool tern_vk_supports_rotary(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    return ((const tern_rotary_desc *)op)->pairs <= TERN_ROTARY_INTERLEAVED;
}

tern_status tern_vk_plan_rotary(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_rotary_desc *desc = (const tern_rotary_desc *)op;
    tern_vk_step *step;
    tern_vk_push_rotary push = {.heads = desc->x.shape[1] / desc->head_dim,
                                .head_dim = desc->head_dim,
                                .dims = desc->table.shape[1],
                                .table_rows = desc->table.shape[0]};
    TERN_TRY(tern_vk_plan_step(plan, op, desc->x.shape[0], &step, &push.rows));
    push.x = tern_vk_step_tensor(plan, step, &desc->x, TERN_OPERAND_IN);
    push.table = tern_vk_step_tensor(plan, step, &desc->table, TERN_OPERAND_IN);
    push.positions = tern_vk_step_tensor(plan, step, &desc->positions, TERN_OPERAND_IN).offset;
    push.result = tern_vk_step_tensor(plan, step, &desc->out, TERN_OPERAND_OUT);
    uint64_t slots = (uint64_t)push.heads * (push.head_dim - push.dims / 2);
    return tern_vk_plan_dispatch(plan, step,
                                 &(tern_vk_dispatch){.shader = TERN_VK_SHADER_rotary,
                                                     .spec = {desc->pairs},
                                                     .push = &push,
                                                     .push_size = sizeof push,
                                                     .groups_x = tern_vk_groups_of_64(slots),
                                                     .groups_y = desc->x.shape[0]});
}
