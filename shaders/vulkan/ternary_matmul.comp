#version 450
#extension GL_GOOGLE_include_directive : require
#ifdef INT_DOT
#extension GL_EXT_spirv_intrinsics : require
#endif
// INT8 activations times ternary weights: y as tern_ternary_matmul_desc says, then out = flush(y),
// flush(y + bias), and where a residual is given out = flush(that + residual). An invocation makes
// one output of a row. This one is for scales by groups; ternary_gemm.comp is for the others.
//
// Codes (0, 1, 2 for -1, 0, +1) lie in words of 16: element 4 s + j at bit 8 j + 2 s, so that (word
// >> 2 s) & 0x03030303 are four codes as bytes. Words of 64 outputs are interleaved, and so are
// group scales:
//
//     word w of output n     (n / 64 * words + w) * 64 + n % 64
//     scale of group g       (n / 64 * groups + g) * 64 + n % 64
//
// sum(q * weight) is found as sum(q * code) - sum(q); elements past K have code 1.
//
// bindings        0 params, 1 q (words), 2 scale, 3 codes, 4 weight scales, 5 bias, 6 residual,
//                 7 out
// push constants  Push (struct tern_vk_push_ternary_matmul); outputs of one segment of the weights
// workgroup       64 outputs; x tiles of 64 outputs, y rows
#include "shaders/vulkan/include/dot.glsl"
#include "shaders/vulkan/include/rows.glsl"
#include "shaders/vulkan/include/ternary.glsl"

layout(local_size_x = 64) in;

#include "shaders/vulkan/include/matmul.glsl"

// Codes of words [from, to) of output |n| times the activations of |row|.
int dot_words(uint n, uint from, uint to, uint row) {
    int sum = 0;
    for (uint w = from; w < to; w++) {
        uint word = codes[code_word(push.weights, n, w)];
        uint count = min(push.q_words - 4u * w, 4u);
        uint base = push.q.offset + row * push.q.stride + 4u * w;
        for (uint s = 0u; s < count; s++) {
            uint four = q[base + s];
            sum += dot4(four, (word >> (2u * s)) & 0x03030303u) - byte_sum(four);
        }
    }
    return sum;
}

// Sum over groups by rule 4.
float group_sum(uint row, uint n) {
    float part[64];
    precise float total = 0.0;
    for (uint block = 0u; block < push.weights.groups; block += 1024u) {
        for (uint l = 0u; l < 64u; l++) {
            part[l] = 0.0;
        }
        uint end = min(block + 1024u, push.weights.groups);
        for (uint g = block; g < end; g++) {
            uint from = g * push.weights.group_words;
            uint to = min(from + push.weights.group_words, push.weights.words);
            precise float y = float(dot_words(n, from, to, row));
            y = y * weight_scales[scale_word(push.weights, n, g)];
            y = part[g & 63u] + y;
            part[g & 63u] = y;
        }
        for (uint k = 32u; k > 0u; k >>= 1) {
            for (uint l = 0u; l < k; l++) {
                precise float s = part[l] + part[l + k];
                part[l] = s;
            }
        }
        total = total + part[0];
    }
    return total;
}

void main() {
    uint n = gl_GlobalInvocationID.x;
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        if (n < push.outputs) {
            precise float y = group_sum(row, n) * scale[push.scale + row];
            store(row, n, y);
        }
    }
}
