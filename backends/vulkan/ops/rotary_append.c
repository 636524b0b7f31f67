#include "backends/vulkan/ops/rotary_append.h"

#include "backends/common/report.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/ops/cache.h"
#include "backends/vulkan/ops/ops.h"

enum { BINDINGS = 12 };

static bool is_packed(const tern_tensor *tensor) {
    uint64_t stride = 1;
    bool packed = true;
    for (uint32_t i = tensor->rank; i-- > 0; stride *= tensor->shape[i]) {
        packed = packed && tensor->strides[i] == stride;
    }
    return packed;
}

static bool can_do(const tern_backend_device *device, const tern_rotary_desc *q,
                   const tern_kv_append_desc *append) {
    return device->limits.bindings >= BINDINGS && q->head_dim % 4 == 0 &&
           q->table.shape[1] == q->head_dim && tern_vk_cache_known(&append->k_cache) &&
           is_packed(&append->k_cache) && is_packed(&append->v_cache) &&
           append->table.strides[0] == append->table.shape[1];
}

static tern_vk_push_rotary_append shapes_of(const tern_rotary_desc *q,
                                            const tern_kv_append_desc *append) {
    return (tern_vk_push_rotary_append){.heads = q->x.shape[1] / q->head_dim,
                                        .kv_heads = append->k_cache.shape[1],
                                        .angle_rows = q->table.shape[0],
                                        .sequence_count = append->table.shape[0],
                                        .width = append->table.shape[1],
                                        .count = append->k_cache.shape[0]};
}

static void bind(tern_vk_plan *plan, tern_vk_step *step, const tern_op_header *const *ops,
                 tern_vk_push_rotary_append *push) {
    const tern_rotary_desc *q = (const tern_rotary_desc *)ops[0];
    const tern_rotary_desc *k = (const tern_rotary_desc *)ops[1];
    const tern_kv_append_desc *append = (const tern_kv_append_desc *)ops[2];
    push->q = tern_vk_step_tensor(plan, step, &q->x, TERN_OPERAND_IN);
    push->k = tern_vk_step_tensor(plan, step, &k->x, TERN_OPERAND_IN);
    push->v = tern_vk_step_tensor(plan, step, &append->v, TERN_OPERAND_IN);
    tern_vk_view angles = tern_vk_step_tensor(plan, step, &q->table, TERN_OPERAND_IN);
    push->angles = angles.offset;
    push->angle_stride = angles.stride;
    push->positions = tern_vk_step_tensor(plan, step, &q->positions, TERN_OPERAND_IN).offset;
    push->sequences = tern_vk_step_tensor(plan, step, &append->sequences, TERN_OPERAND_IN).offset;
    push->table = tern_vk_step_tensor(plan, step, &append->table, TERN_OPERAND_IN).offset;
    push->q_out = tern_vk_step_tensor(plan, step, &q->out, TERN_OPERAND_OUT);
    push->k_out = tern_vk_step_tensor(plan, step, &k->out, TERN_OPERAND_OUT);
    push->k_cache = tern_vk_step_tensor(plan, step, &append->k_cache, TERN_OPERAND_OUT).offset;
    push->v_cache = tern_vk_step_tensor(plan, step, &append->v_cache, TERN_OPERAND_OUT).offset;
}

tern_status tern_vk_plan_rotary_append(tern_vk_plan *plan, const tern_op_header *const *ops,
                                       bool *out_done) {
    const tern_rotary_desc *q = (const tern_rotary_desc *)ops[0];
    const tern_kv_append_desc *append = (const tern_kv_append_desc *)ops[2];
    *out_done = can_do(plan->device, q, append);
    if (!*out_done) {
        return TERN_STATUS_OK;
    }
    tern_vk_step *step;
    tern_vk_push_rotary_append push = shapes_of(q, append);
    TERN_TRY(tern_vk_plan_step(plan, &q->head, q->x.shape[0], &step, &push.rows));
    bind(plan, step, ops, &push);
    uint64_t fours = ((uint64_t)push.heads + 2 * (uint64_t)push.kv_heads) * (q->head_dim / 4);
    return tern_vk_plan_dispatch(
        plan, step,
        &(tern_vk_dispatch){.shader = TERN_VK_SHADER_rotary_append,
                            .spec = {q->pairs, append->k_cache.dtype, q->head_dim},
                            .push = &push,
                            .push_size = sizeof push,
                            .groups_x = tern_vk_groups_of_64(fours),
                            .groups_y = q->x.shape[0]});
}
