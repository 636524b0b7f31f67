// Element types as spec constants name them (TERN_DTYPE_* of tern/types.h), and reading them from
// words.
#ifndef TERN_SHADERS_VULKAN_DTYPE_GLSL_
#define TERN_SHADERS_VULKAN_DTYPE_GLSL_

#include "shaders/common/float.h"

const uint F32 = 1u;
const uint F16 = 2u;
const uint BF16 = 3u;
const uint I32 = 4u;
const uint I8 = 5u;
const uint T2 = 16u;
const uint Q8_0 = 19u;

// Words of one block of 32 q8_0 weights as held here: d, then eight words of q.
const uint Q8_WORDS = 9u;

bool is_half(uint dtype) {
    return dtype == F16 || dtype == BF16;
}

// The word of a row that holds element |k|.
uint word_of(uint dtype, uint k) {
    return dtype == I8 ? k >> 2 : is_half(dtype) ? k >> 1 : k;
}

int signed_byte(uint word, uint index) {
    return bitfieldExtract(int(word), int(8u * index), 8);
}

// Element |k| of a row, from the word that holds it.
float element_of(uint dtype, uint word, uint k) {
    uint h = (k & 1u) != 0u ? word >> 16 : word & 0xffffu;
    if (dtype == F16) {
        return t_f16_to_f32(h);
    }
    if (dtype == BF16) {
        return t_bf16_to_f32(h);
    }
    if (dtype == I8) {
        return float(signed_byte(word, k & 3u));
    }
    return uintBitsToFloat(word);
}

#endif
