// Dense weights, read from `uint weights[]` with `push.row_words` words to a row and WEIGHTS their
// dtype. Words of 64 rows are interleaved; rows are whole pairs, filled up with zeros:
//
//     word w of row n     (n / 64 * row_words + w) * 64 + n % 64
//
// A block of 32 q8_0 weights is nine words: d, then eight words of q.
#include "shaders/vulkan/include/dtype.glsl"

uint dense_word(uint n, uint w) {
    return weights[(n / 64u * push.row_words + w) * 64u + n % 64u];
}

// Columns |k|, even, and |k| + 1 of row |n|.
vec2 dense_pair(uint n, uint k) {
    if (WEIGHTS == F32) {
        return uintBitsToFloat(uvec2(dense_word(n, k), dense_word(n, k + 1u)));
    }
    if (WEIGHTS == Q8_0) {
        vec2 d = vec2(t_f16_to_f32(dense_word(n, k / 32u * Q8_WORDS)));
        uint word = dense_word(n, k / 32u * Q8_WORDS + 1u + (k >> 2) % 8u);
        precise vec2 pair = d * vec2(signed_byte(word, k & 3u), signed_byte(word, (k & 3u) + 1u));
        return pair;
    }
    uint word = dense_word(n, k >> 1);
    return vec2(element_of(WEIGHTS, word, 0u), element_of(WEIGHTS, word, 1u));
}
