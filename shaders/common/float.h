// Conversions and the flush of the numbers contract, in integer code.
#ifndef TERN_SHADERS_COMMON_FLOAT_H_
#define TERN_SHADERS_COMMON_FLOAT_H_

#include "shaders/common/lang.h"

// Rule 3: what is smaller than 2^-50, and -0, becomes +0, so that no op ever meets a subnormal.
T_FN float t_flush(float x) {
    return (T_BITS(x) & 0x7fffffffu) < 0x26800000u ? 0.0f : x;
}

// Half to even, for |x| < 2^22.
T_FN float t_rint(float x) {
    T_PRECISE float s = x + 12582912.0f;
    T_PRECISE float r = s - 12582912.0f;
    return r;
}

// To float16 bits, nearest even, saturating at 65504; what rounds to zero is +0.
T_FN T_UINT t_f16_from_f32(float x) {
    T_UINT u = T_BITS(x);
    T_UINT sign = (u >> 16) & 0x8000u;
    T_UINT a = u & 0x7fffffffu;
    if (a >= 0x477ff000u) {
        return sign | 0x7bffu;
    }
    if (a >= 0x38800000u) {
        a = a + 0xfffu + ((a >> 13) & 1u);
        return sign | ((a - 0x38000000u) >> 13);
    }
    if (a <= 0x33000000u) { // up to half of the smallest subnormal
        return 0u;
    }
    T_UINT shift = 126u - (a >> 23);
    T_UINT m = (a & 0x7fffffu) | 0x800000u;
    T_UINT r = m >> shift;
    T_UINT rest = m & ((1u << shift) - 1u);
    T_UINT tie = 1u << (shift - 1u);
    if (rest > tie || (rest == tie && (r & 1u) != 0u)) {
        r = r + 1u;
    }
    return sign | r;
}

// From float16 bits, exact. A subnormal is built from its integer, because devices may flush it.
T_FN float t_f16_to_f32(T_UINT h) {
    T_UINT sign = (h & 0x8000u) << 16;
    T_UINT e = h & 0x7c00u;
    T_UINT m = h & 0x3ffu;
    if (e == 0u) {
        T_PRECISE float v = T_TO_FLOAT(m) * 5.9604644775390625e-8f; // 2^-24
        return T_FLOAT(T_BITS(v) | sign);
    }
    if (e == 0x7c00u) {
        return T_FLOAT(sign | 0x7f800000u | (m << 13));
    }
    return T_FLOAT(sign | ((e << 13) + 0x38000000u) | (m << 13));
}

// The nearest float16 as a float32: rule 2's rounding of activations, queries and probabilities.
T_FN float t_round_f16(float x) {
    return t_f16_to_f32(t_f16_from_f32(x));
}

// The nearest number of 16 significant bits, which times an int8 is exact in float32: rule 2's
// rounding of what meets an int8 cache.
T_FN float t_round_16(float x) {
    T_UINT u = T_BITS(x);
    return T_FLOAT((u + 0x7fu + ((u >> 8) & 1u)) & 0xffffff00u);
}

// To bfloat16 bits, nearest even, of a flushed value.
T_FN T_UINT t_bf16_from_f32(float x) {
    T_UINT u = T_BITS(t_flush(x));
    return (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
}

T_FN float t_bf16_to_f32(T_UINT h) {
    return T_FLOAT(h << 16);
}

#endif
