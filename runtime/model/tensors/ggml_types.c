#include "runtime/model/tensors/ggml_types.h"

#include <string.h>

#include "runtime/allocator.h"

#define UNUSABLE TERN_DTYPE_NONE, TERN_SCALE_NONE, 0
#define DENSE(dtype) dtype, TERN_SCALE_NONE, 0
#define TERNARY TERN_DTYPE_T2, TERN_SCALE_TENSOR, 0
#define GROUPED(size) TERN_DTYPE_T2, TERN_SCALE_GROUP, size

// One row per meaning. Rows with the same number lie side by side; the size of the tensor and then
// the file's keys decide between them.
static const tern__ggml_type types[] = {
    {0, "F32", 1, 4, TERN__SIZE_BLOCKS, false, DENSE(TERN_DTYPE_F32)},
    {1, "F16", 1, 2, TERN__SIZE_BLOCKS, false, DENSE(TERN_DTYPE_F16)},
    {2, "Q4_0", 32, 18, TERN__SIZE_BLOCKS, false, DENSE(TERN_DTYPE_Q8_0)},
    {3, "Q4_1", 32, 20, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {6, "Q5_0", 32, 22, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {7, "Q5_1", 32, 24, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {8, "Q8_0", 32, 34, TERN__SIZE_BLOCKS, false, DENSE(TERN_DTYPE_Q8_0)},
    {9, "Q8_1", 32, 36, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {10, "Q2_K", 256, 84, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {11, "Q3_K", 256, 110, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {12, "Q4_K", 256, 144, TERN__SIZE_BLOCKS, false, DENSE(TERN_DTYPE_F16)},
    {13, "Q5_K", 256, 176, TERN__SIZE_BLOCKS, false, DENSE(TERN_DTYPE_F16)},
    {14, "Q6_K", 256, 210, TERN__SIZE_BLOCKS, false, DENSE(TERN_DTYPE_F16)},
    {15, "Q8_K", 256, 292, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {16, "IQ2_XXS", 256, 66, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {17, "IQ2_XS", 256, 74, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {18, "IQ3_XXS", 256, 98, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {19, "IQ1_S", 256, 50, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {20, "IQ4_NL", 32, 18, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {21, "IQ3_S", 256, 110, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {22, "IQ2_S", 256, 82, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {23, "IQ4_XS", 256, 136, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {24, "I8", 1, 1, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {25, "I16", 1, 2, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {26, "I32", 1, 4, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {27, "I64", 1, 8, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {28, "F64", 1, 8, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {29, "IQ1_M", 256, 56, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {30, "BF16", 1, 2, TERN__SIZE_BLOCKS, false, DENSE(TERN_DTYPE_BF16)},
    {31, "Q4_0_4_4", 32, 18, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {32, "Q4_0_4_8", 32, 18, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {33, "Q4_0_8_8", 32, 18, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {34, "TQ1_0", 256, 54, TERN__SIZE_BLOCKS, false, GROUPED(256)},
    {35, "TQ2_0", 256, 66, TERN__SIZE_BLOCKS, false, GROUPED(256)},
    {36, "I2_S", 128, 32, TERN__SIZE_I2_S, true, TERNARY},
    {36, "IQ4_NL_4_4", 32, 18, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {37, "I8_S", 1, 1, TERN__SIZE_BLOCKS, true, UNUSABLE},
    {37, "IQ4_NL_4_8", 32, 18, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {38, "TL1", 4, 1, TERN__SIZE_BLOCKS, true, UNUSABLE},
    {38, "IQ4_NL_8_8", 32, 18, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {39, "TL2", 1, 0, TERN__SIZE_TL2, true, UNUSABLE},
    {39, "MXFP4", 32, 17, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {40, "NVFP4", 64, 36, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {41, "Q1_0", 128, 18, TERN__SIZE_BLOCKS, false, GROUPED(128)},
    {42, "Q2_0", 64, 18, TERN__SIZE_BLOCKS, false, GROUPED(64)},
    {42, "Q2_0_G128", 128, 34, TERN__SIZE_BLOCKS, false, GROUPED(128)},
    {142, "PQ2_0", 128, 34, TERN__SIZE_BLOCKS, false, GROUPED(128)},
    {143, "PTQ1_0", 128, 28, TERN__SIZE_BLOCKS, false, GROUPED(128)},
    {TERN__GGML_FOREIGN, "HF_T2", 1, 1, TERN__SIZE_FIELDS, false, TERNARY},
    {TERN__GGML_FOREIGN + 2, "I2_S_64", 64, 16, TERN__SIZE_I2_S, true, TERNARY},
    {TERN__GGML_FOREIGN + 1, "BITMAT", 4, 1, TERN__SIZE_BLOCKS, false, TERNARY},
};

static const tern__ggml_type unknown_type = {0,     "unknown", 0, 0, TERN__SIZE_BLOCKS,
                                             false, UNUSABLE};

enum {
    TYPE_COUNT = sizeof types / sizeof types[0],
    TYPE_Q2_0 = 42,
    TYPE_PQ2_0 = 142,
    I2_S_TAIL = 32,
    TL2_COLS = 256
};

const tern__ggml_type *tern__ggml_type_find(uint32_t id, uint32_t index) {
    for (uint32_t i = 0; i < TYPE_COUNT && id < TERN__GGML_FOREIGN; i++) {
        if (types[i].id == id && index-- == 0) {
            return &types[i];
        }
    }
    return NULL;
}

const tern__ggml_type *tern__ggml_type_named(const char *name) {
    for (uint32_t i = 0; i < TYPE_COUNT; i++) {
        if (strcmp(types[i].name, name) == 0) {
            return &types[i];
        }
    }
    return NULL;
}

const tern__ggml_type *tern__ggml_type_of(const tern_tensor_info *info) {
    for (uint32_t i = 0; i < TYPE_COUNT; i++) {
        if (types[i].id == info->type && strcmp(types[i].name, info->type_name) == 0) {
            return &types[i];
        }
    }
    return &unknown_type;
}

static bool element_count(const uint64_t shape[4], uint64_t *out_count) {
    uint64_t count = 1;
    for (int d = 0; d < 4; d++) {
        if (!tern__mul_u64(count, shape[d], &count)) {
            return false;
        }
    }
    *out_count = count;
    return true;
}

// Columns before the last 256 take five bits for three weights, the last 256 four bits for two.
static bool tl2_bytes(const uint64_t shape[4], uint64_t *out_bytes) {
    uint64_t three = shape[0] - TL2_COLS;
    uint64_t cells;
    if (shape[0] < TL2_COLS || shape[2] != 1 || shape[3] != 1 ||
        !tern__mul_u64(three, shape[1], &cells) || !tern__mul_u64(cells, 5, &cells) ||
        cells % 24 != 0) {
        return false;
    }
    uint64_t two;
    return tern__mul_u64(TL2_COLS / 4, shape[1], &two) && tern__add_u64(cells / 24, two, out_bytes);
}

bool tern__ggml_tensor_bytes(const tern__ggml_type *type, const uint64_t shape[4],
                             uint64_t *out_bytes) {
    uint64_t count;
    if (type->block_elements == 0 || shape[0] % type->block_elements != 0 ||
        !element_count(shape, &count)) {
        return false;
    }
    if (type->rule == TERN__SIZE_TL2) {
        return tl2_bytes(shape, out_bytes);
    }
    if (type->rule == TERN__SIZE_FIELDS) {
        uint64_t quarters = shape[1] / 4 + (shape[1] % 4 != 0);
        return shape[3] == 1 && tern__mul_u64(shape[0], quarters, &quarters) &&
               tern__mul_u64(shape[2], quarters, out_bytes);
    }
    uint64_t bytes;
    if (!tern__mul_u64(count / type->block_elements, type->block_bytes, &bytes)) {
        return false;
    }
    uint64_t tail = type->rule == TERN__SIZE_I2_S ? I2_S_TAIL : 0;
    return tern__add_u64(bytes, tail, out_bytes);
}

uint64_t tern__ggml_row_bytes(const tern__ggml_type *type, uint32_t cols) {
    return type->block_elements == 0 ? 0
                                     : (uint64_t)(cols / type->block_elements) * type->block_bytes;
}

bool tern__ggml_is_float(const tern__ggml_type *type) {
    return type->block_elements == 1 && type->scale_kind == TERN_SCALE_NONE &&
           type->dtype != TERN_DTYPE_NONE;
}

bool tern__ggml_may_be_wide(const tern__ggml_type *type) {
    return type->id == TYPE_Q2_0 || type->id == TYPE_PQ2_0;
}
