// Causal attention with grouped heads, in two launches: every block of 64 positions for itself,
// then the blocks of each head joined. In between lie, in |parts|, for each row of a chunk that
// starts at |first|, each head and each block: m, l, o[0] to o[head_dim - 1] of tern/ops.h. A head
// of q is rounded on its way to local memory.
//
// Work-groups of 64 x 1 x 1: blocks in strides of their number (attention_join: 1), heads, rows of
// the chunk.
#include "shaders/common/divide.h"
#include "shaders/common/exp.h"
#define DOT_SPACE local
#include "shaders/opencl/include/cache.clh"
#include "shaders/opencl/include/dot.clh"
#include "shaders/opencl/include/reduce.clh"

// The first position that a row at |position| attends to.
static uint oldest_of(uint position, uint window) {
    return window && window <= position ? position - window + 1u : 0u;
}

// Place of a block's results.
static ulong part_at(uint row, uint head, uint heads, uint block, uint blocks, uint head_dim) {
    return (((ulong)row * heads + head) * blocks + block) * (head_dim + 2u);
}

GROUP_KERNEL void attention_blocks(ROWS, uint first, MATRIX(const float, q),
                                   CACHE(const CACHE_TYPE, keys), CACHE(const CACHE_TYPE, values),
                                   uint blocks, VECTOR(const int, positions),
                                   VECTOR(const int, sequences), MATRIX(const int, table),
                                   uint table_rows, uint table_cols, uint heads_per_key,
                                   uint head_dim, float scale, uint window,
                                   MATRIX(float, parts), local float *query) {
    local float part[GROUP];
    local float weights[GROUP];
#ifdef CACHE_I8
    local float value_weights[GROUP];
#else
    local float *value_weights = weights;
#endif
    uint l = get_local_id(0);
    uint head = get_group_id(1);
    uint r = first + get_group_id(2);
    uint position = clamp_index(AT(positions, r), table_cols * KV_BLOCK);
    uint sequence = clamp_index(AT(sequences, r), table_rows);
    uint key_head = head / heads_per_key;
    uint oldest = oldest_of(position, window);
    uint start = oldest / KV_BLOCK + get_group_id(0);
    uint end = r < LIVE_ROWS ? position / KV_BLOCK + 1u : 0u;
    for (uint d = start < end ? l : head_dim; d < head_dim; d += GROUP) {
        query[d] = ROUND_QUERY(ROW(q, r)[head * head_dim + d]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint b = start; b < end; b += get_num_groups(0)) {
        uint block = clamp_index(ROW(table, sequence)[b], blocks);
        uint low = b == oldest / KV_BLOCK ? oldest % KV_BLOCK : 0u;
        uint count = min(position - b * KV_BLOCK + 1u, KV_BLOCK);
        float t = -FLT_MAX;
        if (l >= low && l < count) {
            t = dot_product(query, CACHE_ROW(keys, block, key_head, l), head_dim);
#ifdef CACHE_I8
            t = t * CACHE_SCALE(CACHE_ROW(keys, block, key_head, l), head_dim);
#endif
            t = t * scale;
        }
        float m = tree_max(part, t);
        float p = 0.0f;
        if (l >= low && l < count) {
            float below = t - m;
            p = ROUND_PROBABILITY(t_exp(below));
#ifdef CACHE_I8
            float w = p * CACHE_SCALE(CACHE_ROW(values, block, key_head, l), head_dim);
            value_weights[l] = t_round_16(w);
#endif
        }
        weights[l] = p;
        barrier(CLK_LOCAL_MEM_FENCE);

        global float *to =
            parts + parts_at + part_at(r - first, head, get_num_groups(1), b, table_cols, head_dim);
        if (l == 0) {
            float sum = 0.0f;
            for (uint j = low; j < count; j++) {
                sum = sum + weights[j];
            }
            to[0] = m;
            to[1] = sum;
        }
        for (uint d = l; d < head_dim; d += GROUP) {
            global const CACHE_TYPE *v = CACHE_ROW(values, block, key_head, 0) + d;
            float sum = 0.0f;
            for (uint j = low; j < count; j++) {
                float product = value_weights[j] * CACHE_LOAD(v[(ulong)j * values_position]);
                sum = sum + product;
            }
            to[2u + d] = t_flush(sum);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

GROUP_KERNEL void attention_join(ROWS, uint first, VECTOR(const int, positions), uint table_cols,
                                 uint head_dim, uint window, MATRIX(float, parts),
                                 MATRIX(float, out)) {
    local float part[GROUP];
    uint l = get_local_id(0);
    uint head = get_group_id(1);
    uint r = first + get_group_id(2);
    // A row that is not live has no blocks.
    uint position = clamp_index(AT(positions, r), table_cols * KV_BLOCK);
    uint start = oldest_of(position, window) / KV_BLOCK;
    uint end = r < LIVE_ROWS ? position / KV_BLOCK + 1u : start;
    ulong pitch = head_dim + 2u;
    global float *from =
        parts + parts_at + part_at(r - first, head, get_num_groups(1), 0, table_cols, head_dim);
    float m = -FLT_MAX;
    for (uint b = start + l; b < end; b += GROUP) {
        float other = from[b * pitch];
        m = other > m ? other : m;
    }
    m = tree_max(part, m);
    // Each block's factor takes the place of its maximum.
    for (uint b = start + l; b < end; b += GROUP) {
        float below = from[b * pitch] - m;
        from[b * pitch] = t_exp(below);
    }
    barrier(CLK_GLOBAL_MEM_FENCE);

    float all = 0.0f;
    for (uint b = start; b < end; b++) {
        float product = from[b * pitch + 1u] * from[b * pitch];
        all = all + product;
    }
    float inverse = t_divide(1.0f, start < end ? all : 1.0f);
    for (uint d = l; d < head_dim && start < end; d += GROUP) {
        float sum = 0.0f;
        for (uint b = start; b < end; b++) {
            float product = from[b * pitch + 2u + d] * from[b * pitch];
            sum = sum + product;
        }
        float y = sum * inverse;
        ROW(out, r)[head * head_dim + d] = t_flush(y);
    }
}
