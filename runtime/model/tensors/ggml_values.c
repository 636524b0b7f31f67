// Dense types: rows as numbers, as canonical rows, and as ternary ones where that is what they are.
#include "runtime/model/tensors/ggml_decode.h"

#include <math.h>
#include <string.h>

#include "shaders/common/divide.h"
#include "shaders/common/float.h"

enum { ID_F32 = 0, ID_F16 = 1, ID_Q4_0 = 2, ID_Q8_0 = 8, ID_Q5_K = 13, ID_Q6_K = 14, ID_BF16 = 30 };

enum { SMALL_BLOCK = 32, LARGE_BLOCK = TERN__VALUES_BLOCK, F16_NAN = 0x7e00 };

static uint32_t load_u16(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static float load_f16(const uint8_t *bytes) {
    return t_f16_to_f32(load_u16(bytes));
}

static void store_u16(uint8_t *out, uint32_t bits) {
    out[0] = (uint8_t)bits;
    out[1] = (uint8_t)(bits >> 8);
}

// 4 bits each, low halves first, 8 above what is meant.
static void q4_0_integers(const uint8_t *block, int8_t *out) {
    for (int i = 0; i < SMALL_BLOCK / 2; i++) {
        out[i] = (int8_t)((block[2 + i] & 15) - 8);
        out[i + SMALL_BLOCK / 2] = (int8_t)((block[2 + i] >> 4) - 8);
    }
}

static void small_block_values(const tern__ggml_type *type, const uint8_t *block, float *out) {
    int8_t q[SMALL_BLOCK];
    float d = load_f16(block);
    if (type->id == ID_Q4_0) {
        q4_0_integers(block, q);
    } else {
        memcpy(q, block + 2, SMALL_BLOCK);
    }
    for (int i = 0; i < SMALL_BLOCK; i++) {
        out[i] = d * (float)q[i];
    }
}

// Scale and minimum of part |j| of 8: 6 bits each, of which those of the last four parts have their
// upper two in the upper bits of the first eight bytes.
static void part_factors(const uint8_t *packed, int j, float *out_scale, float *out_min) {
    uint32_t scale, min;
    if (j < 4) {
        scale = packed[j] & 63u;
        min = packed[j + 4] & 63u;
    } else {
        scale = (packed[j + 4] & 15u) | (uint32_t)(packed[j - 4] >> 6) << 4;
        min = (uint32_t)(packed[j + 4] >> 4) | (uint32_t)(packed[j] >> 6) << 4;
    }
    *out_scale = (float)scale;
    *out_min = (float)min;
}

// Q4_K: d, dmin, 12 bytes of factors, 128 of low halves; Q5_K has 32 bytes of fifth bits before
// these. Each 32 bytes of halves are two parts of 32, the low halves first.
static void q45_values(const uint8_t *block, bool five, float *out) {
    float d = load_f16(block), dmin = load_f16(block + 2);
    const uint8_t *fifth = block + 16;
    const uint8_t *halves = five ? fifth + 32 : fifth;
    for (int j = 0; j < 8; j++) {
        float scale, min;
        part_factors(block + 4, j, &scale, &min);
        T_PRECISE float step = d * scale;
        T_PRECISE float least = dmin * min;
        for (int i = 0; i < 32; i++) {
            uint32_t q = halves[j / 2 * 32 + i] >> 4 * (j % 2) & 15u;
            q |= five ? (fifth[i] >> j & 1u) << 4 : 0u;
            T_PRECISE float product = step * (float)q;
            *out++ = product - least;
        }
    }
}

// Q6_K: 128 bytes of low halves, 64 of upper two bits, 16 scales, d. Of each 128 weights, quarter j
// has the low halves (j < 2) or upper ones of 32 bytes, and field j of 32 bytes above them.
static void q6_values(const uint8_t *block, float *out) {
    float d = load_f16(block + 208);
    for (int half = 0; half < 2; half++) {
        const uint8_t *low = block + 64 * half;
        const uint8_t *high = block + 128 + 32 * half;
        for (int i = 0; i < 128; i++) {
            int j = i / 32, l = i % 32;
            uint32_t q = (low[j % 2 * 32 + l] >> 4 * (j / 2) & 15u) | (high[l] >> 2 * j & 3u) << 4;
            int8_t scale;
            memcpy(&scale, block + 192 + 8 * half + i / 16, 1);
            T_PRECISE float step = d * (float)scale;
            *out++ = step * (float)((int)q - 32);
        }
    }
}

static void block_values(const tern__ggml_type *type, const uint8_t *block, float *out) {
    if (type->block_elements == SMALL_BLOCK) {
        small_block_values(type, block, out);
    } else if (type->id == ID_Q6_K) {
        q6_values(block, out);
    } else {
        q45_values(block, type->id == ID_Q5_K, out);
    }
}

static void float_values(const tern__ggml_type *type, uint32_t count, const uint8_t *in,
                         float *out) {
    if (type->id == ID_F32) {
        memcpy(out, in, (size_t)count * sizeof *out);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bits = load_u16(in + (size_t)i * 2);
        out[i] = type->id == ID_F16 ? t_f16_to_f32(bits) : t_bf16_to_f32(bits);
    }
}

void tern__ggml_values(const tern__ggml_type *type, uint32_t first, uint32_t count, const void *row,
                       float *out) {
    const uint8_t *in =
        (const uint8_t *)row + (size_t)(first / type->block_elements) * type->block_bytes;
    if (tern__ggml_is_float(type)) {
        float_values(type, count, in, out);
        return;
    }
    float block[LARGE_BLOCK];
    for (uint32_t n, done = 0; done < count; done += n, in += type->block_bytes) {
        n = count - done < type->block_elements ? count - done : type->block_elements;
        block_values(type, in, block);
        memcpy(out + done, block, n * sizeof *out);
    }
}

static uint32_t piece_at(uint32_t from, uint32_t cols) {
    return cols - from < TERN__VALUES_BLOCK ? cols - from : TERN__VALUES_BLOCK;
}

// What saturates is finite: a scale that is not must stay visible.
static void f16_row(const tern__ggml_type *type, uint32_t cols, const uint8_t *in, uint8_t *out) {
    float values[TERN__VALUES_BLOCK];
    for (uint32_t n, from = 0; from < cols; from += n) {
        n = piece_at(from, cols);
        tern__ggml_values(type, from, n, in, values);
        for (uint32_t i = 0; i < n; i++, out += 2) {
            store_u16(out, isfinite(values[i]) ? t_f16_from_f32(values[i]) : F16_NAN);
        }
    }
}

static void q8_from_q4_row(uint32_t cols, const uint8_t *in, uint8_t *out) {
    for (uint32_t from = 0; from < cols; from += SMALL_BLOCK, in += 18, out += 34) {
        int8_t q[SMALL_BLOCK];
        q4_0_integers(in, q);
        memcpy(out, in, 2);
        memcpy(out + 2, q, SMALL_BLOCK);
    }
}

void tern__ggml_dense_rows(const tern__ggml_type *type, uint32_t cols, uint32_t rows,
                           const void *raw, void *out) {
    size_t from_bytes = (size_t)tern__ggml_row_bytes(type, cols);
    size_t to_bytes = (size_t)tern_dtype_row_bytes(type->dtype, cols);
    const uint8_t *in = raw;
    uint8_t *to = out;
    for (uint32_t r = 0; r < rows; r++, in += from_bytes, to += to_bytes) {
        if (type->id == ID_Q4_0) {
            q8_from_q4_row(cols, in, to);
        } else if (type->block_elements == LARGE_BLOCK) {
            f16_row(type, cols, in, to);
        } else {
            memcpy(to, in, from_bytes);
            memset(to + from_bytes, 0, to_bytes - from_bytes);
        }
    }
}

static void put_code(uint8_t *codes, uint32_t index, uint32_t code) {
    uint32_t shift = 2 * (index % 4);
    codes[index / 4] = (uint8_t)((codes[index / 4] & ~(3u << shift)) | code << shift);
}

// False if there are values other than -s, 0, +s.
static bool ternary_group(const float *values, uint32_t count, uint8_t *codes, float *out_scale) {
    float scale = 0.0f;
    for (uint32_t j = 0; j < count; j++) {
        float value = t_flush(values[j]);
        float size = fabsf(value);
        if (size == 0.0f) {
            continue;
        }
        if (!isfinite(size) || (scale != 0.0f && size != scale)) {
            return false;
        }
        scale = size;
        put_code(codes, j, value > 0.0f ? 2u : 0u);
    }
    *out_scale = scale;
    return true;
}

bool tern__ggml_ternary_row(const tern__ggml_type *type, uint32_t cols, const void *raw,
                            uint8_t *codes, float *scales) {
    float values[TERN__VALUES_BLOCK];
    memset(codes, 0x55, ((size_t)cols + 3) / 4);
    for (uint32_t n, from = 0; from < cols; from += n) {
        n = piece_at(from, cols);
        tern__ggml_values(type, from, n, raw, values);
        for (uint32_t group = 0; group < n; group += TERN__TERNARY_GROUP) {
            uint32_t count = n - group < TERN__TERNARY_GROUP ? n - group : TERN__TERNARY_GROUP;
            if (!ternary_group(values + group, count, codes + (from + group) / 4, scales++)) {
                return false;
            }
        }
    }
    return true;
}

uint32_t tern__ggml_add_sizes(const tern__ggml_type *type, uint32_t cols, const void *raw,
                              double *sum) {
    float values[TERN__VALUES_BLOCK];
    for (uint32_t n, from = 0; from < cols; from += n) {
        n = piece_at(from, cols);
        tern__ggml_values(type, from, n, raw, values);
        for (uint32_t i = 0; i < n; i++) {
            if (!isfinite(values[i])) {
                return from + i;
            }
            *sum += (double)fabsf(values[i]);
        }
    }
    return cols;
}

void tern__ggml_absmean_row(const tern__ggml_type *type, uint32_t cols, const void *raw,
                            float factor, uint8_t *codes) {
    float values[TERN__VALUES_BLOCK];
    memset(codes, 0x55, ((size_t)cols + 3) / 4);
    for (uint32_t n, from = 0; from < cols; from += n) {
        n = piece_at(from, cols);
        tern__ggml_values(type, from, n, raw, values);
        for (uint32_t i = 0; i < n; i++) {
            T_PRECISE float scaled = values[i] * factor;
            // 1/2 goes to the even 0, as rounding first would have it.
            put_code(codes, from + i, scaled > 0.5f ? 2u : scaled < -0.5f ? 0u : 1u);
        }
    }
}

static uint8_t q8_of(float value, float step) {
    float q = step == 0.0f ? 0.0f : t_rint(t_divide(value, step));
    q = q > 127.0f ? 127.0f : q < -127.0f ? -127.0f : q;
    return (uint8_t)(int8_t)q;
}

static void put_q8_block(const float *values, uint32_t count, float largest, uint8_t *out) {
    uint32_t bits = t_f16_from_f32(t_divide(largest, 127.0f));
    float step = t_f16_to_f32(bits);
    store_u16(out, bits);
    memset(out + 2, 0, SMALL_BLOCK);
    for (uint32_t i = 0; i < count; i++) {
        out[2 + i] = q8_of(values[i], step);
    }
}

uint32_t tern__ggml_q8_row(const tern__ggml_type *type, uint32_t cols, const void *raw,
                           uint8_t *out) {
    float values[TERN__VALUES_BLOCK];
    for (uint32_t from = 0; from < cols; from += SMALL_BLOCK, out += 2 + SMALL_BLOCK) {
        uint32_t within = from % TERN__VALUES_BLOCK;
        if (within == 0) {
            tern__ggml_values(type, from, piece_at(from, cols), raw, values);
        }
        uint32_t count = cols - from < SMALL_BLOCK ? cols - from : SMALL_BLOCK;
        float largest = 0.0f;
        for (uint32_t i = within; i < within + count; i++) {
            values[i] = t_flush(values[i]);
            if (!isfinite(values[i])) {
                return from + i - within;
            }
            largest = fabsf(values[i]) > largest ? fabsf(values[i]) : largest;
        }
        put_q8_block(values + within, count, largest, out);
    }
    return cols;
}
