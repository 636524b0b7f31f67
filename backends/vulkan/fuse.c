#include "backends/vulkan/fuse.h"

#include "backends/common/fuse.h"
#include "backends/common/report.h"
#include "backends/vulkan/ops/bitlinear_row.h"
#include "backends/vulkan/ops/ops.h"
#include "backends/vulkan/ops/rotary_append.h"

// Where the row kernel cannot do it, the input at least is quantised once, and the gated op stands
// alone.
static tern_status plan_projections(tern_vk_plan *plan, const tern_op_header *const *ops,
                                    uint32_t count, const tern_gated_desc *gated) {
    const tern_bitlinear_desc *members[TERN_FUSE_PROJECTIONS];
    for (uint32_t i = 0; i < count; i++) {
        members[i] = (const tern_bitlinear_desc *)ops[i];
    }
    bool done;
    TERN_TRY(tern_vk_plan_bitlinear_row(plan, members, count, gated, &done));
    if (!done) {
        plan->op_count = 1;
        TERN_TRY(tern_vk_plan_bitlinear_rows(plan, members, count));
        plan->op_count = count;
    }
    return TERN_STATUS_OK;
}

static tern_status plan_rotations(tern_vk_plan *plan, const tern_op_header *const *ops) {
    bool done;
    TERN_TRY(tern_vk_plan_rotary_append(plan, ops, &done));
    if (!done) {
        plan->op_count = 1;
        TERN_TRY(tern_vk_plan_rotary(plan, ops[0]));
    }
    return TERN_STATUS_OK;
}

tern_status tern_vk_plan_next(tern_vk_plan *plan, const tern_op_header *const *ops, uint32_t count,
                              uint32_t *out_count) {
    tern_group group = tern_fuse_at(ops, count, 0);
    plan->op_count = group.count;
    switch (group.kind) {
    case TERN_GROUP_PROJECTIONS:
        TERN_TRY(plan_projections(plan, ops, group.count, NULL));
        break;
    case TERN_GROUP_GATED:
        TERN_TRY(plan_projections(plan, ops, 2, (const tern_gated_desc *)ops[2]));
        break;
    case TERN_GROUP_ROTARY_APPEND:
        TERN_TRY(plan_rotations(plan, ops));
        break;
    default:
        TERN_TRY(tern_vk_op_find(ops[0]->kind)->plan(plan, ops[0]));
        break;
    }
    *out_count = plan->op_count;
    return TERN_STATUS_OK;
}
