#include "backends/vulkan/fuse.h"

#include "backends/common/fuse.h"
#include "backends/common/report.h"
#include "backends/vulkan/ops/bitlinear_row.h"
#include "backends/vulkan/ops/ops.h"
#include "backends/vulkan/ops/rotary_append.h"

static tern_status plan_projections(tern_vk_plan *plan, const tern_op_header *const *ops,
                                    uint32_t count, const tern_gated_desc *gated, bool *out_done) {
    const tern_bitlinear_desc *members[TERN_FUSE_PROJECTIONS];
    for (uint32_t i = 0; i < count; i++) {
        members[i] = (const tern_bitlinear_desc *)ops[i];
    }
    return tern_vk_plan_bitlinear_row(plan, members, count, gated, out_done);
}

static tern_status plan_group(tern_vk_plan *plan, const tern_op_header *const *ops,
                              tern_group_kind kind, uint32_t count, bool *out_done) {
    switch (kind) {
    case TERN_GROUP_PROJECTIONS:
        return plan_projections(plan, ops, count, NULL, out_done);
    case TERN_GROUP_GATED:
        return plan_projections(plan, ops, 2, (const tern_gated_desc *)ops[2], out_done);
    case TERN_GROUP_ROTARY_APPEND:
        return tern_vk_plan_rotary_append(plan, ops, out_done);
    default:
        *out_done = false;
        return TERN_STATUS_OK;
    }
}

tern_status tern_vk_plan_next(tern_vk_plan *plan, const tern_op_header *const *ops, uint32_t count,
                              uint32_t *out_count) {
    tern_group group = tern_fuse_at(ops, count, 0);
    bool done = false;
    plan->op_count = group.count;
    TERN_TRY(plan_group(plan, ops, group.kind, group.count, &done));
    if (!done) {
        plan->op_count = 1;
        TERN_TRY(tern_vk_op_find(ops[0]->kind)->plan(plan, ops[0]));
    }
    *out_count = plan->op_count;
    return TERN_STATUS_OK;
}
