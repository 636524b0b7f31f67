#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// Causal attention of one query head of one row, as tern_attention_desc says: first the scores t of
// all positions and their maximum, then block by block the probabilities and the weighted sum of
// values. Scores of the first KEPT positions, counted from where the window's first block begins,
// stay in shared memory, later ones are computed again.
//
// BY_BLOCKS: every block for itself, in a workgroup of its own as long as there are enough of them,
// for attention_join.comp to join: what a row's blocks leave lies block after block, head after
// head, as that file says.
//
// bindings        0 params, 1 q, 2 k_cache (words), 3 v_cache (words), 4 positions, 5 sequences,
//                 6 table, 7 out (BY_BLOCKS: the parts to join)
// push constants  Push (struct tern_vk_push_attention); strides of caches in words
// specialisation  0 head_dim, 1 dtype of the cache; BY_BLOCKS: 2 GROUPS of a head, 3 PARTS: the
//                 most blocks that a row has
// workgroup       64 invocations, one per position of a block, then one per element of a head;
//                 x heads (BY_BLOCKS: times GROUPS), y rows
#include "shaders/common/divide.h"
#include "shaders/common/exp.h"
#include "shaders/vulkan/include/cache.glsl"
#include "shaders/vulkan/include/dtype.glsl"
#include "shaders/vulkan/include/reduce.glsl"
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint HEAD_DIM = 64u;
layout(constant_id = 1) const uint CACHE = F16;
layout(constant_id = 2) const uint GROUPS = 1u;
layout(constant_id = 3) const uint PARTS = 1u;

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

#ifndef BY_BLOCKS
const uint KEPT = 2048u;
#endif
const uint UNROLLED = 4u;
#define LEAST uintBitsToFloat(0xff7fffffu)
const uint SLICES = (HEAD_DIM + 63u) / 64u; // elements of a head per invocation

#ifndef BY_BLOCKS
shared float kept[KEPT];
#endif
shared float query[HEAD_DIM];
shared float block_scores[64];
shared float block_weights[64];
shared float value_weights[64]; // of an int8 cache; those of others are the block's
shared float block_max;

float rounded_query(float value) {
    return CACHE == F16 ? t_round_f16(value) : CACHE == I8 ? t_round_16(value) : value;
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
    uint base = cache_word(push.k_cache, block_at(sequence, index), head, lane);
    precise float t = key_dot(base);
    if (CACHE == I8) {
        t = t * uintBitsToFloat(k_cache[base + HEAD_DIM / 4u]);
    }
    t = t * push.scale;
    return t;
}

// Places |low| to |end| - 1 of block |index|; its scores are kept from |place| on.
struct Part {
    uint index;
    uint place;
    uint low;
    uint end;
};

float stored_score(uint sequence, Part part, uint head, uint j) {
#ifndef BY_BLOCKS
    if (j < KEPT) {
        return kept[j];
    }
#endif
    return score(sequence, part.index, head);
}

// Probability |p| of a block's position as its value is weighed with it.
float value_weight(uint sequence, uint index, uint head, float p) {
    uint lane = gl_LocalInvocationID.x;
    uint base = cache_word(push.v_cache, block_at(sequence, index), head, lane);
    precise float w = p * uintBitsToFloat(v_cache[base + HEAD_DIM / 4u]);
    return t_round_16(w);
}

