#include "backends/cpu/ops/ops.h"

// Left to the reference backend.
static bool supports(const tern_op_header *desc) {
    (void)desc;
    return false;
}

const struct tern_cpu_op tern_cpu_op_route = {
    .desc_size = sizeof(tern_route_desc),
    .rows = offsetof(tern_route_desc, x),
    .supports = supports,
};
