// bitlinears of one row and one input, and what follows them, in one dispatch: bitlinear.comp.
#ifndef TERN_BACKENDS_VULKAN_OPS_BITLINEAR_ROW_H_
#define TERN_BACKENDS_VULKAN_OPS_BITLINEAR_ROW_H_

#include <stdbool.h>

#include "backends/vulkan/plan.h"

// One to three bitlinears of the same input, then |gated| of the outputs of two, unless NULL.
// |*out_done| is false, and nothing planned, where there are several rows or bitlinear.comp cannot
// do them on this device.
tern_status tern_vk_plan_bitlinear_row(tern_vk_plan *plan,
                                       const tern_bitlinear_desc *const *members, uint32_t count,
                                       const tern_gated_desc *gated, bool *out_done);
// The same for a product alone.
tern_status tern_vk_plan_ternary_row(tern_vk_plan *plan, const tern_ternary_matmul_desc *desc,
                                     bool *out_done);

#endif
