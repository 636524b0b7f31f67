// Ternary weights as ternary_matmul.comp describes them.
#ifndef TERN_SHADERS_VULKAN_TERNARY_GLSL_
#define TERN_SHADERS_VULKAN_TERNARY_GLSL_

// TERN_SCALE_* of tern/types.h.
const uint SCALE_TENSOR = 1u;
const uint SCALE_ROW = 2u;
const uint SCALE_GROUP = 3u;

struct Ternary {
    uint words;       // of codes in a row: ceil(K / 16)
    uint groups;      // scales of a row
    uint group_words; // words of codes in a group
    float scale;      // of the whole matrix
};

uint code_word(Ternary weights, uint n, uint w) {
    return (n / 64u * weights.words + w) * 64u + n % 64u;
}

uint scale_word(Ternary weights, uint n, uint g) {
    return (n / 64u * weights.groups + g) * 64u + n % 64u;
}

#endif
