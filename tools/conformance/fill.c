#include "tools/conformance/fill.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

rng rng_make(const char *name, uint32_t number) {
    uint64_t hash = 0xcbf29ce484222325u; // FNV-1a
    for (; *name; name++) {
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    }
    return (rng){hash + number * 0x9e3779b97f4a7c15u};
}

// splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
uint32_t rng_next(rng *self) {
    uint64_t z = (self->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

uint32_t rng_below(rng *self, uint32_t bound) {
    return (uint32_t)(((uint64_t)rng_next(self) * bound) >> 32);
}

float rng_unit(rng *self) {
    return (float)((int32_t)(rng_next(self) >> 8) - (1 << 23)) * 0x1p-23f;
}

float fill_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint32_t fill_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

const char *fill_name(fill_kind fill) {
    static const char *const names[FILL_COUNT] = {"normal",   "zero",   "small",  "large",
                                                  "saturate", "halves", "rounds", "absmax",
                                                  "exp",      "equal",  "lowest"};
    return names[fill];
}

// What the ops' contract asks of inputs, since every output keeps it.
static float clean(float value) {
    return fabsf(value) < 0x1p-50f ? 0.0f : value;
}

static float signed_by(rng *random, float value) {
    return rng_next(random) & 1 ? -value : value;
}

// A neighbour of |value|, up to two steps away.
static float near_by(rng *random, float value) {
    return fill_float(fill_bits(value) + rng_below(random, 5) - 2);
}

static float normal(rng *random) {
    return rng_unit(random) + rng_unit(random) + rng_unit(random);
}

static float small(rng *random) {
    static const float edges[] = {0x1p-50f, 0x1p-49f, 0x1p-25f, 0x1p-26f, 0x1.8p-50f};
    if (rng_below(random, 4) == 0) {
        return clean(signed_by(random, near_by(random, edges[rng_below(random, COUNT_OF(edges))])));
    }
    return clean(
        signed_by(random, ldexpf(1.0f + fabsf(rng_unit(random)), -(int)rng_below(random, 50))));
}

static float halves(rng *random) {
    static const float edges[] = {65504.0f,          65519.996f,     65520.0f,      70000.0f,
                                  0x1p-14f,          0x1p-24f,       0x1p-25f,      0x1.8p-24f,
                                  0x1.4p-23f,        0x1.ffcp-15f,   0x1.ffep-15f,  1.0f + 0x1p-11f,
                                  1.0f + 0x1.8p-10f, 2048.0f + 1.0f, 2048.0f + 3.0f};
    if (rng_below(random, 2) == 0) {
        return signed_by(random, near_by(random, edges[rng_below(random, COUNT_OF(edges))]));
    }
    float scale = ldexpf(1.0f, 14 - (int)rng_below(random, 40));
    return clean(normal(random) * scale);
}

static float round_tie(rng *random) {
    float tie = (float)((int32_t)rng_below(random, 253) - 126) + 0.5f;
    return rng_below(random, 4) == 0 ? near_by(random, tie) : tie;
}

static float exponent(rng *random) {
    if (rng_below(random, 3) == 0) {
        return near_by(random, -34.0f);
    }
    return clean(-fabsf(rng_unit(random)) * 40.0f);
}

static float one_value(rng *random, fill_kind fill) {
    switch (fill) {
    case FILL_ZERO:
        return 0.0f;
    case FILL_SMALL:
        return small(random);
    case FILL_LARGE:
        return clean(normal(random) * 1e4f);
    case FILL_LOWEST:
        return rng_next(random) & 1 ? -FLT_MAX : -FLT_MAX / 2.0f;
    case FILL_SATURATE:
        return signed_by(random, 3.0f);
    case FILL_HALVES:
        return halves(random);
    case FILL_ROUND:
        return round_tie(random);
    case FILL_ABSMAX:
        return clean(rng_unit(random) * 0.9e-5f);
    case FILL_EXP:
        return exponent(random);
    case FILL_EQUAL:
        return (float)rng_below(random, 3) - 1.0f;
    default:
        return clean(normal(random));
    }
}

void fill_row(rng *random, fill_kind fill, float *out, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        out[i] = one_value(random, fill);
    }
    float *place = &out[rng_below(random, count)];
    if (fill == FILL_LARGE) {
        *place *= 16.0f;
    } else if (fill == FILL_ROUND) {
        *place = signed_by(random, 127.0f);
    } else if (fill == FILL_ABSMAX) {
        *place = signed_by(random, near_by(random, 1e-5f));
    } else if (fill == FILL_EXP) {
        *place = 0.0f;
    }
}

uint16_t fill_f16(rng *random, fill_kind fill) {
    uint32_t bits = rng_next(random);
    uint32_t exponent_bits = 13 + rng_below(random, 4); // 2^-2 to 2^1
    if (fill == FILL_ZERO) {
        return 0;
    }
    if (fill == FILL_HALVES || fill == FILL_SMALL || fill == FILL_LARGE) {
        exponent_bits = rng_below(random, 31); // subnormals to 65504
    }
    return (uint16_t)((bits & 0x83ffu) | (exponent_bits << 10));
}

uint16_t fill_bf16(rng *random, fill_kind fill) {
    uint32_t bits = rng_next(random);
    uint32_t exponent_bits = 125 + rng_below(random, 4);
    if (fill == FILL_ZERO) {
        return 0;
    }
    if (fill == FILL_HALVES || fill == FILL_SMALL || fill == FILL_LARGE) {
        exponent_bits = 70 + rng_below(random, 73); // 2^-57 to 2^15
    }
    return (uint16_t)((bits & 0x807fu) | (exponent_bits << 7));
}

float fill_f16_value(uint16_t bits) {
    int exponent_bits = (bits >> 10) & 31;
    int mantissa = bits & 0x3ff;
    float value = exponent_bits ? ldexpf((float)(mantissa | 0x400), exponent_bits - 25)
                                : ldexpf((float)mantissa, -24);
    return bits & 0x8000 ? -value : value;
}

float fill_bf16_value(uint16_t bits) {
    return fill_float((uint32_t)bits << 16);
}
