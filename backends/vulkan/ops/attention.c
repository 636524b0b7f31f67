#include "backends/common/report.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/ops/cache.h"
#include "backends/vulkan/ops/ops.h"

// Shared memory of attention.comp besides the query: kept scores, a block's scores and weights, the
// reduction's part, and some single words.
enum { SHARED_BYTES = 4 * (2048 + 3 * 64 + 16) };

// No fewer rounds than the loops of attention.comp go through for one row.
static uint64_t loops_of(const tern_attention_desc *desc) {
    uint64_t dim = desc->k_cache.shape[3];
    uint64_t all = desc->table.shape[1];
    uint64_t touched = desc->window / TERN_KV_BLOCK + 2;
    uint64_t blocks = desc->window && touched < all ? touched : all;
    uint64_t dot = dim / 4 + 40 * (dim / 1024 + 1) + 2;
    uint64_t values = 18 * tern_vk_groups_of_64(dim);
    return blocks * (2 * dot + values + 40) + 16;
}

bool tern_vk_supports_attention(tern_backend_device *device, const tern_op_header *op) {
    const tern_attention_desc *desc = (const tern_attention_desc *)op;
    uint64_t heads = desc->q.shape[1] / desc->k_cache.shape[3];
    return tern_vk_cache_known(&desc->k_cache) &&
           4 * (uint64_t)desc->k_cache.shape[3] + SHARED_BYTES <= device->limits.shared &&
           heads <= device->limits.groups[0] && loops_of(desc) <= device->limits.loops;
}

tern_status tern_vk_plan_attention(tern_vk_plan *plan, const tern_op_header *op) {
    const tern_attention_desc *desc = (const tern_attention_desc *)op;
    uint32_t head_dim = desc->k_cache.shape[3];
    uint32_t heads = desc->q.shape[1] / head_dim;
    tern_vk_step *step;
    tern_vk_push_attention push = {
        .group = heads / desc->k_cache.shape[1], .scale = desc->scale, .window = desc->window};
    TERN_TRY(tern_vk_plan_step(plan, op, desc->q.shape[0], &step, &push.rows));
    push.q = tern_vk_step_tensor(plan, step, &desc->q, TERN_OPERAND_IN);
    push.k_cache = tern_vk_step_cache(plan, step, &desc->k_cache, TERN_OPERAND_IN);
    push.v_cache = tern_vk_step_cache(plan, step, &desc->v_cache, TERN_OPERAND_IN);
    const tern_tensor *const tensors[] = {&desc->positions, &desc->sequences, &desc->table};
    push.blocks = tern_vk_step_blocks(plan, step, tensors, desc->k_cache.shape[0]);
    push.result = tern_vk_step_tensor(plan, step, &desc->out, TERN_OPERAND_OUT);
    return tern_vk_plan_dispatch(plan, step,
                                 &(tern_vk_dispatch){.shader = TERN_VK_SHADER_attention,
                                                     .spec = {head_dim, desc->k_cache.dtype},
                                                     .push = &push,
                                                     .push_size = sizeof push,
                                                     .groups_x = heads,
                                                     .groups_y = desc->q.shape[0]});
}
