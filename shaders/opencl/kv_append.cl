// Stores the rows of k and v, of new positions, in their places of the caches.
//
// Work-groups of 64 x 1 x 1: elements of a head, heads, rows; of an int8 cache: a row, heads of k
// and then of v.
#include "shaders/opencl/include/cache.clh"

#ifdef CACHE_I8

#include "shaders/opencl/include/quantize.clh"

GROUP_KERNEL void kv_append(ROWS, MATRIX(const float, k), MATRIX(const float, v),
                            CACHE(char, keys), CACHE(char, values), uint blocks,
                            VECTOR(const int, positions), VECTOR(const int, sequences),
                            MATRIX(const int, table), uint table_rows, uint table_cols,
                            uint head_dim) {
    local float part[ITEMS];
    FOR_LIVE_ROWS(r) {
        uint heads = get_num_groups(0) / 2u;
        uint head = get_group_id(0) % heads;
        bool of_k = get_group_id(0) < heads;
        uint position = clamp_index(AT(positions, r), table_cols * KV_BLOCK);
        uint sequence = clamp_index(AT(sequences, r), table_rows);
        uint block = clamp_index(ROW(table, sequence)[position / KV_BLOCK], blocks);
        row_source from = {(of_k ? ROW(k, r) : ROW(v, r)) + head * head_dim, 0, NORM_NONE, 0.0f,
                           head_dim};
        global char *to = of_k ? CACHE_ROW(keys, block, head, position % KV_BLOCK)
                               : CACHE_ROW(values, block, head, position % KV_BLOCK);
        float scale = quantize_row(part, &from, (global int *)to);
        if (get_local_id(0) == 0) {
            *(global float *)(to + head_dim) = scale;
        }
    }
}

#else

GROUP_KERNEL void kv_append(ROWS, MATRIX(const float, k), MATRIX(const float, v),
                            CACHE(CACHE_TYPE, keys), CACHE(CACHE_TYPE, values), uint blocks,
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
    uint from = head * head_dim + d;
    CACHE_ROW(keys, block, head, position % KV_BLOCK)[d] = CACHE_STORE(ROW(k, r)[from]);
    CACHE_ROW(values, block, head, position % KV_BLOCK)[d] = CACHE_STORE(ROW(v, r)[from]);
}

#endif
