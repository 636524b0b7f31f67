// Rows of canonical weights, decoded.
#include <string.h>

#include "backends/reference/ops/ops.h"

static const uint8_t *row_of(const tern_backend_weights *weights, uint32_t index) {
    return weights->codes + index * weights->row_bytes;
}

void tern_ref_weights_codes(const tern_backend_weights *weights, uint32_t index, int8_t *codes) {
    const uint8_t *row = row_of(weights, index);
    for (uint32_t k = 0; k < weights->info.cols; k++) {
        codes[k] = (int8_t)((row[k / 4] >> (2 * (k % 4)) & 3) - 1);
    }
}

float tern_ref_weights_scale(const tern_backend_weights *weights, uint32_t index, uint32_t col) {
    switch (weights->info.scale_kind) {
    case TERN_SCALE_ROW:
        return weights->scales[index];
    case TERN_SCALE_GROUP:
        return weights
            ->scales[(size_t)index * weights->row_scales + col / weights->info.group_size];
    default:
        return weights->info.scale;
    }
}

static uint32_t read_u16(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8;
}

static float q8_0_at(const uint8_t *row, uint32_t k) {
    const uint8_t *block = row + k / 32 * 34;
    return t_f16_to_f32(read_u16(block)) * (float)(int8_t)block[2 + k % 32];
}

void tern_ref_weights_dense(const tern_backend_weights *weights, uint32_t index, float *values) {
    const uint8_t *row = row_of(weights, index);
    uint32_t cols = weights->info.cols;
    switch (weights->info.dtype) {
    case TERN_DTYPE_F16:
        for (uint32_t k = 0; k < cols; k++) {
            values[k] = t_f16_to_f32(read_u16(row + 2 * (size_t)k));
        }
        break;
    case TERN_DTYPE_BF16:
        for (uint32_t k = 0; k < cols; k++) {
            values[k] = t_bf16_to_f32(read_u16(row + 2 * (size_t)k));
        }
        break;
    case TERN_DTYPE_Q8_0:
        for (uint32_t k = 0; k < cols; k++) {
            values[k] = q8_0_at(row, k);
        }
        break;
    default:
        memcpy(values, row, cols * sizeof *values);
        break;
    }
}
