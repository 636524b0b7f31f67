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

tern_status tern_vk_plan_bitlinear(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_bitlinear_desc *desc = (const tern_bitlinear_desc *)op;
    uint32_t rows = desc->x.shape[0];
    uint32_t cols = desc->x.shape[1];
    tern_tensor x = desc->x;
    bool done = false;
    TERN_TRY(tern_vk_plan_bitlinear_row(plan, &desc, 1, NULL, &done));
    if (done) {
        return TERN_STATUS_OK;
    }
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
    TERN_TRY(tern_vk_plan_quantize_act(plan, &quantize.head));
    tern_ternary_matmul_desc matmul = {.head = desc->head,
                                       .q = quantize.q,
                                       .scale = scale,
                                       .weights = desc->weights,
                                       .bias = desc->bias,
                                       .out = desc->out};
    return tern_vk_plan_ternary(plan, &matmul, &desc->residual);
}
