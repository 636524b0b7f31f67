#include "backends/vulkan/ops/ops.h"

// Left to the reference backend.
bool tern_vk_supports_expert_bitlinear(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    (void)op;
    return false;
}

tern_status tern_vk_plan_expert_bitlinear(tern_vk_plan *plan, const tern_op_header *op) {
    (void)plan;
    (void)op;
    return TERN_STATUS_UNSUPPORTED;
}
