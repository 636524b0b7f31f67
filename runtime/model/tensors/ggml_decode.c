// Ternary and binary types: packed codes become t2, scales become floats.
#include "runtime/model/tensors/ggml_decode.h"

#include <string.h>

#include "shaders/common/float.h"

enum { ID_TQ1_0 = 34, ID_TQ2_0 = 35, ID_Q1_0 = 41, ID_PTQ1_0 = 143, Q8_BLOCK = 32 };

static float load_f16(const uint8_t *bytes) {
    return t_f16_to_f32((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8);
}

// Byte p of |width| holds elements p, p + width, p + 2 width and p + 3 width of a block in its
// fields 0 to 3; |first| is the shift of field 0 and |step| the way to the next. |width| is 32, or
// 16 in I2_S files that were made on ARM.
//
//     I2_S   bit 7 6   5 4   3 2   1 0        TQ2_0  bit 7 6   5 4   3 2   1 0
//              [p]  [p+32] [p+64] [p+96]             [p+96] [p+64] [p+32]  [p]
static void decode_planes(const uint8_t *in, int width, int first, int step, uint8_t *out) {
    for (int field = 0; field < 4; field++) {
        int shift = first + step * field;
        for (int p = 0; p < width; p += 4) {
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

// 128 weights in the same way: 16 and 8 bytes of five trits, 2 bytes of four, a float16 scale.
static float decode_ptq1_0(const uint8_t *in, uint8_t *out) {
    const uint8_t *h = in + 24;
    out = decode_trits(in, 16, 5, out);
    out = decode_trits(in + 16, 8, 5, out);
    for (int n = 0; n < 4; n += 2) {
        *out++ = (uint8_t)(trit(h[0], n) | trit(h[1], n) << 2 | trit(h[0], n + 1) << 4 |
                           trit(h[1], n + 1) << 6);
    }
    return load_f16(in + 26);
}

static float decode_tq2_0(const uint8_t *in, uint8_t *out) {
    decode_planes(in, 32, 0, 2, out);
    decode_planes(in + 32, 32, 0, 2, out + 32);
    return load_f16(in + 64);
}

// A float16 scale, then 128 bits: 1 is code 2, 0 is code 0.
static float decode_q1_0(const uint8_t *in, uint8_t *out) {
    for (int i = 0; i < 16; i++) {
        uint32_t byte = in[2 + i];
        for (int half = 0; half < 2; half++, byte >>= 4) {
            *out++ =
                (uint8_t)((byte & 1) << 1 | (byte & 2) << 2 | (byte & 4) << 3 | (byte & 8) << 4);
        }
    }
    return load_f16(in);
}

// A float16 scale, then codes that lie as those of t2 do.
static float decode_q2_0_64(const uint8_t *in, uint8_t *out) {
    memcpy(out, in + 2, 16);
    return load_f16(in);
}

static float decode_q2_0_128(const uint8_t *in, uint8_t *out) {
    memcpy(out, in + 2, 32);
    return load_f16(in);
}

typedef float (*block_fn)(const uint8_t *in, uint8_t *out);

static block_fn block_decoder(const tern__ggml_type *type) {
    switch (type->id) {
    case ID_TQ1_0:
        return decode_tq1_0;
    case ID_TQ2_0:
        return decode_tq2_0;
    case ID_Q1_0:
        return decode_q1_0;
    case ID_PTQ1_0:
        return decode_ptq1_0;
    default:
        return type->group_size == 64 ? decode_q2_0_64 : decode_q2_0_128;
    }
}

// Code 00 is 0, 01 is +1, 10 is -1; 11 is none and stays so.
static void decode_bitmat(uint64_t bytes, const uint8_t *in, uint8_t *out) {
    for (uint64_t i = 0; i < bytes; i++) {
        uint32_t low = in[i] & 0x55u, high = in[i] >> 1 & 0x55u;
        uint32_t zero = ~(low | high) & 0x55u;
        out[i] = (uint8_t)(low << 1 | zero | (low & high));
    }
}

static void decode_i2_s(const tern__ggml_type *type, uint64_t blocks, const uint8_t *in,
                        uint8_t *out) {
    int width = (int)type->block_bytes;
    for (uint64_t b = 0; b < blocks; b++, in += width, out += width) {
        decode_planes(in, width, 6, -2, out);
    }
}

static void decode_ternary(const tern__ggml_type *type, uint64_t blocks, const uint8_t *in,
                           uint8_t *out, float *scales) {
    if (type->scale_kind == TERN_SCALE_GROUP) {
        block_fn decode = block_decoder(type);
        for (uint64_t b = 0; b < blocks; b++, out += type->group_size / 4) {
            scales[b] = decode(in + b * type->block_bytes, out);
        }
    } else if (type->rule == TERN__SIZE_I2_S) {
        decode_i2_s(type, blocks, in, out);
    } else {
        decode_bitmat(blocks, in, out);
    }
}

void tern__ggml_decode_rows(const tern__ggml_type *type, uint32_t cols, uint32_t rows,
                            const void *raw, void *codes, float *scales) {
    if (type->scale_kind == TERN_SCALE_NONE) {
        tern__ggml_dense_rows(type, cols, rows, raw, codes);
    } else {
        decode_ternary(type, (uint64_t)rows * (cols / type->block_elements), raw, codes, scales);
    }
}

void tern__ggml_decode_field(uint32_t cols, const void *raw, uint32_t field, uint8_t *codes) {
    const uint8_t *in = raw;
    uint32_t whole = cols - cols % 4;
    for (uint32_t k = 0; k < whole; k += 4) {
        *codes++ =
            (uint8_t)((in[k] >> 2 * field & 3u) | (in[k + 1] >> 2 * field & 3u) << 2 |
                      (in[k + 2] >> 2 * field & 3u) << 4 | (in[k + 3] >> 2 * field & 3u) << 6);
    }
    if (whole < cols) {
        *codes = 0x55;
        for (uint32_t k = whole; k < cols; k++) {
            uint32_t shift = 2 * (k - whole);
            *codes = (uint8_t)((*codes & ~(3u << shift)) | (in[k] >> 2 * field & 3u) << shift);
        }
    }
}

bool tern__ggml_has_code_3(const uint8_t *codes, size_t bytes) {
    uint32_t found = 0;
    for (size_t i = 0; i < bytes; i++) {
        found |= (uint32_t)(codes[i] & codes[i] >> 1 & 0x55);
    }
    return found != 0;
}

void tern__ggml_wide_row(const tern__ggml_type *type, uint32_t cols, const void *raw,
                         uint8_t *out) {
    const uint8_t *in = raw;
    for (uint32_t from = 0; from < cols; from += Q8_BLOCK, out += 2 + Q8_BLOCK) {
        const uint8_t *block = in + from / type->block_elements * type->block_bytes;
        const uint8_t *codes = block + 2 + from % type->block_elements / 4;
        memcpy(out, block, 2);
        for (uint32_t i = 0; i < Q8_BLOCK; i++) {
            uint32_t code = codes[i / 4] >> 2 * (i % 4) & 3u;
            out[2 + i] = (uint8_t)(code - 1u);
        }
    }
}
