// Sizes that every backend computes.
#ifndef TERN_BACKENDS_COMMON_SIZES_H_
#define TERN_BACKENDS_COMMON_SIZES_H_

#include <stdint.h>

#include <tern/types.h>

// The next multiple of |unit|.
static inline uint64_t tern_round_up(uint64_t value, uint64_t unit) {
    return (value + unit - 1) / unit * unit;
}

// Of a type that tensors have; elements of weights may share bytes.
static inline uint32_t tern_element_bytes(tern_dtype dtype) {
    switch (dtype) {
    case TERN_DTYPE_I8:
        return 1;
    case TERN_DTYPE_F16:
    case TERN_DTYPE_BF16:
        return 2;
    default:
        return 4;
    }
}

#endif
