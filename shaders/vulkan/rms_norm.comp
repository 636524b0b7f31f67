#version 450
#extension GL_GOOGLE_include_directive : require
// Of each part of a row alone: out = flush(x * i), or flush((x * i) * weight), with
// i = 1 / sqrt(sum(x * x) / D + eps).
//
// bindings        0 params, 1 x, 2 weight, 3 out
// push constants  Push (struct tern_vk_push_rms_norm)
// workgroup       64 invocations per part; x parts of a row, y rows
#include "shaders/common/divide.h"
#include "shaders/vulkan/include/reduce.glsl"
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 1) readonly buffer X {
    float x[];
};
layout(std430, binding = 2) readonly buffer Weight {
    float weight[];
};
layout(std430, binding = 3) writeonly buffer Result {
    float result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint cols; // of a part
    uint heads;
    View x;
    View result;
    uint weight;
    uint has_weight;
    float eps;
}
push;

float inverse_rms(uint base) {
    precise float total = 0.0;
    for (uint block = 0u; block < push.cols; block += 1024u) {
        precise float partial = 0.0;
        uint end = min(block + 1024u, push.cols);
        for (uint k = block + gl_LocalInvocationID.x; k < end; k += 64u) {
            precise float square = x[base + k] * x[base + k];
            partial = partial + square;
        }
        total = total + reduce_sum(partial);
    }
    precise float mean = t_divide(total, float(push.cols));
    mean = mean + push.eps;
    return t_divide(1.0, t_sqrt(mean));
}

void norm(uint from, uint to) {
    float inverse = inverse_rms(from);
    for (uint k = gl_LocalInvocationID.x; k < push.cols; k += 64u) {
        precise float y = x[from + k] * inverse;
        if (push.has_weight != 0u) {
            y = y * weight[push.weight + k];
        }
        result[to + k] = t_flush(y);
    }
}

void main() {
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        for (uint head = gl_WorkGroupID.x; head < push.heads; head += gl_NumWorkGroups.x) {
            norm(push.x.offset + row * push.x.stride + head * push.cols,
                 push.result.offset + row * push.result.stride + head * push.cols);
        }
    }
}
