#include "runtime/model/ggml_types.h"

#include <math.h>
#include <string.h>

#include "runtime/allocator.h"
#include "shaders/common/divide.h"
#include "shaders/common/float.h"

#define UNUSABLE TERN_DTYPE_NONE, TERN_SCALE_NONE, 0
#define DENSE(dtype) dtype, TERN_SCALE_NONE, 0

// One row per meaning. Rows with the same number lie side by side; the size of the tensor and then
// the file's keys decide between them.
static const tern__ggml_type types[] = {
    {0, "F32", 1, 4, TERN__SIZE_BLOCKS, false, DENSE(TERN_DTYPE_F32)},
    {1, "F16", 1, 2, TERN__SIZE_BLOCKS, false, DENSE(TERN_DTYPE_F16)},
    {2, "Q4_0", 32, 18, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {3, "Q4_1", 32, 20, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {6, "Q5_0", 32, 22, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {7, "Q5_1", 32, 24, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {8, "Q8_0", 32, 34, TERN__SIZE_BLOCKS, false, DENSE(TERN_DTYPE_Q8_0)},
    {9, "Q8_1", 32, 36, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {10, "Q2_K", 256, 84, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {11, "Q3_K", 256, 110, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {12, "Q4_K", 256, 144, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {13, "Q5_K", 256, 176, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {14, "Q6_K", 256, 210, TERN__SIZE_BLOCKS, false, UNUSABLE},
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
    {34, "TQ1_0", 256, 54, TERN__SIZE_BLOCKS, false, TERN_DTYPE_T2, TERN_SCALE_GROUP, 256},
    {35, "TQ2_0", 256, 66, TERN__SIZE_BLOCKS, false, TERN_DTYPE_T2, TERN_SCALE_GROUP, 256},
    {36, "I2_S", 128, 32, TERN__SIZE_I2_S, true, TERN_DTYPE_T2, TERN_SCALE_TENSOR, 0},
    {36, "IQ4_NL_4_4", 32, 18, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {37, "I8_S", 1, 1, TERN__SIZE_BLOCKS, true, UNUSABLE},
    {37, "IQ4_NL_4_8", 32, 18, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {38, "TL1", 4, 1, TERN__SIZE_BLOCKS, true, UNUSABLE},
    {38, "IQ4_NL_8_8", 32, 18, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {39, "TL2", 1, 0, TERN__SIZE_TL2, true, UNUSABLE},
    {39, "MXFP4", 32, 17, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {40, "NVFP4", 64, 36, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {41, "Q1_0", 128, 18, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {42, "Q2_0", 64, 18, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {42, "Q2_0_G128", 128, 34, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {142, "PQ2_0", 128, 34, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {143, "PTQ1_0", 128, 28, TERN__SIZE_BLOCKS, false, UNUSABLE},
    {TERN__GGML_FOREIGN, "HF_T2", 1, 1, TERN__SIZE_FIELDS, false, UNUSABLE},
    {TERN__GGML_FOREIGN + 1, "BITMAT", 4, 1, TERN__SIZE_BLOCKS, false, UNUSABLE},
};

static const tern__ggml_type unknown_type = {0,     "unknown", 0, 0, TERN__SIZE_BLOCKS,
                                             false, UNUSABLE};

enum {
    TYPE_COUNT = sizeof types / sizeof types[0],
    TYPE_TQ1_0 = 34,
    I2_S_TAIL = 32,
    TL2_COLS = 256,
    Q8_BLOCK = 32
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
        return shape[2] == 1 && shape[3] == 1 &&
               tern__mul_u64(shape[0], shape[1] / 4 + (shape[1] % 4 != 0), out_bytes);
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

static float load_f16(const uint8_t *bytes) {
    return t_f16_to_f32((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8);
}

// Byte p of 32 holds elements p, p + 32, p + 64 and p + 96 of 128 in its fields 0 to 3; |first| is
// the shift of field 0 and |step| the way to the next.
//
//     I2_S   bit 7 6   5 4   3 2   1 0        TQ2_0  bit 7 6   5 4   3 2   1 0
//              [p]  [p+32] [p+64] [p+96]             [p+96] [p+64] [p+32]  [p]
static void decode_planes(const uint8_t *in, int first, int step, uint8_t *out) {
    for (int field = 0; field < 4; field++) {
        int shift = first + step * field;
        for (int p = 0; p < 32; p += 4) {
            uint32_t c0 = in[p] >> shift & 3u;
            uint32_t c1 = in[p + 1] >> shift & 3u;
            uint32_t c2 = in[p + 2] >> shift & 3u;
            uint32_t c3 = in[p + 3] >> shift & 3u;
            *out++ = (uint8_t)(c0 | c1 << 2 | c2 << 4 | c3 << 6);
        }
    }
}

// Trit n of a byte that holds 256 / 243 times a five-digit number in base 3, most significant
// first.
static uint32_t trit(uint8_t byte, int n) {
    static const uint8_t power[5] = {1, 3, 9, 27, 81};
    uint8_t rest = (uint8_t)(byte * power[n]);
    return rest * 3u >> 8;
}

// |count| bytes hold |digits| trits each: trit n of byte m is element n * count + m. |count| is a
// multiple of 4.
static uint8_t *decode_trits(const uint8_t *in, int count, int digits, uint8_t *out) {
    for (int n = 0; n < digits; n++) {
        for (int m = 0; m < count; m += 4) {
            *out++ = (uint8_t)(trit(in[m], n) | trit(in[m + 1], n) << 2 | trit(in[m + 2], n) << 4 |
                               trit(in[m + 3], n) << 6);
        }
    }
    return out;
}

// 256 weights: 32 and 16 bytes of five trits, 4 bytes of four, a float16 scale.
static float decode_tq1_0(const uint8_t *in, uint8_t *out) {
    out = decode_trits(in, 32, 5, out);
    out = decode_trits(in + 32, 16, 5, out);
    decode_trits(in + 48, 4, 4, out);
    return load_f16(in + 52);
}

static float decode_tq2_0(const uint8_t *in, uint8_t *out) {
    decode_planes(in, 0, 2, out);
    decode_planes(in + 32, 0, 2, out + 32);
    return load_f16(in + 64);
}

static void decode_blocks(const tern__ggml_type *type, uint64_t blocks, const uint8_t *raw,
                          uint8_t *codes, float *scales) {
    float (*decode)(const uint8_t *, uint8_t *) =
        type->id == TYPE_TQ1_0 ? decode_tq1_0 : decode_tq2_0;
    for (uint64_t b = 0; b < blocks; b++) {
        scales[b] = decode(raw + b * type->block_bytes, codes + b * 64);
    }
}

void tern__ggml_decode_rows(const tern__ggml_type *type, uint32_t cols, uint32_t rows,
                            const void *raw, void *codes, float *scales) {
    uint64_t blocks = (uint64_t)rows * (type->block_elements ? cols / type->block_elements : 0);
    const uint8_t *in = raw;
    uint8_t *out = codes;
    if (type->scale_kind == TERN_SCALE_NONE) {
        memcpy(out, in, blocks * type->block_bytes);
    } else if (type->scale_kind == TERN_SCALE_GROUP) {
        decode_blocks(type, blocks, in, out, scales);
    } else {
        for (uint64_t b = 0; b < blocks; b++) {
            decode_planes(in + b * 32, 6, -2, out + b * 32);
        }
    }
}

static float value_at(const uint8_t *row, tern_dtype dtype, uint32_t index) {
    if (dtype == TERN_DTYPE_F32) {
        float value;
        memcpy(&value, row + (size_t)index * 4, sizeof value);
        return value;
    }
    uint16_t bits;
    memcpy(&bits, row + (size_t)index * 2, sizeof bits);
    return dtype == TERN_DTYPE_F16 ? t_f16_to_f32(bits) : t_bf16_to_f32(bits);
}

bool tern__ggml_ternary_row(const tern__ggml_type *type, uint32_t cols, const void *raw,
                            uint8_t *codes, float *out_scale) {
    float scale = 0.0f;
    memset(codes, 0x55, ((size_t)cols + 3) / 4);
    for (uint32_t j = 0; j < cols; j++) {
        float value = t_flush(value_at(raw, type->dtype, j));
        float size = fabsf(value);
        if (size == 0.0f) {
            continue;
        }
        if (!isfinite(size) || (scale != 0.0f && size != scale)) {
            return false;
        }
        scale = size;
        uint32_t shift = 2 * (j % 4);
        uint32_t code = value > 0.0f ? 2u : 0u;
        codes[j / 4] = (uint8_t)((codes[j / 4] & ~(3u << shift)) | code << shift);
    }
    *out_scale = scale;
    return true;
}

static uint8_t q8_of(float value, float step) {
    float q = step == 0.0f ? 0.0f : t_rint(t_divide(value, step));
    q = q > 127.0f ? 127.0f : q < -127.0f ? -127.0f : q;
    return (uint8_t)(int8_t)q;
}

static void put_q8_block(const float values[Q8_BLOCK], float largest, uint8_t *out) {
    uint16_t bits = (uint16_t)t_f16_from_f32(t_divide(largest, 127.0f));
    float step = t_f16_to_f32(bits);
    memcpy(out, &bits, sizeof bits);
    for (uint32_t i = 0; i < Q8_BLOCK; i++) {
        out[sizeof bits + i] = q8_of(values[i], step);
    }
}

uint32_t tern__ggml_q8_row(const tern__ggml_type *type, uint32_t cols, const void *raw,
                           uint8_t *out) {
    for (uint32_t from = 0; from < cols; from += Q8_BLOCK, out += 2 + Q8_BLOCK) {
        float values[Q8_BLOCK] = {0.0f};
        float largest = 0.0f;
        for (uint32_t i = 0; i < Q8_BLOCK && from + i < cols; i++) {
            values[i] = t_flush(value_at(raw, type->dtype, from + i));
            if (!isfinite(values[i])) {
                return from + i;
            }
            largest = fabsf(values[i]) > largest ? fabsf(values[i]) : largest;
        }
        put_q8_block(values, largest, out);
    }
    return cols;
}
