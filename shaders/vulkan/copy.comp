#version 450
#extension GL_GOOGLE_include_directive : require
// out[r] = x[r] or x[rows[r]], converted. An invocation writes one word: one element of 32 bits or
// two of 16; the half after an odd row's end is left as it is.
//
// bindings        0 params, 1 x (words), 2 rows, 3 out (words)
// push constants  Push (struct tern_vk_push_copy)
// specialisation  0 dtype of x, 1 dtype of out
// workgroup       64 words; x words of a row, y rows
#include "shaders/vulkan/include/dtype.glsl"
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint FROM = F32;
layout(constant_id = 1) const uint TO = F32;

layout(std430, binding = 1) readonly buffer X {
    uint x[];
};
layout(std430, binding = 2) readonly buffer Picked {
    int picked[];
};
layout(std430, binding = 3) buffer Result {
    uint result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint cols;
    uint x_rows;
    View x;
    View result;
    uint picked;
    uint has_picked;
}
push;

// Bits of element |k| of the row at |base|, as TO.
uint converted(uint base, uint k) {
    uint word = x[base + word_of(FROM, k)];
    if (FROM == TO) {
        return is_half(FROM) && (k & 1u) != 0u ? word >> 16 : is_half(FROM) ? word & 0xffffu : word;
    }
    float value = element_of(FROM, word, k);
    if (TO == F16) {
        return t_f16_from_f32(value);
    }
    if (TO == BF16) {
        return t_bf16_from_f32(value);
    }
    return floatBitsToUint(t_flush(value));
}

void main() {
    uint live = live_rows(push.rows);
    uint words = is_half(TO) ? (push.cols + 1u) / 2u : push.cols;
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        uint source =
            push.has_picked != 0u ? clamp_index(picked[push.picked + row], push.x_rows) : row;
        uint base = push.x.offset + source * push.x.stride;
        for (uint w = gl_GlobalInvocationID.x; w < words; w += 64u * gl_NumWorkGroups.x) {
            uint to = push.result.offset + row * push.result.stride + w;
            if (!is_half(TO)) {
                result[to] = converted(base, w);
            } else if (2u * w + 1u < push.cols) {
                result[to] = converted(base, 2u * w) | converted(base, 2u * w + 1u) << 16;
            } else {
                result[to] = converted(base, 2u * w) | (result[to] & 0xffff0000u);
            }
        }
    }
}
