// Two rotations, of q and of k, and the storing of the rotated k and of v in the caches, each as
// its own kernel does it: rotary.cl, kv_append.cl.
//
// Work-groups of 64 x 1 x 1: pairs and then single elements of a head; heads of q, k and v; rows.
#include "shaders/opencl/include/cache.clh"
#include "shaders/opencl/include/rotary.clh"

GROUP_KERNEL void rotary_append(ROWS, MATRIX(const float, q), MATRIX(float, q_out),
                                MATRIX(const float, k), MATRIX(float, k_out),
                                MATRIX(const float, v), CACHE(CACHE_TYPE, keys),
                                CACHE(CACHE_TYPE, values), uint blocks,
                                VECTOR(const int, positions), VECTOR(const int, sequences),
                                MATRIX(const int, table), uint table_rows, uint table_cols,
                                MATRIX(const float, angles), uint angle_rows, uint heads,
                                uint kv_heads, uint head_dim, uint dims, uint interleaved) {
    uint i = get_global_id(0);
    uint head = get_global_id(1);
    uint r = get_global_id(2);
    if (r >= LIVE_ROWS || i >= head_dim - dims / 2u) {
        return;
    }
    rotary_place at = rotary_place_of(i, dims, interleaved);
    global const float *angle = ROW(angles, clamp_index(AT(positions, r), angle_rows));
    if (head < heads) {
        float2 x = rotary_load(ROW(q, r) + head * head_dim, at);
        rotary_store(ROW(q_out, r) + head * head_dim, at, rotate(x, at, angle, dims));
        return;
    }
    uint position = clamp_index(AT(positions, r), table_cols * KV_BLOCK);
    uint sequence = clamp_index(AT(sequences, r), table_rows);
    uint block = clamp_index(ROW(table, sequence)[position / KV_BLOCK], blocks);
    head -= heads;
    float2 x;
    global CACHE_TYPE *to;
    if (head < kv_heads) {
        x = rotate(rotary_load(ROW(k, r) + head * head_dim, at), at, angle, dims);
        rotary_store(ROW(k_out, r) + head * head_dim, at, x);
        to = CACHE_ROW(keys, block, head, position % KV_BLOCK);
    } else {
        head -= kv_heads;
        x = rotary_load(ROW(v, r) + head * head_dim, at);
        to = CACHE_ROW(values, block, head, position % KV_BLOCK);
    }
    to[at.first] = CACHE_STORE(x.x);
    if (at.pair) {
        to[at.second] = CACHE_STORE(x.y);
    }
}
