// rotary, rotary and kv_append in one dispatch.
#ifndef TERN_BACKENDS_VULKAN_OPS_ROTARY_APPEND_H_
#define TERN_BACKENDS_VULKAN_OPS_ROTARY_APPEND_H_

#include <stdbool.h>

#include "backends/vulkan/plan.h"

// |ops|: a TERN_GROUP_ROTARY_APPEND. |*out_done| is false, and nothing planned, where its shapes
// are not what rotary_append.comp takes.
tern_status tern_vk_plan_rotary_append(tern_vk_plan *plan, const tern_op_header *const *ops,
                                       bool *out_done);

#endif
