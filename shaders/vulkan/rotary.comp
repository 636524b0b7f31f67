#version 450
#extension GL_GOOGLE_include_directive : require
// Rotates the pairs of the first dims of each head by the table's angles and copies the rest.
//
// bindings        0 params, 1 x, 2 table, 3 positions, 4 out
// push constants  Push (struct tern_vk_push_rotary)
// specialisation  0 interleaved: pairs (2i, 2i + 1) instead of (i, i + dims / 2)
// workgroup       64 slots, a slot being a pair or an element that is copied; x slots, y rows
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint INTERLEAVED = 0u;

layout(std430, binding = 1) readonly buffer X {
    float x[];
};
layout(std430, binding = 2) readonly buffer Table {
    float table[];
};
layout(std430, binding = 3) readonly buffer Positions {
    int positions[];
};
layout(std430, binding = 4) writeonly buffer Result {
    float result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint heads;
    uint head_dim;
    uint dims;
    uint table_rows;
    View x;
    View table;
    View result;
    uint positions;
}
push;

void rotate(uint from, uint to, uint angles, uint pair) {
    uint first = INTERLEAVED != 0u ? 2u * pair : pair;
    uint second = INTERLEAVED != 0u ? first + 1u : pair + push.dims / 2u;
    float a = x[from + first];
    float b = x[from + second];
    float c = table[angles + pair];
    float s = table[angles + push.dims / 2u + pair];
    precise float ac = a * c;
    precise float bs = b * s;
    precise float bc = b * c;
    precise float as = a * s;
    precise float ya = ac - bs;
    precise float yb = bc + as;
    result[to + first] = t_flush(ya);
    result[to + second] = t_flush(yb);
}

void main() {
    uint pairs = push.dims / 2u;
    uint slots = push.head_dim - pairs;
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        uint position = clamp_index(positions[push.positions + row], push.table_rows);
        uint angles = push.table.offset + position * push.table.stride;
        for (uint i = gl_GlobalInvocationID.x; i < push.heads * slots;
             i += 64u * gl_NumWorkGroups.x) {
            uint slot = i % slots;
            uint from = push.x.offset + row * push.x.stride + i / slots * push.head_dim;
            uint to = push.result.offset + row * push.result.stride + i / slots * push.head_dim;
            if (slot < pairs) {
                rotate(from, to, angles, slot);
            } else {
                result[to + pairs + slot] = x[from + pairs + slot];
            }
        }
    }
}
