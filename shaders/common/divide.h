// Correctly rounded division and square root. Processors have them; GPUs promise only a few ulp, so
// there a float estimate is mended by its exact integer remainder. Arguments finite and normal (or
// zero divided), results normal.
#ifndef TERN_SHADERS_COMMON_DIVIDE_H_
#define TERN_SHADERS_COMMON_DIVIDE_H_

#include "shaders/common/lang.h"

// About 2^-22 relative.
T_FN float t_reciprocal_estimate(float x) {
    T_PRECISE float y = T_FLOAT(0x7ef311c7u - T_BITS(x));
    T_PRECISE float e;
    e = x * y;
    e = 2.0f - e;
    y = y * e;
    e = x * y;
    e = 2.0f - e;
    y = y * e;
    e = x * y;
    e = 2.0f - e;
    y = y * e;
    return y;
}

// About 2^-21 relative.
T_FN float t_rsqrt_estimate(float x) {
    T_PRECISE float h = x * 0.5f;
    T_PRECISE float y = T_FLOAT(0x5f3759dfu - (T_BITS(x) >> 1));
    T_PRECISE float a;
    a = y * y;
    a = h * a;
    a = 1.5f - a;
    y = y * a;
    a = y * y;
    a = h * a;
    a = 1.5f - a;
    y = y * a;
    a = y * y;
    a = h * a;
    a = 1.5f - a;
    y = y * a;
    return y;
}

// a / b by integers: q is the quotient of the mantissas to 25 bits, rest its exact remainder. The
// remainder is small, so arithmetic modulo 2^32 holds it.
T_FN float t_divide_by_integers(float a, float b) {
    T_UINT ua = T_BITS(a);
    T_UINT ub = T_BITS(b);
    T_UINT sign = (ua ^ ub) & 0x80000000u;
    if ((ua & 0x7f800000u) == 0u) {
        return T_FLOAT(sign);
    }
    T_UINT ma = (ua & 0x7fffffu) | 0x800000u;
    T_UINT mb = (ub & 0x7fffffu) | 0x800000u;
    T_UINT shift = ma >= mb ? 24u : 25u;
    T_PRECISE float estimate = T_TO_FLOAT(ma) * (shift == 24u ? 16777216.0f : 33554432.0f);
    estimate = estimate * t_reciprocal_estimate(T_TO_FLOAT(mb));
    T_UINT q = T_TO_UINT(estimate);
    int rest = T_TO_INT((ma << shift) - q * mb);
    while (rest < 0) {
        q = q - 1u;
        rest = rest + T_TO_INT(mb);
    }
    while (rest >= T_TO_INT(mb)) {
        q = q + 1u;
        rest = rest - T_TO_INT(mb);
    }
    int e = T_TO_INT((ua >> 23) & 255u) - T_TO_INT((ub >> 23) & 255u) + 151 - T_TO_INT(shift);
    T_UINT m = q >> 1;
    if ((q & 1u) != 0u && (rest != 0 || (m & 1u) != 0u)) {
        m = m + 1u;
    }
    if (e <= 0) {
        return T_FLOAT(sign);
    }
    if (e >= 255) {
        return T_FLOAT(sign | 0x7f800000u);
    }
    return T_FLOAT(sign | ((T_TO_UINT(e) << 23) + (m - 0x800000u)));
}

// sqrt(x), x >= 0: q is the root of the shifted mantissa to 25 bits; a tie cannot occur.
T_FN float t_sqrt_by_integers(float x) {
    T_UINT u = T_BITS(x);
    if ((u & 0x7f800000u) == 0u) {
        return 0.0f;
    }
    int e = T_TO_INT(u >> 23) - 127;
    int odd = e & 1;
    T_UINT m = (u & 0x7fffffu) | 0x800000u;
    T_PRECISE float wide = T_TO_FLOAT(m) * (odd != 0 ? 67108864.0f : 33554432.0f);
    T_PRECISE float estimate = wide * t_rsqrt_estimate(wide);
    T_UINT q = T_TO_UINT(estimate);
    int rest = T_TO_INT((m << (25 + odd)) - q * q);
    while (rest < 0) {
        q = q - 1u;
        rest = rest + T_TO_INT(2u * q + 1u);
    }
    while (rest > T_TO_INT(2u * q)) {
        rest = rest - T_TO_INT(2u * q + 1u);
        q = q + 1u;
    }
    m = (q >> 1) + (q & 1u);
    return T_FLOAT((T_TO_UINT((e - odd) / 2 + 127) << 23) + (m - 0x800000u));
}

#ifdef T_C
T_FN float t_divide(float a, float b) {
    return a / b;
}
T_FN float t_sqrt(float x) {
    return sqrtf(x);
}
#else
T_FN float t_divide(float a, float b) {
    return t_divide_by_integers(a, b);
}
T_FN float t_sqrt(float x) {
    return t_sqrt_by_integers(x);
}
#endif

#endif
