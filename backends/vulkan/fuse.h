// Groups of ops that become one dispatch (backends/common/fuse.h finds them).
#ifndef TERN_BACKENDS_VULKAN_FUSE_H_
#define TERN_BACKENDS_VULKAN_FUSE_H_

#include "backends/vulkan/plan.h"

// Plans the largest group at the head of |ops| that this device can do, or the first op alone.
// Returns in |out_count| how many ops that were.
tern_status tern_vk_plan_next(tern_vk_plan *plan, const tern_op_header *const *ops, uint32_t count,
                              uint32_t *out_count);

#endif
