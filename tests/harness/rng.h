// Random numbers that are the same everywhere: a test names its seed.
#ifndef TERN_TESTS_HARNESS_RNG_H_
#define TERN_TESTS_HARNESS_RNG_H_

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct rng {
    uint64_t state;
} rng;

static inline rng rng_make(uint64_t seed) {
    return (rng){seed * 0x9e3779b97f4a7c15u + 1};
}

// SplitMix64.
static inline uint32_t rng_u32(rng *r) {
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

static inline uint32_t rng_below(rng *r, uint32_t count) {
    return (uint32_t)((uint64_t)rng_u32(r) * count >> 32);
}

static inline float rng_float(rng *r, float low, float high) {
    return low + (high - low) * (float)(rng_u32(r) >> 8) * 0x1p-24f;
}

// Any sign and mantissa, exponents from |low| to |high| - 1.
static inline float rng_wide(rng *r, int low, int high) {
    float mantissa = 1.0f + (float)(rng_u32(r) >> 9) * 0x1p-23f;
    float size = ldexpf(mantissa, low + (int)rng_below(r, (uint32_t)(high - low)));
    return rng_u32(r) & 1 ? -size : size;
}

static inline uint32_t float_bits(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float float_of(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

// Rounded to float16 by arithmetic in double, saturating: what tests expect of the conversions.
static inline double half_rounded(double x) {
    if (x == 0.0) {
        return 0.0;
    }
    int e;
    frexp(x, &e);
    double step = ldexp(1.0, (e < -13 ? -13 : e) - 11);
    double y = nearbyint(x / step) * step;
    return y > 65504.0 ? 65504.0 : y < -65504.0 ? -65504.0 : y;
}

#endif
