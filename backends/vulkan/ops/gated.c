#include <float.h>

#include "backends/vulkan/ops/ops.h"

bool tern_vk_supports_gated(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    return ((const tern_gated_desc *)op)->activation < TERN_ACTIVATION_COUNT_;
}

tern_status tern_vk_plan_gated(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_gated_desc *desc = (const tern_gated_desc *)op;
    return tern_vk_plan_binary(
        plan, op,
        &(tern_vk_elementwise){.shader = TERN_VK_SHADER_gated,
                               .activation = desc->activation,
                               .a = &desc->gate,
                               .b = &desc->up,
                               .out = &desc->out,
                               .limit = desc->limit != 0.0f ? desc->limit : FLT_MAX});
}
