// Where positions of a sequence lie in a cache.
#ifndef TERN_BACKENDS_REFERENCE_OPS_KV_H_
#define TERN_BACKENDS_REFERENCE_OPS_KV_H_

#include "backends/common/sizes.h"
#include "backends/reference/ops/ops.h"

// The position of a row, within what its block table can hold.
static inline uint32_t tern_ref_kv_position(const tern_tensor *table, int32_t position) {
    uint64_t places = (uint64_t)table->shape[1] * TERN_KV_BLOCK;
    return tern_ref_clamp(position, places < UINT32_MAX ? (uint32_t)places : UINT32_MAX);
}

// Elements of a key or value; an int8 row ends with its scale.
static inline uint32_t tern_ref_kv_head_dim(const tern_tensor *cache) {
    return cache->dtype == TERN_DTYPE_I8 ? cache->shape[3] - 4 : cache->shape[3];
}

// Row [block, head, place] of |cache| for a position of a sequence.
static inline void *tern_ref_kv_row(const tern_tensor *cache, const int32_t *blocks, uint32_t head,
                                    uint32_t position) {
    size_t block = tern_ref_clamp(blocks[position / TERN_KV_BLOCK], cache->shape[0]);
    size_t at = block * cache->strides[0] + (size_t)head * cache->strides[1] +
                (size_t)(position % TERN_KV_BLOCK) * cache->strides[2];
    return tern_op_buffer(cache)->data + cache->offset + at * tern_element_bytes(cache->dtype);
}

// The block table of the sequence of a row.
static inline const int32_t *tern_ref_kv_blocks(const tern_tensor *table, int32_t sequence) {
    return tern_ref_row(table, tern_ref_clamp(sequence, table->shape[0]), sizeof(int32_t));
}

#endif
