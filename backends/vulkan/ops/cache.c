#include "backends/vulkan/ops/cache.h"

#include "backends/common/sizes.h"

bool tern_vk_cache_known(const tern_tensor *cache) {
    return cache->dtype == TERN_DTYPE_F16 || cache->dtype == TERN_DTYPE_F32 ||
           cache->dtype == TERN_DTYPE_I8;
}

uint32_t tern_vk_cache_dim(const tern_tensor *cache) {
    return cache->dtype == TERN_DTYPE_I8 ? cache->shape[3] - 4 : cache->shape[3];
}

tern_vk_cache tern_vk_step_cache(tern_vk_plan *plan, tern_vk_step *step, const tern_tensor *cache,
                                 tern_operand_role role) {
    tern_vk_view view = tern_vk_step_tensor(plan, step, cache, role);
    uint32_t per_word = 4 / tern_element_bytes(cache->dtype);
    return (tern_vk_cache){view.offset, view.stride, cache->strides[1] / per_word,
                           cache->strides[2] / per_word};
}

tern_vk_blocks tern_vk_step_blocks(tern_vk_plan *plan, tern_vk_step *step,
                                   const tern_tensor *const tensors[3], uint32_t blocks) {
    tern_vk_view positions = tern_vk_step_tensor(plan, step, tensors[0], TERN_OPERAND_IN);
    tern_vk_view sequences = tern_vk_step_tensor(plan, step, tensors[1], TERN_OPERAND_IN);
    tern_vk_view table = tern_vk_step_tensor(plan, step, tensors[2], TERN_OPERAND_IN);
    return (tern_vk_blocks){.positions = positions.offset,
                            .sequences = sequences.offset,
                            .sequence_count = tensors[2]->shape[0],
                            .table = table.offset,
                            .table_stride = table.stride,
                            .width = tensors[2]->shape[1],
                            .count = blocks};
}
