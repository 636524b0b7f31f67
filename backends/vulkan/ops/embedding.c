#include "backends/common/report.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/ops/ops.h"
#include "backends/vulkan/weights.h"

bool tern_vk_supports_embedding(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    return ((const tern_embedding_desc *)op)->weights != NULL;
}

// Every segment is asked for every row; a row's id lies in one of them.
static tern_status plan_segment(tern_vk_plan *plan, const tern_embedding_desc *desc,
                                const tern_vk_segment *segment) {
    const tern_backend_weights *weights = tern_op_weights(desc->weights);
    const tern_vk_block *null_block = &plan->device->null_block;
    tern_vk_step *step;
    tern_vk_push_embedding push = {.cols = weights->info.cols,
                                   .total = weights->info.rows,
                                   .first = segment->first,
                                   .count = segment->count,
                                   .row_words = weights->layout.row_words,
                                   .ternary = {.words = weights->layout.row_words,
                                               .groups = weights->layout.row_scales,
                                               .group_words = weights->info.group_size / 16,
                                               .scale = weights->info.scale}};
    TERN_TRY(tern_vk_plan_step(plan, &desc->head, desc->out.shape[0], &step, &push.rows));
    push.ids = tern_vk_step_tensor(plan, step, &desc->ids, TERN_OPERAND_IN).offset;
    tern_vk_step_block(step, &segment->block, 0, segment->code_bytes);
    if (segment->scale_bytes) {
        tern_vk_step_block(step, &segment->block, segment->scale_offset, segment->scale_bytes);
    } else {
        tern_vk_step_block(step, null_block, 0, null_block->size);
    }
    push.result = tern_vk_step_tensor(plan, step, &desc->out, TERN_OPERAND_OUT);
    return tern_vk_plan_dispatch(
        plan, step,
        &(tern_vk_dispatch){.shader = TERN_VK_SHADER_embedding,
                            .spec = {weights->info.dtype, weights->info.scale_kind},
                            .push = &push,
                            .push_size = sizeof push,
                            .groups_x = tern_vk_groups_of_64(push.cols),
                            .groups_y = desc->out.shape[0]});
}

tern_status tern_vk_plan_embedding(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_embedding_desc *desc = (const tern_embedding_desc *)op;
    const tern_backend_weights *weights = tern_op_weights(desc->weights);
    for (uint32_t i = 0; i < weights->segment_count; i++) {
        TERN_TRY(plan_segment(plan, desc, &weights->segments[i]));
    }
    return TERN_STATUS_OK;
}
