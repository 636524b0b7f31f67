#version 450
#extension GL_GOOGLE_include_directive : require
// Stores keys and values of new positions in the cache's blocks of 64. An invocation writes one
// word of each: one float, or two float16; the half after an odd head's end is left as it is.
//
// bindings        0 params, 1 k, 2 v, 3 k_cache (words), 4 v_cache (words), 5 positions,
//                 6 sequences, 7 table
// push constants  Push (struct tern_vk_push_kv_append); strides of caches in words
// specialisation  0 dtype of the cache
// workgroup       64 words; x words of all heads, y rows
#include "shaders/vulkan/include/cache.glsl"
#include "shaders/vulkan/include/dtype.glsl"
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint CACHE = F16;

layout(std430, binding = 1) readonly buffer K {
    float k[];
};
layout(std430, binding = 2) readonly buffer V {
    float v[];
};
layout(std430, binding = 3) buffer KCache {
    uint k_cache[];
};
layout(std430, binding = 4) buffer VCache {
    uint v_cache[];
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
layout(push_constant) uniform Push {
    Rows rows;
    uint heads;
    uint head_dim;
    View k;
    View v;
    Cache k_cache;
    Cache v_cache;
    Blocks blocks;
}
push;

// The word for elements |d| and, in half precision, |d| + 1; |old| is what lies there.
uint k_word(uint from, uint d, uint old) {
    if (CACHE == F32) {
        return floatBitsToUint(k[from + d]);
    }
    uint high = d + 1u < push.head_dim ? t_f16_from_f32(k[from + d + 1u]) << 16 : old & 0xffff0000u;
    return t_f16_from_f32(k[from + d]) | high;
}

uint v_word(uint from, uint d, uint old) {
    if (CACHE == F32) {
        return floatBitsToUint(v[from + d]);
    }
    uint high = d + 1u < push.head_dim ? t_f16_from_f32(v[from + d + 1u]) << 16 : old & 0xffff0000u;
    return t_f16_from_f32(v[from + d]) | high;
}

void main() {
    uint per_word = CACHE == F16 ? 2u : 1u;
    uint words = (push.head_dim + per_word - 1u) / per_word;
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        uint position =
            clamp_index(positions[push.blocks.positions + row], push.blocks.width * 64u);
        uint sequence =
            clamp_index(sequences[push.blocks.sequences + row], push.blocks.sequence_count);
        uint block =
            clamp_index(table[table_word(push.blocks, sequence, position >> 6)], push.blocks.count);
        for (uint i = gl_GlobalInvocationID.x; i < push.heads * words;
             i += 64u * gl_NumWorkGroups.x) {
            uint head = i / words;
            uint word = i % words;
            uint from = row * push.k.stride + head * push.head_dim;
            uint to = cache_word(push.k_cache, block, head, position & 63u) + word;
            k_cache[to] = k_word(push.k.offset + from, per_word * word, k_cache[to]);
            from = row * push.v.stride + head * push.head_dim;
            to = cache_word(push.v_cache, block, head, position & 63u) + word;
            v_cache[to] = v_word(push.v.offset + from, per_word * word, v_cache[to]);
        }
    }
}
