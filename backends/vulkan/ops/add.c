#include "backends/vulkan/ops/ops.h"

bool tern_vk_supports_add(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    (void)op;
    return true;
}

tern_status tern_vk_plan_add(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_add_desc *desc = (const tern_add_desc *)op;
    return tern_vk_plan_binary(
        plan, op,
        &(tern_vk_elementwise){
            .shader = TERN_VK_SHADER_add, .a = &desc->a, .b = &desc->b, .out = &desc->out});
}
