#include "runtime/model/tensors/ggml_encode.h"

#include <string.h>

#include "runtime/model/tensors/ggml_decode.h"
#include "shaders/common/float.h"

enum { ID_F32 = 0, ID_F16 = 1, ID_BF16 = 30, ID_TQ1_0 = 34, ID_TQ2_0 = 35, ID_PTQ1_0 = 143 };

static uint32_t code_at(const uint8_t *codes, uint32_t index) {
    return codes[index / 4] >> 2 * (index % 4) & 3u;
}

static void store_u16(uint8_t *out, uint32_t bits) {
    out[0] = (uint8_t)bits;
    out[1] = (uint8_t)(bits >> 8);
}

// Byte p of 32 has the elements p, p + 32, p + 64 and p + 96; |top| : the first in its upper bits.
static void encode_planes(const uint8_t *codes, bool top, uint8_t *out) {
    for (uint32_t p = 0; p < 32; p++) {
        uint32_t byte = 0;
        for (uint32_t field = 0; field < 4; field++) {
            byte |= code_at(codes, p + 32 * field) << (top ? 6 - 2 * field : 2 * field);
        }
        out[p] = (uint8_t)byte;
    }
}

// |digits| trits of |count| bytes, from element |first| on: trit n of byte m is element
// first + n * count + m. The number of five trits is stored as 256 / 243 of it, rounded up.
static uint8_t *encode_trits(const uint8_t *codes, uint32_t first, uint32_t count, uint32_t digits,
                             uint8_t *out) {
    for (uint32_t m = 0; m < count; m++) {
        uint32_t number = 0;
        for (uint32_t n = 0; n < 5; n++) {
            number = 3 * number + (n < digits ? code_at(codes, first + n * count + m) : 0);
        }
        *out++ = (uint8_t)((number * 256 + 242) / 243);
    }
    return out;
}

static void encode_block(const tern__ggml_type *type, const uint8_t *codes, uint32_t scale,
                         uint8_t *out) {
    switch (type->id) {
    case ID_TQ1_0:
        out = encode_trits(codes, 0, 32, 5, out);
        out = encode_trits(codes, 160, 16, 5, out);
        out = encode_trits(codes, 240, 4, 4, out);
        store_u16(out, scale);
        break;
    case ID_PTQ1_0:
        out = encode_trits(codes, 0, 16, 5, out);
        out = encode_trits(codes, 80, 8, 5, out);
        out = encode_trits(codes, 120, 2, 4, out);
        store_u16(out, scale);
        break;
    case ID_TQ2_0:
        encode_planes(codes, false, out);
        encode_planes(codes + 32, false, out + 32);
        store_u16(out + 64, scale);
        break;
    default: // Q2_0 and PQ2_0
        store_u16(out, scale);
        memcpy(out + 2, codes, type->group_size / 4);
        break;
    }
}

uint32_t tern__ggml_encoded_group(const tern__ggml_type *type, uint32_t cols) {
    if (type->rule == TERN__SIZE_I2_S) {
        return cols;
    }
    bool is_binary = type->scale_kind == TERN_SCALE_GROUP && type->id == TERN__GGML_Q1_0;
    return type->scale_kind == TERN_SCALE_GROUP && !is_binary ? type->group_size : 0;
}

void tern__ggml_encode_ternary(const tern__ggml_type *type, uint32_t cols, const uint8_t *codes,
                               const float *scales, uint8_t *out) {
    for (uint32_t from = 0; from < cols; from += type->block_elements, out += type->block_bytes) {
        const uint8_t *block = codes + from / 4;
        if (type->rule == TERN__SIZE_I2_S) {
            encode_planes(block, true, out);
        } else {
            encode_block(type, block, t_f16_from_f32(scales[from / type->group_size]), out);
        }
    }
}

bool tern__ggml_encode_values(const tern__ggml_type *type, uint32_t cols, const float *values,
                              uint8_t *out) {
    switch (type->id) {
    case ID_F32:
        memcpy(out, values, (size_t)cols * sizeof *values);
        return true;
    case ID_F16:
    case ID_BF16:
        for (uint32_t i = 0; i < cols; i++) {
            store_u16(out + (size_t)i * 2,
                      type->id == ID_F16 ? t_f16_from_f32(values[i]) : t_bf16_from_f32(values[i]));
        }
        return true;
    case TERN__GGML_Q8_0:
        tern__ggml_q8_row(tern__ggml_type_find(ID_F32, 0), cols, values, out);
        return true;
    default:
        return false;
    }
}
