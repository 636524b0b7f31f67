// Random content from fixed seeds, biased to where arithmetic goes wrong.
#ifndef TERN_TOOLS_CONFORMANCE_FILL_H_
#define TERN_TOOLS_CONFORMANCE_FILL_H_

#include <stdint.h>

typedef struct rng {
    uint64_t state;
} rng;

// A generator for test |number| of what |name| names.
rng rng_make(const char *name, uint32_t number);
uint32_t rng_next(rng *self);
// In [0, bound), bound > 0.
uint32_t rng_below(rng *self, uint32_t bound);
// In [-1, 1).
float rng_unit(rng *self);

// Kinds of float32 content. All keep the contract of ops: finite, no -0, nothing below 2^-50 but 0.
typedef enum fill_kind {
    FILL_NORMAL,   // around 0, spread 1
    FILL_ZERO,     // all +0
    FILL_SMALL,    // from 2^-50 up: products and differences fall below the flush threshold
    FILL_LARGE,    // up to 1e4, with an outlier
    FILL_SATURATE, // all of one magnitude
    FILL_HALVES,   // around float16's ties, subnormals and saturation
    FILL_ROUND,    // quantisation ties: the largest is 127, the others k + 1/2
    FILL_ABSMAX,   // largest magnitude around 1e-5, where quantisation stops shrinking
    FILL_EXP,      // 0 down to -40, many at the cut of exp at -34
    FILL_EQUAL,    // few distinct values: ties
    FILL_LOWEST,   // the least float32 and half of it: beside them nothing else counts
    FILL_COUNT
} fill_kind;

const char *fill_name(fill_kind fill);

// One row of |count| values.
void fill_row(rng *random, fill_kind fill, float *out, uint32_t count);

// float16 and bfloat16 bits: finite, of every magnitude that |fill| suggests.
uint16_t fill_f16(rng *random, fill_kind fill);
uint16_t fill_bf16(rng *random, fill_kind fill);

float fill_f16_value(uint16_t bits);
float fill_bf16_value(uint16_t bits);
float fill_float(uint32_t bits);
uint32_t fill_bits(float value);

#endif
