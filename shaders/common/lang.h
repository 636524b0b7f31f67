// One subset of C, GLSL and OpenCL C: the macros that differ. The arithmetic in this folder is
// compiled by all three, with the same bits (numbers contract). T_PRECISE goes before every float
// local that holds a result of an operation, also one that is only returned: in GLSL it becomes
// NoContraction.
#ifndef TERN_SHADERS_COMMON_LANG_H_
#define TERN_SHADERS_COMMON_LANG_H_

#if defined(VULKAN) // GLSL for Vulkan

#define T_FN
#define T_CONST const
#define T_PRECISE precise
#define T_UINT uint
#define T_BITS(x) floatBitsToUint(x)
#define T_FLOAT(u) uintBitsToFloat(u)
#define T_TO_INT(x) int(x)
#define T_TO_UINT(x) uint(x)
#define T_TO_FLOAT(x) float(x)
#define T_ABS(x) abs(x)

#elif defined(__OPENCL_VERSION__) // OpenCL C

#pragma OPENCL FP_CONTRACT OFF
#define T_FN static
#define T_CONST constant
#define T_PRECISE
#define T_UINT uint
#define T_BITS(x) as_uint(x)
#define T_FLOAT(u) as_float(u)
#define T_TO_INT(x) ((int)(x))
#define T_TO_UINT(x) ((uint)(x))
#define T_TO_FLOAT(x) ((float)(x))
#define T_ABS(x) fabs(x)

#else // C, built with -ffp-contract=off

#include <math.h>
#include <stdint.h>
#include <string.h>

#define T_FN static inline
#define T_CONST static const
#define T_PRECISE
#define T_UINT uint32_t
#define T_BITS(x) t_bits_of(x)
#define T_FLOAT(u) t_float_of(u)
#define T_TO_INT(x) ((int32_t)(x))
#define T_TO_UINT(x) ((uint32_t)(x))
#define T_TO_FLOAT(x) ((float)(x))
#define T_ABS(x) fabsf(x)
#define T_C 1

static inline uint32_t t_bits_of(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float t_float_of(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

#endif

#endif
