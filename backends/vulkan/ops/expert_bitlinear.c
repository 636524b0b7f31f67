#include "backends/common/report.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/ops/ops.h"
#include "backends/vulkan/weights.h"

// Words of 16 columns that expert_bitlinear.comp holds at a time.
enum { CHUNK = 64 };

// Rows of K values that a row of x is.
static uint32_t parts_of(const tern_expert_bitlinear_desc *desc) {
    return desc->x.shape[1] / tern_op_weights(desc->weights)->info.cols;
}

static uint32_t outputs_of(const tern_expert_bitlinear_desc *desc) {
    return tern_op_weights(desc->weights)->info.rows / desc->experts;
}

bool tern_vk_supports_expert_bitlinear(tern_backend_device *device, const tern_op_header *op) {
    const tern_expert_bitlinear_desc *desc = (const tern_expert_bitlinear_desc *)op;
    uint64_t products = (uint64_t)desc->ids.shape[0] * desc->ids.shape[1];
    uint64_t scratch = 4 * (uint64_t)desc->x.shape[0] * desc->x.shape[1];
    return tern_op_weights(desc->weights)->info.dtype == TERN_DTYPE_T2 && products <= UINT32_MAX &&
           scratch + device->limits.alignment <= device->limits.range &&
           tern_vk_groups_of_64(outputs_of(desc)) <= device->limits.groups[0];
}

// What is quantised once, in scratch memory.
static tern_status plan_input(tern_vk_plan *plan, const tern_expert_bitlinear_desc *desc,
                              tern_quantize_act_desc *out) {
    uint32_t parts = parts_of(desc);
    uint32_t rows = desc->x.shape[0] * parts;
    uint32_t cols = desc->x.shape[1] / parts;
    *out = (tern_quantize_act_desc){.head = desc->head,
                                    .x = desc->x,
                                    .q = tern_vk_plan_scratch(plan, TERN_DTYPE_I8, rows, cols),
                                    .scale = tern_vk_plan_scratch(plan, TERN_DTYPE_F32, 1, rows)};
    return tern_vk_plan_quantize_parts(plan, out, parts);
}

static tern_status plan_segment(tern_vk_plan *plan, const tern_expert_bitlinear_desc *desc,
                                const tern_quantize_act_desc *input, uint32_t index) {
    const tern_backend_weights *weights = tern_op_weights(desc->weights);
    const tern_vk_variant *variant = plan->device->variant;
    bool int_dot = variant->gemm.int_dot && plan->device->features.int_dot;
    uint32_t rows = desc->ids.shape[0];
    uint32_t slots = desc->ids.shape[1];
    uint32_t tiles = variant->row.tiles;
    tern_vk_step *step;
    tern_vk_push_expert_bitlinear push = {.slots = slots,
                                          .sharing = slots / parts_of(desc),
                                          .experts = desc->experts,
                                          .outputs = outputs_of(desc),
                                          .first = weights->segments[index].first,
                                          .count = weights->segments[index].count,
                                          .q_words = (weights->info.cols + 3) / 4};
    TERN_TRY(tern_vk_plan_step(plan, &desc->head, rows, &step, &push.rows));
    push.q = tern_vk_step_tensor(plan, step, &input->q, TERN_OPERAND_IN);
    push.scale = tern_vk_step_tensor(plan, step, &input->scale, TERN_OPERAND_IN).offset;
    push.weights = tern_vk_step_ternary(plan, step, weights, index);
    push.ids = tern_vk_step_tensor(plan, step, &desc->ids, TERN_OPERAND_IN);
    push.result = tern_vk_step_tensor(plan, step, &desc->out, TERN_OPERAND_OUT);
    return tern_vk_plan_dispatch(
        plan, step,
        &(tern_vk_dispatch){.shader = int_dot ? TERN_VK_SHADER_expert_bitlinear_int_dot
                                              : TERN_VK_SHADER_expert_bitlinear,
                            .spec = {tiles, weights->info.scale_kind, CHUNK},
                            .push = &push,
                            .push_size = sizeof push,
                            .groups_x = (tern_vk_groups_of_64(push.outputs) + tiles - 1) / tiles,
                            .groups_y = (uint64_t)rows * slots});
}

tern_status tern_vk_plan_expert_bitlinear(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_expert_bitlinear_desc *desc = (const tern_expert_bitlinear_desc *)op;
    tern_quantize_act_desc input;
    TERN_TRY(plan_input(plan, desc, &input));
    for (uint32_t i = 0; i < tern_op_weights(desc->weights)->segment_count; i++) {
        TERN_TRY(plan_segment(plan, desc, &input, i));
    }
    return TERN_STATUS_OK;
}
