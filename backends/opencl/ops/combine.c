#include "backends/opencl/ops/ops.h"

// Left to the reference backend.
static bool supports(const tern_backend_device *device, const void *desc) {
    (void)device;
    (void)desc;
    return false;
}

const tern_cl_op tern_cl_op_combine = {supports, NULL};
