#version 450
#extension GL_GOOGLE_include_directive : require
// y = x_0 * weights[0] + x_1 * weights[1] + ..., ascending over the slots; out = flush(y), or where
// a residual is given flush(flush(y) + residual).
//
// bindings        0 params, 1 x, 2 weights, 3 residual, 4 out
// push constants  Push (struct tern_vk_push_combine)
// workgroup       64 columns; x columns, y rows
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 1) readonly buffer X {
    float x[];
};
layout(std430, binding = 2) readonly buffer Weights {
    float weights[];
};
layout(std430, binding = 3) readonly buffer Residual {
    float residual[];
};
layout(std430, binding = 4) writeonly buffer Result {
    float result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint cols;
    uint slots;
    View x;
    View weights;
    View residual;
    View result;
    uint has_residual;
}
push;

float weighted_sum(uint row, uint n) {
    precise float y = 0.0;
    for (uint s = 0u; s < push.slots; s++) {
        precise float term = x[push.x.offset + row * push.x.stride + s * push.cols + n] *
                             weights[push.weights.offset + row * push.weights.stride + s];
        y = y + term;
    }
    return t_flush(y);
}

void main() {
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        for (uint n = gl_GlobalInvocationID.x; n < push.cols; n += 64u * gl_NumWorkGroups.x) {
            precise float y = weighted_sum(row, n);
            if (push.has_residual != 0u) {
                y = y + residual[push.residual.offset + row * push.residual.stride + n];
            }
            result[push.result.offset + row * push.result.stride + n] = t_flush(y);
        }
    }
}
