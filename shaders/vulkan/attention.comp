#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// Causal attention of one query head of one row, as tern_attention_desc says: first the scores t of
// all positions and their maximum, then block by block the probabilities and the weighted sum of
// values. Scores of the first KEPT positions, counted from where the window's first block begins,
// stay in shared memory, later ones are computed again.
//
// bindings        0 params, 1 q, 2 k_cache (words), 3 v_cache (words), 4 positions, 5 sequences,
//                 6 table, 7 out
// push constants  Push (struct tern_vk_push_attention); strides of caches in words
// specialisation  0 head_dim, 1 dtype of the cache
// workgroup       64 invocations, one per position of a block, then one per element of a head;
//                 x heads, y rows
#include "shaders/common/divide.h"
#include "shaders/common/exp.h"
#include "shaders/vulkan/include/cache.glsl"
#include "shaders/vulkan/include/dtype.glsl"
#include "shaders/vulkan/include/reduce.glsl"
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint HEAD_DIM = 64u;
layout(constant_id = 1) const uint CACHE = F16;

layout(std430, binding = 1) readonly buffer Q {
    float q[];
};
layout(std430, binding = 2) readonly buffer KCache {
    uint k_cache[];
};
layout(std430, binding = 3) readonly buffer VCache {
    uint v_cache[];
};
layout(std430, binding = 4) readonly buffer Positions {
    int positions[];
};
layout(std430, binding = 5) readonly buffer Sequences {
    int sequences[];
};
layout(std430, binding = 6) readonly buffer Table {
    int table[];
};
layout(std430, binding = 7) writeonly buffer Result {
    float result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint group; // query heads per key head
    float scale;
    uint window; // 0: none
    View q;
    Cache k_cache;
    Cache v_cache;
    Blocks blocks;
    View result;
}
push;

const uint KEPT = 2048u;
const uint UNROLLED = 4u;
#define LEAST uintBitsToFloat(0xff7fffffu)
const uint SLICES = (HEAD_DIM + 63u) / 64u; // elements of a head per invocation

shared float kept[KEPT];
shared float query[HEAD_DIM];
shared float block_scores[64];
shared float block_weights[64];
shared float block_max;

float rounded(float value) {
    return CACHE == F16 ? t_round_f16(value) : value;
}

// sum_d(q[d] * k[d]) by rule 4, one invocation alone.
float key_dot(uint base) {
    float part[64];
    precise float total = 0.0;
    for (uint block = 0u; block < HEAD_DIM; block += 1024u) {
        for (uint l = 0u; l < 64u; l += UNROLLED) {
            [[unroll]] for (uint u = 0u; u < UNROLLED; u++) {
                part[l + u] = 0.0;
            }
        }
        uint end = min(block + 1024u, HEAD_DIM);
        for (uint first = block; first < end; first += UNROLLED) {
            [[unroll]] for (uint u = 0u; u < UNROLLED; u++) {
                uint d = first + u;
                if (HEAD_DIM % UNROLLED == 0u || d < end) {
                    float k = element_of(CACHE, k_cache[base + word_of(CACHE, d)], d);
                    precise float product = query[d] * k;
                    product = part[d & 63u] + product;
                    part[d & 63u] = product;
                }
            }
        }
        for (uint k = 32u; k > 0u; k >>= 1) {
            for (uint l = 0u; l < k; l += UNROLLED) {
                [[unroll]] for (uint u = 0u; u < UNROLLED; u++) {
                    if (l + u < k) {
                        precise float s = part[l + u] + part[l + u + k];
                        part[l + u] = s;
                    }
                }
            }
        }
        total = total + part[0];
    }
    return total;
}

uint block_at(uint sequence, uint index) {
    return clamp_index(table[table_word(push.blocks, sequence, index)], push.blocks.count);
}

float score(uint sequence, uint index, uint head) {
    uint lane = gl_LocalInvocationID.x;
    precise float t =
        key_dot(cache_word(push.k_cache, block_at(sequence, index), head, lane)) * push.scale;
    return t;
}

