// What every shader starts from: live rows, and views of tensors. Storage buffers hold 32-bit words
// only.
#ifndef TERN_SHADERS_VULKAN_ROWS_GLSL_
#define TERN_SHADERS_VULKAN_ROWS_GLSL_

#include "shaders/common/float.h"

// Offset of the first element and distance of rows, both in words of the binding.
struct View {
    uint offset;
    uint stride;
};

// First member of every push constant block.
struct Rows {
    uint count;
    uint live; // 0: all are live; else 1 + the word of binding 0 that says how many
};

layout(std430, binding = 0) readonly buffer Params {
    int params[];
};

uint live_rows(Rows rows) {
    return rows.live == 0u ? rows.count : uint(clamp(params[rows.live - 1u], 0, int(rows.count)));
}

// An index read from memory, clamped into [0, count).
uint clamp_index(int index, uint count) {
    return uint(clamp(index, 0, int(count - 1u)));
}

#endif
