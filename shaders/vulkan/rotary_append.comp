#version 450
#extension GL_GOOGLE_include_directive : require
// Rotates queries, rotates keys, and stores those keys and the values in the cache: rotary, rotary
// and kv_append in one dispatch, where whole heads are rotated and have a multiple of 4 elements.
// An invocation makes four elements of a head, or stores four values: two words of a float16 cache.
//
// bindings        0 params, 1 q, 2 k, 3 v, 4 rotary table, 5 positions, 6 sequences, 7 block table,
//                 8 q out, 9 k out, 10 k_cache (words), 11 v_cache (words)
// push constants  Push (struct tern_vk_push_rotary_append)
// specialisation  0 interleaved pairs, 1 dtype of the cache, 2 head_dim
// workgroup       64 fours; x fours of all heads of q, then k, then v; y rows
#include "shaders/vulkan/include/cache.glsl"
#include "shaders/vulkan/include/dtype.glsl"
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint INTERLEAVED = 0u;
layout(constant_id = 1) const uint CACHE = F16;
layout(constant_id = 2) const uint HEAD_DIM = 64u;

layout(std430, binding = 1) readonly buffer Q {
    float q[];
};
layout(std430, binding = 2) readonly buffer K {
    float k[];
};
layout(std430, binding = 3) readonly buffer V {
    float v[];
};
layout(std430, binding = 4) readonly buffer Angles {
    float angles[];
};
layout(std430, binding = 5) readonly buffer Positions {
    int positions[];
};
layout(std430, binding = 6) readonly buffer Sequences {
    int sequences[];
};
layout(std430, binding = 7) readonly buffer Table {
    int table[];
};
layout(std430, binding = 8) writeonly buffer QOut {
    float q_out[];
};
layout(std430, binding = 9) writeonly buffer KOut {
    float k_out[];
};
layout(std430, binding = 10) writeonly buffer KCache {
    uint k_cache[];
};
layout(std430, binding = 11) writeonly buffer VCache {
    uint v_cache[];
};
layout(push_constant) uniform Push {
    Rows rows;
    View q;
    View k;
    View v;
    View q_out;
    View k_out;
    uint heads; // of q; of the caches in kv_heads
    uint kv_heads;
    uint angles; // the rotary table's offset, stride and rows
    uint angle_stride;
    uint angle_rows;
    uint positions; // offsets, and the rest of Blocks
    uint sequences;
    uint sequence_count;
    uint table;
    uint width;
    uint k_cache;
    uint v_cache;
    uint count; // blocks in the pool
}
push;

const uint FOURS = HEAD_DIM / 4u;
// The second two of an invocation's four elements come this much after the first two.
const uint APART = INTERLEAVED != 0u ? 2u : HEAD_DIM / 2u;

// The first element of four |i|.
uint first_of(uint i) {
    return INTERLEAVED != 0u ? 4u * i : 2u * i;
}

vec2 turned(float a, float b, uint at, uint pair) {
    float c = angles[at + pair];
    float s = angles[at + HEAD_DIM / 2u + pair];
    precise float ac = a * c;
    precise float bs = b * s;
    precise float bc = b * c;
    precise float sa = a * s;
    precise float ya = ac - bs;
    precise float yb = bc + sa;
    return vec2(t_flush(ya), t_flush(yb));
}

// Elements first, first + 1, first + APART, first + APART + 1, rotated.
vec4 rotated(vec4 x, uint at, uint i) {
    if (INTERLEAVED != 0u) {
        return vec4(turned(x.x, x.y, at, 2u * i), turned(x.z, x.w, at, 2u * i + 1u));
    }
    vec2 one = turned(x.x, x.z, at, 2u * i);
    vec2 two = turned(x.y, x.w, at, 2u * i + 1u);
    return vec4(one.x, two.x, one.y, two.y);
}

uint pair_word(float low, float high) {
    return t_f16_from_f32(low) | t_f16_from_f32(high) << 16;
}

// Where element |d| of a row's head in a cache lies.
uint place_of(uint cache, uint block, uint head, uint position, uint d) {
    uint row = (block * push.kv_heads + head) * 64u + (position & 63u);
    return cache + (CACHE == F16 ? (row * HEAD_DIM + d) >> 1 : row * HEAD_DIM + d);
}

void store_key(uint to, vec4 y) {
    if (CACHE == F16) {
        k_cache[to] = pair_word(y.x, y.y);
        k_cache[to + APART / 2u] = pair_word(y.z, y.w);
    } else {
        k_cache[to] = floatBitsToUint(y.x);
        k_cache[to + 1u] = floatBitsToUint(y.y);
        k_cache[to + APART] = floatBitsToUint(y.z);
        k_cache[to + APART + 1u] = floatBitsToUint(y.w);
    }
}

void store_value(uint to, uint from) {
    if (CACHE == F16) {
        v_cache[to] = pair_word(v[from], v[from + 1u]);
        v_cache[to + 1u] = pair_word(v[from + 2u], v[from + 3u]);
    } else {
        for (uint j = 0u; j < 4u; j++) {
            v_cache[to + j] = floatBitsToUint(v[from + j]);
        }
    }
}

void rotate_query(uint row, uint head, uint i, uint at) {
    uint d = head * HEAD_DIM + first_of(i);
    uint from = push.q.offset + row * push.q.stride + d;
    uint to = push.q_out.offset + row * push.q_out.stride + d;
    vec4 y = rotated(vec4(q[from], q[from + 1u], q[from + APART], q[from + APART + 1u]), at, i);
    q_out[to] = y.x;
    q_out[to + 1u] = y.y;
    q_out[to + APART] = y.z;
    q_out[to + APART + 1u] = y.w;
}

vec4 rotate_key(uint row, uint head, uint i, uint at) {
    uint d = head * HEAD_DIM + first_of(i);
    uint from = push.k.offset + row * push.k.stride + d;
    uint to = push.k_out.offset + row * push.k_out.stride + d;
    vec4 y = rotated(vec4(k[from], k[from + 1u], k[from + APART], k[from + APART + 1u]), at, i);
    k_out[to] = y.x;
    k_out[to + 1u] = y.y;
    k_out[to + APART] = y.z;
    k_out[to + APART + 1u] = y.w;
    return y;
}

void append_row(uint row, uint i) {
    int place = positions[push.positions + row];
    uint at = push.angles + clamp_index(place, push.angle_rows) * push.angle_stride;
    if (i < push.heads * FOURS) {
        rotate_query(row, i / FOURS, i % FOURS, at);
        return;
    }
    i -= push.heads * FOURS;
    uint position = clamp_index(place, push.width * 64u);
    uint sequence = clamp_index(sequences[push.sequences + row], push.sequence_count);
    uint block =
        clamp_index(table[push.table + sequence * push.width + (position >> 6)], push.count);
    if (i < push.kv_heads * FOURS) {
        uint head = i / FOURS;
        vec4 y = rotate_key(row, head, i % FOURS, at);
        store_key(place_of(push.k_cache, block, head, position, first_of(i % FOURS)), y);
        return;
    }
    i -= push.kv_heads * FOURS;
    uint from = push.v.offset + row * push.v.stride + 4u * i;
    store_value(place_of(push.v_cache, block, i / FOURS, position, 4u * (i % FOURS)), from);
}

void main() {
    uint live = live_rows(push.rows);
    uint fours = (push.heads + 2u * push.kv_heads) * FOURS;
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        for (uint i = gl_GlobalInvocationID.x; i < fours; i += 64u * gl_NumWorkGroups.x) {
            append_row(row, i);
        }
    }
}
