#version 450
#extension GL_GOOGLE_include_directive : require
// Joins what the blocks of a row left (attention.comp with BY_BLOCKS), ascending, against the
// maximum of all: out = flush(sum(e_b * o_b) / sum(e_b * l_b)), e_b = exp(m_b - m), as
// tern_attention_desc says. A block leaves m_b, l_b, o_b[0] to o_b[head_dim - 1].
//
// bindings        0 params, 1 positions, 2 parts, 3 out
// push constants  Push (struct tern_vk_push_attention_join)
// specialisation  0 head_dim, 1 PARTS: the most blocks that a row has
// workgroup       64 invocations, one per block, then one per element of a head; x heads, y rows
#include "shaders/common/divide.h"
#include "shaders/common/exp.h"
#include "shaders/vulkan/include/reduce.glsl"
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint HEAD_DIM = 64u;
layout(constant_id = 1) const uint PARTS = 1u;

layout(std430, binding = 1) readonly buffer Positions {
    int positions[];
};
layout(std430, binding = 2) readonly buffer Parts {
    float parts[];
};
layout(std430, binding = 3) writeonly buffer Result {
    float result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint positions;
    uint places; // positions that a sequence has room for
    uint window; // 0: none
    View parts;
    View result;
}
push;

#define LEAST uintBitsToFloat(0xff7fffffu)
const uint PITCH = HEAD_DIM + 2u;
const uint SLICES = (HEAD_DIM + 63u) / 64u; // elements of a head per invocation

shared float factors[64];

uint blocks_of(uint row) {
    uint position = clamp_index(positions[push.positions + row], push.places);
    uint first = push.window != 0u && push.window <= position ? position - push.window + 1u : 0u;
    return (position >> 6) - (first >> 6) + 1u;
}

float parts_max(uint from, uint count) {
    float most = LEAST;
    for (uint b = gl_LocalInvocationID.x; b < count; b += 64u) {
        most = max(most, parts[from + b * PITCH]);
    }
    return reduce_max(most);
}

// Factors of the blocks from |first| on.
void hold_factors(uint from, uint first, uint count, float most) {
    uint b = first + gl_LocalInvocationID.x;
    barrier();
    if (b < count) {
        precise float below = parts[from + b * PITCH] - most;
        factors[gl_LocalInvocationID.x] = t_exp(below);
    }
    barrier();
}

void join(uint row, uint head) {
    uint lane = gl_LocalInvocationID.x;
    uint count = blocks_of(row);
    uint from = push.parts.offset + row * push.parts.stride + head * PARTS * PITCH;
    float most = parts_max(from, count);
    float sums[SLICES];
    for (uint i = 0u; i < SLICES; i++) {
        sums[i] = 0.0;
    }
    precise float total = 0.0;
    for (uint b = 0u; b < count; b++) {
        if ((b & 63u) == 0u) {
            hold_factors(from, b, count, most);
        }
        float factor = factors[b & 63u];
        precise float weight = parts[from + b * PITCH + 1u] * factor;
        total = total + weight;
        for (uint i = 0u; i < SLICES; i++) {
            if (64u * i + lane < HEAD_DIM) {
                precise float value = parts[from + b * PITCH + 2u + 64u * i + lane] * factor;
                value = sums[i] + value;
                sums[i] = value;
            }
        }
    }
    float inverse = t_divide(1.0, total);
    uint to = push.result.offset + row * push.result.stride + head * HEAD_DIM;
    for (uint i = 0u; i < SLICES; i++) {
        if (64u * i + lane < HEAD_DIM) {
            precise float y = sums[i] * inverse;
            result[to + 64u * i + lane] = t_flush(y);
        }
    }
}

void main() {
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        join(row, gl_WorkGroupID.x);
    }
}
