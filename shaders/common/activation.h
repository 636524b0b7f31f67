// Logarithm, sigmoid, tanh, erf and the activations built on them (TERN_ACTIVATION_* of
// tern/types.h).
//
// Largest error found against libm in double, over a dense sampling of all binades, in units of the
// last place of the float32 result:
//
//     t_log       0.9   normal x > 0
//     t_sigmoid   2.4
//     t_tanh      1.5
//     t_erf       1.8
//     relu2       0.5
//     silu        3.2
//     gelu        5.0
//     gelu_tanh   4.1
//
// for results of at least 2^-50; smaller ones are within 2^-50 of the true value.
//
// Arguments are 0 or 2^-50 <= |x| <= 2^40; then nothing on the way is subnormal, infinite or NaN.
// Results are not flushed yet.
#ifndef TERN_SHADERS_COMMON_ACTIVATION_H_
#define TERN_SHADERS_COMMON_ACTIVATION_H_

#include "shaders/common/divide.h"
#include "shaders/common/exp.h"

// TERN_ACTIVATION_*, for languages that cannot read tern/types.h.
#define T_ACTIVATION_LINEAR 0u
#define T_ACTIVATION_RELU 1u
#define T_ACTIVATION_RELU2 2u
#define T_ACTIVATION_SILU 3u
#define T_ACTIVATION_SIGMOID 4u
#define T_ACTIVATION_TANH 5u
#define T_ACTIVATION_GELU 6u
#define T_ACTIVATION_GELU_TANH 7u

// a * b - p for p = a * b rounded. Both are cut in halves of 12 bits, whose products are exact.
T_FN float t_product_rest(float a, float b, float p) {
    T_PRECISE float ah = T_FLOAT(T_BITS(a) & 0xfffff000u);
    T_PRECISE float bh = T_FLOAT(T_BITS(b) & 0xfffff000u);
    T_PRECISE float al = a - ah;
    T_PRECISE float bl = b - bh;
    T_PRECISE float rest = ah * bh;
    rest = rest - p;
    T_PRECISE float term = ah * bl;
    rest = rest + term;
    term = al * bh;
    rest = rest + term;
    term = al * bl;
    rest = rest + term;
    return rest;
}

// exp(-a) for a >= 0, in two factors where t_exp alone would give up; 0 above 51.
T_FN float t_exp_decay(float a) {
    if (a <= 34.0f) {
        return t_exp(-a);
    }
    T_PRECISE float rest = 17.0f - a;
    T_PRECISE float y = t_exp(rest) * 4.139937719e-8f; // exp(-17)
    return y;
}

// Natural logarithm: x = m * 2^n with sqrt(1/2) <= m < sqrt(2), and a polynomial in f = m - 1.
T_FN float t_log(float x) {
    T_UINT u = T_BITS(x) - 0x3f3504f3u;
    T_PRECISE float n = T_TO_FLOAT(T_TO_INT(u) >> 23);
    T_PRECISE float f = T_FLOAT((u & 0x7fffffu) + 0x3f3504f3u);
    f = f - 1.0f;
    T_PRECISE float p = 6.91725239e-2f;
    p = p * f;
    p = p - 1.17919497e-1f;
    p = p * f;
    p = p + 1.1873284e-1f;
    p = p * f;
    p = p - 1.23840302e-1f;
    p = p * f;
    p = p + 1.42185822e-1f;
    p = p * f;
    p = p - 1.66692659e-1f;
    p = p * f;
    p = p + 2.0002231e-1f;
    p = p * f;
    p = p - 2.49999866e-1f;
    p = p * f;
    p = p + 3.33333105e-1f;
    T_PRECISE float q = f * f;
    p = p * f;
    p = p - 0.5f;
    p = p * q;
    T_PRECISE float d = n * -2.12194440e-4f; // log 2 - 0.693359375
    p = p + d;
    p = p + f;
    T_PRECISE float c = n * 0.693359375f;
    p = p + c;
    return p;
}

// 1 / (1 + exp(-(v + rest))) where v is rounded and |rest| is at most half of its last place.
T_FN float t_sigmoid_sum(float v, float rest) {
    T_PRECISE float a = T_ABS(v);
    T_PRECISE float e = t_exp_decay(a);
    T_PRECISE float d = e * (v < 0.0f ? rest : -rest);
    e = e + d;
    d = 1.0f + e;
    return t_divide(v < 0.0f ? e : 1.0f, d);
}

// 1 / (1 + exp(-x)).
T_FN float t_sigmoid(float x) {
    T_PRECISE float e = t_exp_decay(T_ABS(x));
    T_PRECISE float d = 1.0f + e;
    return t_divide(x < 0.0f ? e : 1.0f, d);
}

// A polynomial near 0, then 1 - 2 e / (1 + e) with e = exp(-2 |x|).
T_FN float t_tanh(float x) {
    T_PRECISE float a = T_ABS(x);
    T_PRECISE float y;
    if (a < 2.44140625e-4f) {
        return x;
    }
    if (a < 0.625f) {
        T_PRECISE float z = x * x;
        y = -5.66078629e-3f;
        y = y * z;
        y = y + 2.06020046e-2f;
        y = y * z;
        y = y - 5.37292287e-2f;
        y = y * z;
        y = y + 1.33313283e-1f;
        y = y * z;
        y = y - 3.33332777e-1f;
        y = y * z;
        y = y * x;
        y = y + x;
        return y;
    }
    y = a * 2.0f;
    T_PRECISE float e = t_exp_decay(y);
    y = e * 2.0f;
    e = 1.0f + e;
    y = t_divide(y, e);
    y = 1.0f - y;
    return x < 0.0f ? -y : y;
}

