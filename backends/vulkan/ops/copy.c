#include "backends/common/report.h"
#include "backends/vulkan/ops/ops.h"

static bool is_float(tern_dtype dtype) {
    return dtype == TERN_DTYPE_F32 || dtype == TERN_DTYPE_F16 || dtype == TERN_DTYPE_BF16;
}

bool tern_vk_supports_copy(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    const tern_copy_desc *desc = (const tern_copy_desc *)op;
    return (is_float(desc->x.dtype) && is_float(desc->out.dtype)) ||
           (desc->x.dtype == TERN_DTYPE_I32 && desc->out.dtype == TERN_DTYPE_I32);
}

tern_status tern_vk_plan_copy(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_copy_desc *desc = (const tern_copy_desc *)op;
    tern_vk_step *step;
    tern_vk_push_copy push = {.cols = desc->x.shape[1],
                              .x_rows = desc->x.shape[0],
                              .has_picked = desc->rows.buffer != NULL};
    TERN_TRY(tern_vk_plan_step(plan, op, desc->out.shape[0], &step, &push.rows));
    push.x = tern_vk_step_tensor(plan, step, &desc->x, TERN_OPERAND_IN);
    push.picked = tern_vk_step_tensor(plan, step, &desc->rows, TERN_OPERAND_IN).offset;
    push.result = tern_vk_step_tensor(plan, step, &desc->out, TERN_OPERAND_INOUT);
    return tern_vk_plan_dispatch(plan, step,
                                 &(tern_vk_dispatch){.shader = TERN_VK_SHADER_copy,
                                                     .spec = {desc->x.dtype, desc->out.dtype},
                                                     .push = &push,
                                                     .push_size = sizeof push,
                                                     .groups_x = tern_vk_groups_of_64(push.cols),
                                                     .groups_y = desc->out.shape[0]});
}
