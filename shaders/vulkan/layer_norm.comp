#version 450
#extension GL_GOOGLE_include_directive : require
// As tern_layer_norm_desc says: out = flush((d * i) * weight + bias), with d = flush(x - mean) and
// i = 1 / sqrt(sum(d * d) / K + eps).
//
// bindings        0 params, 1 x, 2 weight, 3 bias, 4 out
// push constants  Push (struct tern_vk_push_layer_norm)
// workgroup       64 invocations per row; y rows
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
layout(std430, binding = 3) readonly buffer Bias {
    float bias[];
};
layout(std430, binding = 4) writeonly buffer Result {
    float result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint cols;
    View x;
    View result;
    uint weight;
    uint bias;
    uint has; // 1: a weight, 2: a bias
    float eps;
}
push;

float mean_of(uint base) {
    precise float total = 0.0;
    for (uint block = 0u; block < push.cols; block += 1024u) {
        precise float partial = 0.0;
        uint end = min(block + 1024u, push.cols);
        for (uint k = block + gl_LocalInvocationID.x; k < end; k += 64u) {
            partial = partial + x[base + k];
        }
        total = total + reduce_sum(partial);
    }
    return t_divide(total, float(push.cols));
}

float beyond(uint at, float mean) {
    precise float d = x[at] - mean;
    return t_flush(d);
}

float inverse_deviation(uint base, float mean) {
    precise float total = 0.0;
    for (uint block = 0u; block < push.cols; block += 1024u) {
        precise float partial = 0.0;
        uint end = min(block + 1024u, push.cols);
        for (uint k = block + gl_LocalInvocationID.x; k < end; k += 64u) {
            float d = beyond(base + k, mean);
            precise float square = d * d;
            partial = partial + square;
        }
        total = total + reduce_sum(partial);
    }
    precise float variance = t_divide(total, float(push.cols));
    variance = variance + push.eps;
    return t_divide(1.0, t_sqrt(variance));
}

void main() {
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        uint base = push.x.offset + row * push.x.stride;
        float mean = mean_of(base);
        float inverse = inverse_deviation(base, mean);
        for (uint k = gl_LocalInvocationID.x; k < push.cols; k += 64u) {
            precise float y = beyond(base + k, mean) * inverse;
            if ((push.has & 1u) != 0u) {
                y = y * weight[push.weight + k];
            }
            if ((push.has & 2u) != 0u) {
                y = y + bias[push.bias + k];
            }
            result[push.result.offset + row * push.result.stride + k] = t_flush(y);
        }
    }
}
