#version 450
#extension GL_GOOGLE_include_directive : require
// Stores keys and values of new positions in the blocks of an int8 cache, as quantize_act.comp
// makes int8 of a row: four elements a word, and behind them the row's scale.
//
// bindings        0 params, 1 k, 2 v, 3 k_cache (words), 4 v_cache (words), 5 positions,
//                 6 sequences, 7 table
// push constants  Push (struct tern_vk_push_kv_append); strides of caches in words
// workgroup       64 invocations per head of k or v; x heads of k, then of v; y rows
#include "shaders/common/divide.h"
#include "shaders/vulkan/include/cache.glsl"
#include "shaders/vulkan/include/reduce.glsl"
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;

layout(std430, binding = 1) readonly buffer K {
    float k[];
};
layout(std430, binding = 2) readonly buffer V {
    float v[];
};
layout(std430, binding = 3) writeonly buffer KCache {
    uint k_cache[];
};
layout(std430, binding = 4) writeonly buffer VCache {
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

float element(bool of_k, uint at) {
    return of_k ? k[at] : v[at];
}

void store(bool of_k, uint at, uint word) {
    if (of_k) {
        k_cache[at] = word;
    } else {
        v_cache[at] = word;
    }
}

uint quantize(float value, float factor) {
    precise float scaled = value * factor;
    return uint(int(clamp(t_rint(scaled), -128.0, 127.0))) & 255u;
}

void append_head(bool of_k, uint from, uint to) {
    uint lane = gl_LocalInvocationID.x;
    float most = 1e-5;
    for (uint d = lane; d < push.head_dim; d += 64u) {
        most = max(most, abs(element(of_k, from + d)));
    }
    most = reduce_max(most);
    float factor = t_divide(127.0, most);
    uint words = push.head_dim / 4u;
    for (uint w = lane; w < words; w += 64u) {
        uint word = 0u;
        for (uint j = 0u; j < 4u; j++) {
            word |= quantize(element(of_k, from + 4u * w + j), factor) << (8u * j);
        }
        store(of_k, to + w, word);
    }
    if (lane == 0u) {
        store(of_k, to + words, floatBitsToUint(t_divide(most, 127.0)));
    }
}

void append_row(uint row, uint index) {
    uint position = clamp_index(positions[push.blocks.positions + row], push.blocks.width * 64u);
    uint sequence = clamp_index(sequences[push.blocks.sequences + row], push.blocks.sequence_count);
    uint block =
        clamp_index(table[table_word(push.blocks, sequence, position >> 6)], push.blocks.count);
    uint head = index % push.heads;
    uint from = row * (index < push.heads ? push.k.stride : push.v.stride) + head * push.head_dim;
    if (index < push.heads) {
        append_head(true, push.k.offset + from,
                    cache_word(push.k_cache, block, head, position & 63u));
    } else {
        append_head(false, push.v.offset + from,
                    cache_word(push.v_cache, block, head, position & 63u));
    }
}

void main() {
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        for (uint i = gl_WorkGroupID.x; i < 2u * push.heads; i += gl_NumWorkGroups.x) {
            append_row(row, i);
        }
    }
}
