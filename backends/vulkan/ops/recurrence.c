#include "backends/common/report.h"
#include "backends/vulkan/ops/ops.h"

bool tern_vk_supports_recurrence(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    (void)op;
    return false;
}

tern_status tern_vk_plan_recurrence(tern_vk_plan *plan, const tern_op_header *op) {
    (void)plan;
    (void)op;
    return TERN_STATUS_UNSUPPORTED;
}
