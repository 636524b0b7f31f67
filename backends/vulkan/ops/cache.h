// What kv_append and attention share: views of a cache and its block table.
#ifndef TERN_BACKENDS_VULKAN_OPS_CACHE_H_
#define TERN_BACKENDS_VULKAN_OPS_CACHE_H_

#include "backends/vulkan/plan.h"

// A cache of f16, f32 or i8.
bool tern_vk_cache_known(const tern_tensor *cache);
// Elements of a key or value; a row of i8 ends with its scale.
uint32_t tern_vk_cache_dim(const tern_tensor *cache);
tern_vk_cache tern_vk_step_cache(tern_vk_plan *plan, tern_vk_step *step, const tern_tensor *cache,
                                 tern_operand_role role);
// Binds positions, sequences and table; |blocks| is the number of blocks in the pool.
tern_vk_blocks tern_vk_step_blocks(tern_vk_plan *plan, tern_vk_step *step,
                                   const tern_tensor *const tensors[3], uint32_t blocks);

#endif
