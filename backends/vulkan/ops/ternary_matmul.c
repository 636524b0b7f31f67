#include <string.h>

#include "backends/common/report.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/ops/bitlinear_row.h"
#include "backends/vulkan/ops/ops.h"
#include "backends/vulkan/weights.h"

// Words of 16 columns that ternary_gemm.comp holds at a time.
enum { CHUNK = 64 };

bool tern_vk_supports_ternary_matmul(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    const tern_ternary_matmul_desc *desc = (const tern_ternary_matmul_desc *)op;
    return tern_op_weights(desc->weights)->info.dtype == TERN_DTYPE_T2;
}

tern_vk_ternary tern_vk_step_ternary(tern_vk_plan *plan, tern_vk_step *step,
                                     const tern_backend_weights *weights, uint32_t index) {
    const tern_vk_segment *segment = &weights->segments[index];
    tern_vk_step_block(step, &segment->block, 0, segment->code_bytes);
    if (segment->scale_bytes) {
        tern_vk_step_block(step, &segment->block, segment->scale_offset, segment->scale_bytes);
    } else {
        tern_vk_step_block(step, &plan->device->null_block, 0, plan->device->null_block.size);
    }
    return (tern_vk_ternary){.words = weights->layout.row_words,
                             .groups = weights->layout.row_scales,
                             .group_words = weights->info.group_size / 16,
                             .scale = weights->info.scale};
}

static void pick_kernel(const tern_backend_device *device, tern_scale_kind scales, uint32_t outputs,
                        uint32_t rows, tern_vk_dispatch *dispatch) {
    const tern_vk_variant *variant = device->variant;
    bool int_dot = variant->int_dot && device->features.int_dot;
    dispatch->groups_x = tern_vk_groups_of_64(outputs);
    dispatch->groups_y = rows;
    if (scales == TERN_SCALE_GROUP) {
        dispatch->shader =
            int_dot ? TERN_VK_SHADER_ternary_matmul_int_dot : TERN_VK_SHADER_ternary_matmul;
        return;
    }
    uint32_t most = device->limits.invocations / 64;
    uint32_t groups = variant->gemm_groups < most ? variant->gemm_groups : most;
    uint32_t each = variant->gemm_rows < rows ? variant->gemm_rows : rows;
    uint64_t tiles = (uint64_t)groups * variant->gemm_tiles;
    const uint32_t spec[] = {groups, each, variant->gemm_tiles, scales, CHUNK};
    dispatch->shader = int_dot ? TERN_VK_SHADER_ternary_gemm_int_dot : TERN_VK_SHADER_ternary_gemm;
    memcpy(dispatch->spec, spec, sizeof spec);
    dispatch->groups_x = (dispatch->groups_x + tiles - 1) / tiles;
    dispatch->groups_y = ((uint64_t)rows + each - 1) / each;
}

static tern_status plan_segment(tern_vk_plan *plan, const tern_ternary_matmul_desc *desc,
                                const tern_tensor *residual, uint32_t index) {
    const tern_backend_weights *weights = tern_op_weights(desc->weights);
    const tern_vk_segment *segment = &weights->segments[index];
    uint32_t rows = desc->q.shape[0];
    tern_vk_step *step;
    tern_vk_push_ternary_matmul push = {.outputs = segment->count,
                                        .q_words = (weights->info.cols + 3) / 4,
                                        .has_bias = desc->bias.buffer != NULL,
                                        .has_residual = residual->buffer != NULL};
    TERN_TRY(tern_vk_plan_step(plan, &desc->head, rows, &step, &push.rows));
    push.q = tern_vk_step_tensor(plan, step, &desc->q, TERN_OPERAND_IN);
    push.scale = tern_vk_step_tensor(plan, step, &desc->scale, TERN_OPERAND_IN).offset;
    push.weights = tern_vk_step_ternary(plan, step, weights, index);
    push.bias = tern_vk_step_tensor(plan, step, &desc->bias, TERN_OPERAND_IN).offset;
    push.bias += segment->first;
    push.residual = tern_vk_step_tensor(plan, step, residual, TERN_OPERAND_IN);
    push.residual.offset += segment->first;
    push.result = tern_vk_step_tensor(plan, step, &desc->out, TERN_OPERAND_OUT);
    push.result.offset += segment->first;
    tern_vk_dispatch dispatch = {.push = &push, .push_size = sizeof push};
    pick_kernel(plan->device, weights->info.scale_kind, segment->count, rows, &dispatch);
    return tern_vk_plan_dispatch(plan, step, &dispatch);
}

tern_status tern_vk_plan_ternary(tern_vk_plan *plan, const tern_ternary_matmul_desc *desc,
                                 const tern_tensor *residual) {
    const tern_backend_weights *weights = tern_op_weights(desc->weights);
    for (uint32_t i = 0; i < weights->segment_count; i++) {
        TERN_TRY(plan_segment(plan, desc, residual, i));
    }
    return TERN_STATUS_OK;
}

tern_status tern_vk_plan_ternary_matmul(tern_vk_plan *plan, const tern_op_header *op) {
    tern_tensor none = {.buffer = NULL};
    bool done = false;
    TERN_TRY(tern_vk_plan_ternary_row(plan, (const tern_ternary_matmul_desc *)op, &done));
    return done ? TERN_STATUS_OK
                : tern_vk_plan_ternary(plan, (const tern_ternary_matmul_desc *)op, &none);
}
