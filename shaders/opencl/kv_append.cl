// Stores the rows of x, keys or values of new positions, in their places of the cache.
//
// Work-groups of 64 x 1 x 1: elements of a head, heads, rows.
#include "shaders/opencl/include/cache.clh"

GROUP_KERNEL void kv_append(ROWS, MATRIX(const float, x), VECTOR(CACHE_TYPE, cache), uint blocks,
                            uint cache_block, uint cache_head, uint cache_position,
                            VECTOR(const int, positions), VECTOR(const int, sequences),
                            MATRIX(const int, table), uint table_rows, uint table_cols,
                            uint head_dim) {
    uint d = get_global_id(0);
    uint head = get_global_id(1);
    uint r = get_global_id(2);
    if (r >= LIVE_ROWS || d >= head_dim) {
        return;
    }
    uint position = clamp_index(AT(positions, r), table_cols * KV_BLOCK);
    uint sequence = clamp_index(AT(sequences, r), table_rows);
    uint block = clamp_index(ROW(table, sequence)[position / KV_BLOCK], blocks);
    global CACHE_TYPE *to = CACHE_ROW(cache, block, head, position % KV_BLOCK);
    to[d] = CACHE_STORE(ROW(x, r)[head * head_dim + d]);
}