// Scores of the positions from |first| to |position|; returns their maximum.
float score_max(uint sequence, uint first, uint position, uint head) {
    uint lane = gl_LocalInvocationID.x;
    uint start = first & ~63u;
    float most = LEAST;
    for (uint j = lane < (first & 63u) ? start + 64u + lane : start + lane; j <= position;
         j += 64u) {
        float t = score(sequence, j >> 6, head);
        if (j - start < KEPT) {
            kept[j - start] = t;
        }
        most = max(most, t);
    }
    return reduce_max(most);
}

// Places |low| to |end| - 1 of block |index|; its scores are kept from |place| on.
struct Part {
    uint index;
    uint place;
    uint low;
    uint end;
};

// Fills block_weights with the probabilities of a block's positions; returns its maximum.
float weigh_block(uint sequence, Part part, uint head) {
    uint lane = gl_LocalInvocationID.x;
    uint j = part.place + lane;
    float t = LEAST;
    if (lane >= part.low && lane < part.end) {
        t = j < KEPT ? kept[j] : score(sequence, part.index, head);
    }
    block_scores[lane] = t;
    barrier();
    if (lane == 0u) {
        float most = t;
        for (uint first = 0u; first < 64u; first += UNROLLED) {
            [[unroll]] for (uint u = 0u; u < UNROLLED; u++) {
                most = max(most, block_scores[first + u]);
            }
        }
        block_max = most;
    }
    barrier();
    float most = block_max;
    precise float below = t - most;
    block_weights[lane] = t == LEAST ? 0.0 : rounded(t_exp(below));
    barrier();
    return most;
}

// p_0 * v_0[d] + p_1 * v_1[d] + ...
float value_sum(uint base, Part part, uint d) {
    precise float sum = 0.0;
    for (uint first = part.low; first < part.end; first += UNROLLED) {
        [[unroll]] for (uint l = 0u; l < UNROLLED; l++) {
            uint j = first + l;
            if (j < part.end) {
                uint word = v_cache[base + j * push.v_cache.place_stride + word_of(CACHE, d)];
                precise float product = block_weights[j] * element_of(CACHE, word, d);
                sum = sum + product;
            }
        }
    }
    return t_flush(sum);
}

float weight_sum(Part part) {
    precise float sum = 0.0;
    for (uint first = part.low; first < part.end; first += UNROLLED) {
        [[unroll]] for (uint l = 0u; l < UNROLLED; l++) {
            if (first + l < part.end) {
                sum = sum + block_weights[first + l];
            }
        }
    }
    return sum;
}

// The part of block |index| that lies in |first| to |position|.
Part part_of(uint index, uint first, uint position) {
    uint low = index == first >> 6 ? first & 63u : 0u;
    return Part(index, 64u * (index - (first >> 6)), low, min(position + 1u - 64u * index, 64u));
}

void attend(uint row, uint head) {
    uint lane = gl_LocalInvocationID.x;
    uint position = clamp_index(positions[push.blocks.positions + row], push.blocks.width * 64u);
    uint sequence = clamp_index(sequences[push.blocks.sequences + row], push.blocks.sequence_count);
    uint first = push.window != 0u && push.window <= position ? position - push.window + 1u : 0u;
    uint key_head = head / push.group;
    float most = score_max(sequence, first, position, key_head);
    float sums[SLICES];
    for (uint i = 0u; i < SLICES; i++) {
        sums[i] = 0.0;
    }
    precise float total = 0.0;
    for (uint index = first >> 6; 64u * index <= position; index++) {
        Part part = part_of(index, first, position);
        precise float below = weigh_block(sequence, part, key_head) - most;
        float factor = t_exp(below);
        precise float weight = weight_sum(part) * factor;
        total = total + weight;
        uint base = cache_word(push.v_cache, block_at(sequence, index), key_head, 0u);
        for (uint i = 0u; i < SLICES; i++) {
            if (64u * i + lane < HEAD_DIM) {
                precise float value = value_sum(base, part, 64u * i + lane) * factor;
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
    uint head = gl_WorkGroupID.x;
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        barrier();
        for (uint d = gl_LocalInvocationID.x; d < HEAD_DIM; d += 64u) {
            query[d] = rounded(q[push.q.offset + row * push.q.stride + head * HEAD_DIM + d]);
        }
        barrier();
        attend(row, head);
    }
}
