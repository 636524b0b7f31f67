// Stores the rows of x, keys or values of new positions, in their places of the cache.
//
// Work-groups of 64 x 1: columns, rows.
#include "shaders/opencl/include/cache.clh"

GROUP_KERNEL void kv_append(ROWS, MATRIX(const float, x), VECTOR(CACHE_TYPE, cache), uint blocks,
                            uint cache_block, uint cache_head, uint cache_position,
                            VECTOR(const int, positions), VECTOR(const int, sequences),
                            MATRIX(const int, table), uint table_rows, uint table_cols, uint cols,
                            uint head_dim) {
    uint k = get_global_id(0);
    uint r = get_global_id(1);
    if (r >= LIVE_ROWS || k >= cols) {
        return;
    }
    uint position = clamp_index(AT(positions, r), table_cols * KV_BLOCK);
    uint sequence = clamp_index(AT(sequences, r), table_rows);
    uint block = clamp_index(ROW(table, sequence)[position / KV_BLOCK], blocks);
    global CACHE_TYPE *to = CACHE_ROW(cache, block, k / head_dim, position % KV_BLOCK);
    to[k % head_dim] = CACHE_STORE(ROW(x, r)[k]);
}
