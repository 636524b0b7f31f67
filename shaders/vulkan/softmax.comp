#version 450
#extension GL_GOOGLE_include_directive : require
// By rows: e_k = exp(x_k - max x); out = flush(e_k * (1 / sum(e_k))).
//
// bindings        0 params, 1 x, 2 out
// push constants  Push (struct tern_vk_push_unary)
// workgroup       64 invocations per row; y rows
#include "shaders/common/divide.h"
#include "shaders/common/exp.h"
#include "shaders/vulkan/include/reduce.glsl"
#include "shaders/vulkan/include/unary.glsl"

float exp_below(float value, float most) {
    precise float d = value - most;
    return t_exp(d);
}

float row_max(uint base) {
    float most = x[base];
    for (uint k = gl_LocalInvocationID.x; k < push.cols; k += 64u) {
        most = max(most, x[base + k]);
    }
    return reduce_max(most);
}

float row_sum(uint base, float most) {
    precise float total = 0.0;
    for (uint block = 0u; block < push.cols; block += 1024u) {
        precise float partial = 0.0;
        uint end = min(block + 1024u, push.cols);
        for (uint k = block + gl_LocalInvocationID.x; k < end; k += 64u) {
            partial = partial + exp_below(x[base + k], most);
        }
        total = total + reduce_sum(partial);
    }
    return total;
}

void main() {
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        uint base = push.x.offset + row * push.x.stride;
        float most = row_max(base);
        float inverse = t_divide(1.0, row_sum(base, most));
        for (uint k = gl_LocalInvocationID.x; k < push.cols; k += 64u) {
            precise float y = exp_below(x[base + k], most) * inverse;
            result[push.result.offset + row * push.result.stride + k] = t_flush(y);
        }
    }
}