// Fills block_weights with the probabilities of a block's positions; returns its maximum.
float weigh_block(uint sequence, Part part, uint head) {
    uint lane = gl_LocalInvocationID.x;
    float t = LEAST;
    if (lane >= part.low && lane < part.end) {
        t = stored_score(sequence, part, head, part.place + lane);
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
    float p = t == LEAST ? 0.0 : t_exp(below);
    block_weights[lane] = CACHE == F16 ? t_round_f16(p) : p;
    if (CACHE == I8 && t != LEAST) {
        value_weights[lane] = value_weight(sequence, part.index, head, p);
    }
    barrier();
    return most;
}

// w_0 * v_0[d] + w_1 * v_1[d] + ...
float value_sum(uint base, Part part, uint d) {
    precise float sum = 0.0;
    for (uint first = part.low; first < part.end; first += UNROLLED) {
        [[unroll]] for (uint l = 0u; l < UNROLLED; l++) {
            uint j = first + l;
            if (j < part.end) {
                uint word = v_cache[base + j * push.v_cache.place_stride + word_of(CACHE, d)];
                float weight = CACHE == I8 ? value_weights[j] : block_weights[j];
                precise float product = weight * element_of(CACHE, word, d);
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

// What a row attends to: positions |first| to |position| of |sequence|.
struct Span {
    uint sequence;
    uint first;
    uint position;
};

Span span_of(uint row) {
    uint position = clamp_index(positions[push.blocks.positions + row], push.blocks.width * 64u);
    uint sequence = clamp_index(sequences[push.blocks.sequences + row], push.blocks.sequence_count);
    uint first = push.window != 0u && push.window <= position ? position - push.window + 1u : 0u;
    return Span(sequence, first, position);
}

#ifdef BY_BLOCKS

// Maximum, sum of the probabilities and weighted values of one block, to word |to|.
void attend_block(Span span, Part part, uint key_head, uint to) {
    uint lane = gl_LocalInvocationID.x;
    float most = weigh_block(span.sequence, part, key_head);
    if (lane == 0u) {
        result[to] = most;
        result[to + 1u] = weight_sum(part);
    }
    uint block = block_at(span.sequence, part.index);
    uint base = cache_word(push.v_cache, block, key_head, 0u);
    for (uint i = 0u; i < SLICES; i++) {
        if (64u * i + lane < HEAD_DIM) {
            result[to + 2u + 64u * i + lane] = value_sum(base, part, 64u * i + lane);
        }
    }
}

void attend(uint row, uint head) {
    Span span = span_of(row);
    uint from = push.result.offset + row * push.result.stride + head * PARTS * (HEAD_DIM + 2u);
    uint start = span.first >> 6;
    for (uint index = start + gl_WorkGroupID.x % GROUPS; 64u * index <= span.position;
         index += GROUPS) {
        Part part = part_of(index, span.first, span.position);
        attend_block(span, part, head / push.group, from + (index - start) * (HEAD_DIM + 2u));
    }
}

#else

// Scores of a row's positions; returns their maximum.
float score_max(Span span, uint head) {
    uint lane = gl_LocalInvocationID.x;
    uint start = span.first & ~63u;
    float most = LEAST;
    for (uint j = lane < (span.first & 63u) ? start + 64u + lane : start + lane; j <= span.position;
         j += 64u) {
        float t = score(span.sequence, j >> 6, head);
        if (j - start < KEPT) {
            kept[j - start] = t;
        }
        most = max(most, t);
    }
    return reduce_max(most);
}

void attend(uint row, uint head) {
    uint lane = gl_LocalInvocationID.x;
    Span span = span_of(row);
    uint key_head = head / push.group;
    float most = score_max(span, key_head);
    float sums[SLICES];
    for (uint i = 0u; i < SLICES; i++) {
        sums[i] = 0.0;
    }
    precise float total = 0.0;
    for (uint index = span.first >> 6; 64u * index <= span.position; index++) {
        Part part = part_of(index, span.first, span.position);
        precise float below = weigh_block(span.sequence, part, key_head) - most;
        float factor = t_exp(below);
        precise float weight = weight_sum(part) * factor;
        total = total + weight;
        uint base = cache_word(push.v_cache, block_at(span.sequence, index), key_head, 0u);
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

#endif

void main() {
    uint live = live_rows(push.rows);
#ifdef BY_BLOCKS
    uint head = gl_WorkGroupID.x / GROUPS;
#else
    uint head = gl_WorkGroupID.x;
#endif
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        barrier();
        for (uint d = gl_LocalInvocationID.x; d < HEAD_DIM; d += 64u) {
            query[d] = rounded_query(q[push.q.offset + row * push.q.stride + head * HEAD_DIM + d]);
        }
        barrier();
        attend(row, head);
    }
}
