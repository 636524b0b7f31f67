// bitlinears of one input: of one row, and with what follows them, in one dispatch
// (bitlinear.comp); of several rows with the input normed and quantised once.
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
// The same for any number of rows, without |gated|; each product counts for its own op.
tern_status tern_vk_plan_bitlinear_rows(tern_vk_plan *plan,
                                        const tern_bitlinear_desc *const *members, uint32_t count);
// A product of one row alone.
tern_status tern_vk_plan_ternary_row(tern_vk_plan *plan, const tern_ternary_matmul_desc *desc,
                                     bool *out_done);

#endif
