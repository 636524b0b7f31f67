#include "backends/cpu/ops/ops.h"

// Left to the reference backend.
static bool supports(const tern_op_header *desc) {
    (void)desc;
    return false;
}

const struct tern_cpu_op tern_cpu_op_expert_bitlinear = {
    .desc_size = sizeof(tern_expert_bitlinear_desc),
    .rows = offsetof(tern_expert_bitlinear_desc, x),
    .supports = supports,
};
