#include <tern/types.h>

#include "runtime/allocator.h"

const char *tern_dtype_name(tern_dtype dtype) {
    switch (dtype) {
    case TERN_DTYPE_NONE:
        return "none";
    case TERN_DTYPE_F32:
        return "f32";
    case TERN_DTYPE_F16:
        return "f16";
    case TERN_DTYPE_BF16:
        return "bf16";
    case TERN_DTYPE_I32:
        return "i32";
    case TERN_DTYPE_I8:
        return "i8";
    case TERN_DTYPE_T2:
        return "t2";
    case TERN_DTYPE_T5:
        return "t5";
    case TERN_DTYPE_B1:
        return "b1";
    case TERN_DTYPE_Q8_0:
        return "q8_0";
    default:
        return "?";
    }
}

static uint64_t round_up(uint64_t value, uint64_t to) {
    return (value + to - 1) / to * to;
}

uint64_t tern_dtype_row_bytes(tern_dtype dtype, uint32_t cols) {
    uint64_t count = cols;
    switch (dtype) {
    case TERN_DTYPE_F32:
    case TERN_DTYPE_I32:
        return 4 * count;
    case TERN_DTYPE_F16:
    case TERN_DTYPE_BF16:
        return round_up(2 * count, 4);
    case TERN_DTYPE_I8:
        return round_up(count, 4);
    case TERN_DTYPE_T2:
        return (count + 3) / 4;
    case TERN_DTYPE_T5:
        return (count + 4) / 5;
    case TERN_DTYPE_B1:
        return (count + 7) / 8;
    case TERN_DTYPE_Q8_0:
        return (count + 31) / 32 * 34;
    default:
        return 0;
    }
}

// Elements from the start of one row to the next.
static uint32_t row_stride(tern_dtype dtype, uint32_t cols) {
    switch (dtype) {
    case TERN_DTYPE_F16:
    case TERN_DTYPE_BF16:
        return (uint32_t)round_up(cols, 2);
    case TERN_DTYPE_I8:
        return (uint32_t)round_up(cols, 4);
    default:
        return cols;
    }
}

tern_tensor tern_tensor_make(tern_buffer *buffer, uint64_t offset, tern_dtype dtype, uint32_t rank,
                             const uint32_t *shape) {
    tern_tensor tensor = {.buffer = buffer, .offset = offset, .dtype = dtype, .rank = rank};
    uint32_t stride = 1;
    for (uint32_t i = rank < TERN_MAX_RANK ? rank : TERN_MAX_RANK; i-- > 0;) {
        tensor.shape[i] = shape[i];
        tensor.strides[i] = stride;
        stride = i + 1 == rank ? row_stride(dtype, shape[i]) : stride * shape[i];
    }
    return tensor;
}

uint64_t tern_tensor_packed_bytes(tern_dtype dtype, uint32_t rank, const uint32_t *shape) {
    if (rank == 0 || rank > TERN_MAX_RANK) {
        return 0;
    }
    uint64_t bytes = tern_dtype_row_bytes(dtype, shape[rank - 1]);
    for (uint32_t i = 0; i + 1 < rank; i++) {
        if (!tern__mul_u64(bytes, shape[i], &bytes)) {
            return 0;
        }
    }
    return bytes;
}
