#include "backends/common/report.h"
#include "backends/vulkan/ops/ops.h"

bool tern_vk_supports_recurrence(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    (void)op;
    return true;
}

// Rows of one dispatch: no driver may take so many rounds of a loop for an endless one.
enum { ROWS_AT_ONCE = 32768 };

static tern_status plan_rows(tern_vk_plan *plan, const tern_recurrence_desc *desc, uint32_t first) {
    tern_vk_step *step;
    tern_vk_push_recurrence push = {.first = first,
                                    .count = ROWS_AT_ONCE,
                                    .cols = desc->f.shape[1],
                                    .sequence_count = desc->state.shape[0]};
    TERN_TRY(tern_vk_plan_step(plan, &desc->head, desc->f.shape[0], &step, &push.rows));
    push.f = tern_vk_step_tensor(plan, step, &desc->f, TERN_OPERAND_IN);
    push.added = tern_vk_step_tensor(plan, step, &desc->i, TERN_OPERAND_IN);
    push.state = tern_vk_step_tensor(plan, step, &desc->state, TERN_OPERAND_INOUT);
    push.positions = tern_vk_step_tensor(plan, step, &desc->positions, TERN_OPERAND_IN).offset;
    push.sequences = tern_vk_step_tensor(plan, step, &desc->sequences, TERN_OPERAND_IN).offset;
    push.result = tern_vk_step_tensor(plan, step, &desc->out, TERN_OPERAND_OUT);
    return tern_vk_plan_dispatch(plan, step,
                                 &(tern_vk_dispatch){.shader = TERN_VK_SHADER_recurrence,
                                                     .push = &push,
                                                     .push_size = sizeof push,
                                                     .groups_x = tern_vk_groups_of_64(push.cols),
                                                     .groups_y = 1});
}

tern_status tern_vk_plan_recurrence(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_recurrence_desc *desc = (const tern_recurrence_desc *)op;
    for (uint64_t first = 0; first < desc->f.shape[0]; first += ROWS_AT_ONCE) {
        TERN_TRY(plan_rows(plan, desc, (uint32_t)first));
    }
    return TERN_STATUS_OK;
}
