#version 450
#extension GL_GOOGLE_include_directive : require
// By rows: m = max(max|x|, 1e-5); q = clamp(rint(x * (127 / m)), -128, 127); scale = m / 127. Four
// q to a word, the last word filled up with zeros.
//
// A row of x may be several side by side: each becomes a row of its own.
//
// bindings        0 params, 1 x, 2 q (words), 3 scale
// push constants  Push (struct tern_vk_push_quantize_act)
// workgroup       64 invocations per row; y rows
#include "shaders/common/divide.h"
#include "shaders/vulkan/include/reduce.glsl"
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 1) readonly buffer X {
    float x[];
};
layout(std430, binding = 2) writeonly buffer Q {
    uint q[];
};
layout(std430, binding = 3) writeonly buffer Scale {
    float scale[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint cols;
    View x;
    View q;
    uint scale;
    uint parts; // of a row of x
}
push;

float row_absmax(uint base) {
    float most = 1e-5;
    for (uint k = gl_LocalInvocationID.x; k < push.cols; k += 64u) {
        most = max(most, abs(x[base + k]));
    }
    return reduce_max(most);
}

uint quantize(float value, float factor) {
    precise float scaled = value * factor;
    return uint(int(clamp(t_rint(scaled), -128.0, 127.0))) & 255u;
}

void main() {
    uint live = live_rows(push.rows) * push.parts;
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        uint base =
            push.x.offset + row / push.parts * push.x.stride + row % push.parts * push.cols;
        float most = row_absmax(base);
        float factor = t_divide(127.0, most);
        uint words = (push.cols + 3u) / 4u;
        for (uint w = gl_LocalInvocationID.x; w < words; w += 64u) {
            uint word = 0u;
            uint count = min(push.cols - 4u * w, 4u);
            for (uint j = 0u; j < count; j++) {
                word |= quantize(x[base + 4u * w + j], factor) << (8u * j);
            }
            q[push.q.offset + row * push.q.stride + w] = word;
        }
        if (gl_LocalInvocationID.x == 0u) {
            scale[push.scale + row] = t_divide(most, 127.0);
        }
    }
}
