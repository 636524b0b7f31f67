#include "backends/vulkan/ops/ops.h"

bool tern_vk_supports_activation(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    return ((const tern_activation_desc *)op)->activation < TERN_ACTIVATION_COUNT_;
}

tern_status tern_vk_plan_activation(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_activation_desc *desc = (const tern_activation_desc *)op;
    return tern_vk_plan_unary(plan, op,
                              &(tern_vk_elementwise){.shader = TERN_VK_SHADER_activation,
                                                     .activation = desc->activation,
                                                     .a = &desc->x,
                                                     .out = &desc->out});
}
