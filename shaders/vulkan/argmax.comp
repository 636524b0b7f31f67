#version 450
#extension GL_GOOGLE_include_directive : require
// Index of each row's largest element, the lowest of equals; then, where given, positions[row]
// += 1.
//
// bindings        0 params, 1 x, 2 out, 3 positions
// push constants  Push (struct tern_vk_push_argmax)
// workgroup       64 invocations per row; y rows
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 1) readonly buffer X {
    float x[];
};
layout(std430, binding = 2) writeonly buffer Result {
    int result[];
};
layout(std430, binding = 3) buffer Positions {
    int positions[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint cols;
    View x;
    uint result;
    uint positions;
    uint has_positions;
}
push;

shared float best_value[64];
shared uint best_index[64];

void keep_better(uint lane, uint other) {
    float v = best_value[other];
    uint i = best_index[other];
    if (v > best_value[lane] || (v == best_value[lane] && i < best_index[lane])) {
        best_value[lane] = v;
        best_index[lane] = i;
    }
}

void main() {
    uint lane = gl_LocalInvocationID.x;
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        uint base = push.x.offset + row * push.x.stride;
        float value = x[base];
        uint index = 0u;
        for (uint k = lane; k < push.cols; k += 64u) {
            float v = x[base + k];
            if (v > value) {
                value = v;
                index = k;
            }
        }
        best_value[lane] = value;
        best_index[lane] = index;
        barrier();
        for (uint k = 32u; k > 0u; k >>= 1) {
            if (lane < k) {
                keep_better(lane, lane + k);
            }
            barrier();
        }
        if (lane == 0u) {
            result[push.result + row] = int(best_index[0]);
            if (push.has_positions != 0u) {
                positions[push.positions + row] += 1;
            }
        }
        barrier();
    }
}
