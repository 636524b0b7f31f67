#version 450
#extension GL_GOOGLE_include_directive : require
// As tern_recurrence_desc says: by columns, h = flush(flush(f * h) + i) from row to row, where each
// sequence has an h of its own. The current one stays in a register.
//
// bindings        0 params, 1 f, 2 i, 3 state, 4 positions, 5 sequences, 6 out
// push constants  Push (struct tern_vk_push_recurrence)
// workgroup       64 invocations, one per column, which walks the rows; x columns
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 1) readonly buffer F {
    float f[];
};
layout(std430, binding = 2) readonly buffer I {
    float added[];
};
layout(std430, binding = 3) buffer State {
    float state[];
};
layout(std430, binding = 4) readonly buffer Positions {
    int positions[];
};
layout(std430, binding = 5) readonly buffer Sequences {
    int sequences[];
};
layout(std430, binding = 6) writeonly buffer Result {
    float result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint first; // row, of |count|
    uint count;
    uint cols;
    View f;
    View added;
    View state;
    View result;
    uint positions;
    uint sequences;
    uint sequence_count;
}
push;

uint place(uint row, uint k) {
    uint sequence = clamp_index(sequences[push.sequences + row], push.sequence_count);
    return push.state.offset + sequence * push.state.stride + k;
}

void walk(uint end, uint k) {
    uint at = place(push.first, k);
    float h = state[at];
    for (uint row = push.first; row < end; row++) {
        uint next = place(row, k);
        if (next != at) {
            state[at] = h;
            at = next;
            h = state[at];
        }
        precise float kept = f[push.f.offset + row * push.f.stride + k] * h;
        kept = positions[push.positions + row] <= 0 ? 0.0 : t_flush(kept);
        kept = kept + added[push.added.offset + row * push.added.stride + k];
        h = t_flush(kept);
        result[push.result.offset + row * push.result.stride + k] = h;
    }
    state[at] = h;
}

void main() {
    uint end = min(live_rows(push.rows), push.first + push.count);
    for (uint k = gl_GlobalInvocationID.x; k < push.cols && push.first < end;
         k += 64u * gl_NumWorkGroups.x) {
        walk(end, k);
    }
}
