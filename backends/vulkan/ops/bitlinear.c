#include "backends/common/report.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/ops/bitlinear_row.h"
#include "backends/vulkan/ops/ops.h"
#include "backends/vulkan/weights.h"

bool tern_vk_supports_bitlinear(tern_backend_device *device, const tern_op_header *op) {
    const tern_bitlinear_desc *desc = (const tern_bitlinear_desc *)op;
    uint64_t scratch = 4 * (uint64_t)desc->x.shape[0] * desc->x.shape[1];
    return desc->norm <= TERN_NORM_RMS &&
           tern_op_weights(desc->weights)->info.dtype == TERN_DTYPE_T2 &&
           scratch + device->limits.alignment <= device->limits.range;
}

// The input quantised, after its norm, in scratch memory.
static tern_status plan_input(tern_vk_plan *plan, const tern_bitlinear_desc *desc,
                              tern_ternary_matmul_desc *out_product) {
    uint32_t rows = desc->x.shape[0];
    uint32_t cols = desc->x.shape[1];
    tern_tensor x = desc->x;
    if (desc->norm == TERN_NORM_RMS) {
        tern_rms_norm_desc norm = {
            .head = desc->head, .x = x, .weight = desc->norm_weight, .eps = desc->norm_eps};
        norm.out = x = tern_vk_plan_scratch(plan, TERN_DTYPE_F32, rows, cols);
        TERN_TRY(tern_vk_plan_rms_norm(plan, &norm.head));
    }
    tern_tensor scale = tern_vk_plan_scratch(plan, TERN_DTYPE_F32, 1, rows);
    tern_quantize_act_desc quantize = {.head = desc->head,
                                       .x = x,
                                       .q = tern_vk_plan_scratch(plan, TERN_DTYPE_I8, rows, cols),
                                       .scale = scale};
    *out_product = (tern_ternary_matmul_desc){.head = desc->head, .q = quantize.q, .scale = scale};
    return tern_vk_plan_quantize_act(plan, &quantize.head);
}

tern_status tern_vk_plan_bitlinear_rows(tern_vk_plan *plan,
                                        const tern_bitlinear_desc *const *members, uint32_t count) {
    tern_ternary_matmul_desc product;
    uint32_t first = plan->op;
    TERN_TRY(plan_input(plan, members[0], &product));
    for (uint32_t i = 0; i < count; i++) {
        plan->op = first + i;
        product.weights = members[i]->weights;
        product.bias = members[i]->bias;
        product.out = members[i]->out;
        TERN_TRY(tern_vk_plan_ternary(plan, &product, &members[i]->residual));
    }
    return TERN_STATUS_OK;
}

tern_status tern_vk_plan_bitlinear(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_bitlinear_desc *desc = (const tern_bitlinear_desc *)op;
    bool done = false;
    TERN_TRY(tern_vk_plan_bitlinear_row(plan, &desc, 1, NULL, &done));
    return done ? TERN_STATUS_OK : tern_vk_plan_bitlinear_rows(plan, &desc, 1);
}
