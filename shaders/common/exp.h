// The exponential function: within 8.2e-8 relative of the true value for -34 <= x <= 0, and 0
// below.
#ifndef TERN_SHADERS_COMMON_EXP_H_
#define TERN_SHADERS_COMMON_EXP_H_

#include "shaders/common/float.h"

// exp(x) for x <= 88: 2^n times a polynomial of degree 6 in r = x - n log 2, |r| <= log(2) / 2.
T_FN float t_exp(float x) {
    if (x < -34.0f) {
        return 0.0f;
    }
    T_PRECISE float t = x * 1.44269504f;
    T_PRECISE float n = t_rint(t);
    T_PRECISE float c = n * 0.693359375f;
    T_PRECISE float r = x - c;
    T_PRECISE float d = n * -2.12194440e-4f;
    r = r - d;
    T_PRECISE float p = 1.9875691500e-4f;
    p = p * r;
    p = p + 1.3981999507e-3f;
    p = p * r;
    p = p + 8.3334519073e-3f;
    p = p * r;
    p = p + 4.1665795894e-2f;
    p = p * r;
    p = p + 1.6666665459e-1f;
    p = p * r;
    p = p + 5.0000001201e-1f;
    T_PRECISE float q = r * r;
    p = p * q;
    p = p + r;
    p = p + 1.0f;
    T_PRECISE float y = p * T_FLOAT(T_TO_UINT(T_TO_INT(n) + 127) << 23);
    return y;
}

#endif
