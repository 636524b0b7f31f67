#include "backends/common/report.h"
#include "backends/vulkan/ops/cache.h"
#include "backends/vulkan/ops/ops.h"

bool tern_vk_supports_kv_append(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    return tern_vk_cache_known(&((const tern_kv_append_desc *)op)->k_cache);
}

tern_status tern_vk_plan_kv_append(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_kv_append_desc *desc = (const tern_kv_append_desc *)op;
    tern_vk_step *step;
    tern_vk_push_kv_append push = {.heads = desc->k_cache.shape[1],
                                   .head_dim = tern_vk_cache_dim(&desc->k_cache)};
    TERN_TRY(tern_vk_plan_step(plan, op, desc->k.shape[0], &step, &push.rows));
    push.k = tern_vk_step_tensor(plan, step, &desc->k, TERN_OPERAND_IN);
    push.v = tern_vk_step_tensor(plan, step, &desc->v, TERN_OPERAND_IN);
    push.k_cache = tern_vk_step_cache(plan, step, &desc->k_cache, TERN_OPERAND_INOUT);
    push.v_cache = tern_vk_step_cache(plan, step, &desc->v_cache, TERN_OPERAND_INOUT);
    const tern_tensor *const tensors[] = {&desc->positions, &desc->sequences, &desc->table};
    push.blocks = tern_vk_step_blocks(plan, step, tensors, desc->k_cache.shape[0]);
    if (desc->k_cache.dtype == TERN_DTYPE_I8) {
        return tern_vk_plan_dispatch(plan, step,
                                     &(tern_vk_dispatch){.shader = TERN_VK_SHADER_kv_append_int8,
                                                         .push = &push,
                                                         .push_size = sizeof push,
                                                         .groups_x = 2 * (uint64_t)push.heads,
                                                         .groups_y = desc->k.shape[0]});
    }
    uint64_t per_word = desc->k_cache.dtype == TERN_DTYPE_F16 ? 2 : 1;
    uint64_t words = push.heads * ((push.head_dim + per_word - 1) / per_word);
    return tern_vk_plan_dispatch(plan, step,
                                 &(tern_vk_dispatch){.shader = TERN_VK_SHADER_kv_append,
                                                     .spec = {desc->k_cache.dtype},
                                                     .push = &push,
                                                     .push_size = sizeof push,
                                                     .groups_x = tern_vk_groups_of_64(words),
                                                     .groups_y = desc->k.shape[0]});
}
