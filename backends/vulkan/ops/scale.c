#include "backends/vulkan/ops/ops.h"

bool tern_vk_supports_scale(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    (void)op;
    return true;
}

tern_status tern_vk_plan_scale(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_scale_desc *desc = (const tern_scale_desc *)op;
    return tern_vk_plan_unary(plan, op,
                              &(tern_vk_elementwise){.shader = TERN_VK_SHADER_scale,
                                                     .a = &desc->x,
                                                     .out = &desc->out,
                                                     .factor = desc->factor});
}
