#include "backends/common/report.h"
#include "backends/vulkan/ops/ops.h"
#include "backends/vulkan/weights.h"

bool tern_vk_supports_linear(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    const tern_linear_desc *desc = (const tern_linear_desc *)op;
    return tern_op_weights(desc->weights)->info.dtype != TERN_DTYPE_T2;
}

static tern_status plan_segment(tern_vk_plan *plan, const tern_linear_desc *desc,
                                const tern_vk_segment *segment) {
    const tern_backend_weights *weights = tern_op_weights(desc->weights);
    tern_vk_step *step;
    tern_vk_push_linear push = {.cols = weights->info.cols,
                                .outputs = segment->count,
                                .row_words = weights->layout.row_words,
                                .has_bias = desc->bias.buffer != NULL};
    TERN_TRY(tern_vk_plan_step(plan, &desc->head, desc->x.shape[0], &step, &push.rows));
    push.x = tern_vk_step_tensor(plan, step, &desc->x, TERN_OPERAND_IN);
    tern_vk_step_block(step, &segment->block, 0, segment->code_bytes);
    push.bias = tern_vk_step_tensor(plan, step, &desc->bias, TERN_OPERAND_IN).offset;
    push.bias += segment->first;
    push.result = tern_vk_step_tensor(plan, step, &desc->out, TERN_OPERAND_OUT);
    push.result.offset += segment->first;
    return tern_vk_plan_dispatch(
        plan, step,
        &(tern_vk_dispatch){.shader = TERN_VK_SHADER_linear,
                            .spec = {weights->info.dtype},
                            .push = &push,
                            .push_size = sizeof push,
                            .groups_x = tern_vk_groups_of_64(segment->count),
                            .groups_y = desc->x.shape[0]});
}

tern_status tern_vk_plan_linear(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_linear_desc *desc = (const tern_linear_desc *)op;
    const tern_backend_weights *weights = tern_op_weights(desc->weights);
    for (uint32_t i = 0; i < weights->segment_count; i++) {
        TERN_TRY(plan_segment(plan, desc, &weights->segments[i]));
    }
    return TERN_STATUS_OK;
}
