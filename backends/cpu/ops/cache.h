// Where the positions of a sequence lie in a pool of blocks.
#ifndef TERN_BACKENDS_CPU_OPS_CACHE_H_
#define TERN_BACKENDS_CPU_OPS_CACHE_H_

#include "backends/common/sizes.h"
#include "backends/cpu/ops/ops.h"

// Block |index| of the sequence that row |row| belongs to, as a block of the pool.
static inline uint32_t tern_cpu_cache_block(const tern_tensor *table, const tern_tensor *sequences,
                                            const tern_tensor *cache, uint32_t row,
                                            uint32_t index) {
    uint32_t sequence = tern_cpu_clamp(tern_cpu_i32(sequences)[row], table->shape[0]);
    size_t at = (size_t)sequence * table->strides[0] + index;
    return tern_cpu_clamp(tern_cpu_i32(table)[at], cache->shape[0]);
}

// Elements of a key or value; an int8 row ends with its scale.
static inline uint32_t tern_cpu_cache_dim(const tern_tensor *cache) {
    return cache->dtype == TERN_DTYPE_I8 ? cache->shape[3] - 4 : cache->shape[3];
}

static inline uint64_t tern_cpu_cache_positions(const tern_tensor *table) {
    return (uint64_t)table->shape[1] * TERN_KV_BLOCK;
}

// The element of |cache| at [block, head, place, 0].
static inline uint8_t *tern_cpu_cache_at(const tern_tensor *cache, uint32_t block, uint32_t head,
                                         uint32_t place) {
    size_t at = (size_t)block * cache->strides[0] + (size_t)head * cache->strides[1] +
                (size_t)place * cache->strides[2];
    return tern_cpu_tensor_data(cache) + at * tern_element_bytes(cache->dtype);
}

#endif