// erf(x) for |x| < 0.9, a polynomial.
T_FN float t_erf_small(float x) {
    T_PRECISE float y = x * 0.128379167f;
    if (T_ABS(x) >= 2.44140625e-4f) {
        T_PRECISE float z = x * x;
        y = 8.57464765e-5f;
        y = y * z;
        y = y - 8.18983885e-4f;
        y = y * z;
        y = y + 5.20508597e-3f;
        y = y * z;
        y = y - 2.68609971e-2f;
        y = y * z;
        y = y + 1.1283724e-1f;
        y = y * z;
        y = y - 3.76126349e-1f;
        y = y * z;
        y = y + 1.28379166e-1f;
        y = y * x;
    }
    y = y + x;
    return y;
}

// The part of a normal distribution beyond a >= 0, erfc(a / sqrt(2)) / 2: from erf near 0, then
// exp(-a^2 / 2) times a polynomial in u = (a - 4) / (a + 4), and 0 where a^2 / 2 > 34.
T_FN float t_normal_tail(float a) {
    T_PRECISE float p;
    if (a < 1.0f) {
        p = a * 7.07106781e-1f;
        p = t_erf_small(p) * 0.5f;
        p = 0.5f - p;
        return p;
    }
    if (a > 8.25f) {
        return 0.0f;
    }
    T_PRECISE float s = a * a;
    T_PRECISE float rest = t_product_rest(a, a, s);
    s = s * -0.5f;
    rest = rest * 0.5f;
    T_PRECISE float u = a - 4.0f;
    p = a + 4.0f;
    u = t_divide(u, p);
    p = -0.000115007708f;
    p = p * u;
    p = p + 0.000641608785f;
    p = p * u;
    p = p + 0.000489031721f;
    p = p * u;
    p = p - 0.00849430915f;
    p = p * u;
    p = p + 0.0308664944f;
    p = p * u;
    p = p - 0.0717072487f;
    p = p * u;
    p = p + 0.124379203f;
    p = p * u;
    p = p - 0.170397729f;
    p = p * u;
    p = p + 0.094410643f;
    p = p * t_exp(s);
    rest = rest * p;
    p = p - rest;
    return p;
}

// Near 0 a polynomial, then by the tail of the normal distribution.
T_FN float t_erf(float x) {
    T_PRECISE float a = T_ABS(x);
    if (a < 0.875f) {
        return t_erf_small(x);
    }
    T_PRECISE float y = a * 1.41421356f;
    y = t_normal_tail(y) * 2.0f;
    y = 1.0f - y;
    return x < 0.0f ? -y : y;
}

// x / 2 * (1 + erf(x / sqrt(2))).
T_FN float t_gelu(float x) {
    T_PRECISE float p = t_normal_tail(T_ABS(x));
    if (x >= 0.0f) {
        p = 1.0f - p;
    }
    p = p * x;
    return p;
}

// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) = x * sigmoid(x * (c + d * x^2)). The
// argument is kept in two floats: far below 0 a rounded one would cost the result many bits.
T_FN float t_gelu_tanh(float x) {
    T_PRECISE float y;
    if (T_ABS(x) < 1.4901161e-8f) {
        y = x * 0.5f;
        return y;
    }
    if (T_ABS(x) > 9.0f) {
        return x < 0.0f ? 0.0f : x;
    }
    T_PRECISE float q = x * x;
    T_PRECISE float rest = t_product_rest(x, x, q);
    T_PRECISE float p = q * 7.135481387e-2f;
    T_PRECISE float w = p + 1.595769167f;
    rest = rest * 7.135481387e-2f;
    y = t_product_rest(q, 7.135481387e-2f, p);
    rest = rest + y;
    y = q * 2.398832396e-9f; // what d lacks
    rest = rest + y;
    rest = rest - 4.534068042e-8f; // what c has too much
    y = w - 1.595769167f;          // w's own rounding
    q = w - y;
    q = 1.595769167f - q;
    rest = rest + q;
    p = p - y;
    rest = rest + p;
    T_PRECISE float v = x * w;
    y = t_product_rest(x, w, v);
    rest = rest * x;
    rest = rest + y;
    y = t_sigmoid_sum(v, rest) * x;
    return y;
}

// Any activation; numbers past the last are linear.
T_FN float t_activation(T_UINT kind, float x) {
    T_PRECISE float y;
    if (kind == T_ACTIVATION_RELU) {
        return x > 0.0f ? x : 0.0f;
    }
    if (kind == T_ACTIVATION_RELU2) {
        y = x > 0.0f ? x : 0.0f;
        y = y * y;
        return y;
    }
    if (kind == T_ACTIVATION_SILU) {
        y = x * t_sigmoid(x);
        return y;
    }
    if (kind == T_ACTIVATION_SIGMOID) {
        return t_sigmoid(x);
    }
    if (kind == T_ACTIVATION_TANH) {
        return t_tanh(x);
    }
    if (kind == T_ACTIVATION_GELU) {
        return t_gelu(x);
    }
    if (kind == T_ACTIVATION_GELU_TANH) {
        return t_gelu_tanh(x);
    }
    return x;
}

#endif
