#version 450
#extension GL_GOOGLE_include_directive : require
#ifdef INT_DOT
#extension GL_EXT_spirv_intrinsics : require
#endif
// Products of quantised activations with the rows of weights that their expert has: slot s of row r
// is product r * slots + s, with outputs |N| of the matrix from expert * N on, wherever in a tile
// that is. Weights lie as ternary_matmul.comp says; outputs of one segment of them are made.
//
// bindings        0 params, 1 q (words), 2 scale, 3 codes, 4 weight scales, 5 ids, 6 out
// push constants  Push (struct tern_vk_push_expert_bitlinear)
// specialisation  0 outputs of each invocation, 1 kind of weight scales, 2 words of 16 columns that
//                 are held at a time
// workgroup       64 x TILES outputs; x such outputs, y products
#include "shaders/vulkan/include/dot.glsl"
#include "shaders/vulkan/include/rows.glsl"
#include "shaders/vulkan/include/ternary.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint TILES = 1u;
layout(constant_id = 1) const uint SCALES = SCALE_TENSOR;
layout(constant_id = 2) const uint CHUNK = 64u;

layout(std430, binding = 1) readonly buffer Q {
    uint q[];
};
layout(std430, binding = 2) readonly buffer Scale {
    float scale[];
};
layout(std430, binding = 3) readonly buffer Codes {
    uint codes[];
};
layout(std430, binding = 4) readonly buffer WeightScales {
    float weight_scales[];
};
layout(std430, binding = 5) readonly buffer Ids {
    int ids[];
};
layout(std430, binding = 6) writeonly buffer Result {
    float result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint slots;
    uint sharing; // products that a row of q is for
    uint experts;
    uint outputs; // N
    uint first;   // of the segment's rows
    uint count;
    uint q_words; // of a row: ceil(K / 4)
    Ternary weights;
    View q;
    View ids;
    View result;
    uint scale;
}
push;

shared uvec4 held[CHUNK];
shared int row_sum;

int sums[TILES];

// Row of the segment that output |j| of the expert is, the segment's first if it is none of it.
uint place_of(uint begin, uint j) {
    uint n = begin + j - push.first;
    return j < push.outputs && n < push.count ? n : 0u;
}

bool is_here(uint begin, uint j) {
    return j < push.outputs && begin + j - push.first < push.count;
}

// Holds words [first, first + CHUNK) of a row, those past the last as zeros; returns the sum of
// what this invocation has brought.
int hold(uint base, uint first) {
    int sum = 0;
    barrier();
    for (uint i = gl_LocalInvocationID.x; i < 4u * CHUNK; i += 64u) {
        uint w = 4u * first + i;
        uint word = w < push.q_words ? q[base + w] : 0u;
        held[i >> 2][i & 3u] = word;
        sum += byte_sum(word);
    }
    barrier();
    return sum;
}

// sums = all products of codes and activations; what codes are more than weights is in row_sum.
void multiply(uint base, uint begin, uint j) {
    int sum = 0;
    uint at[TILES];
    for (uint t = 0u; t < TILES; t++) {
        sums[t] = 0;
        at[t] = code_word(push.weights, place_of(begin, j + 64u * t), 0u);
    }
    barrier();
    if (gl_LocalInvocationID.x == 0u) {
        row_sum = 0;
    }
    for (uint first = 0u; first < push.weights.words; first += CHUNK) {
        sum += hold(base, first);
        uint end = min(CHUNK, push.weights.words - first);
        for (uint w = 0u; w < end; w++) {
            Sixteen a = spread(held[w]);
            for (uint t = 0u; t < TILES; t++) {
                sums[t] += dot16(a, codes[at[t] + 64u * (first + w)]);
            }
        }
    }
    atomicAdd(row_sum, sum);
    barrier();
}

// As in ternary_matmul.comp.
int dot_words(uint n, uint from, uint to, uint base) {
    int sum = 0;
    for (uint w = from; w < to; w++) {
        uint word = codes[code_word(push.weights, n, w)];
        uint count = min(push.q_words - 4u * w, 4u);
        for (uint s = 0u; s < count; s++) {
            uint four = q[base + 4u * w + s];
            sum += dot4(four, (word >> (2u * s)) & 0x03030303u) - byte_sum(four);
        }
    }
    return sum;
}

// Sum over groups by rule 4.
float group_sum(uint n, uint base) {
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
            precise float y = float(dot_words(n, from, to, base));
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

float output_of(uint n, uint base, int sum, float act_scale) {
    if (SCALES == SCALE_GROUP) {
        precise float y = group_sum(n, base) * act_scale;
        return y;
    }
    precise float y = float(sum) * act_scale;
    y = y * (SCALES == SCALE_ROW ? weight_scales[scale_word(push.weights, n, 0u)]
                                 : push.weights.scale);
    return y;
}

void make_outputs(uint product, uint begin) {
    uint j = 64u * TILES * gl_WorkGroupID.x + gl_LocalInvocationID.x;
    uint row = product / push.sharing;
    uint base = push.q.offset + row * push.q.stride;
    uint to = push.result.offset + product / push.slots * push.result.stride +
              product % push.slots * push.outputs;
    if (SCALES != SCALE_GROUP) {
        multiply(base, begin, j);
    }
    for (uint t = 0u; t < TILES; t++) {
        if (is_here(begin, j + 64u * t)) {
            int sum = SCALES == SCALE_GROUP ? 0 : sums[t] - row_sum;
            float y = output_of(place_of(begin, j + 64u * t), base, sum, scale[push.scale + row]);
            result[to + j + 64u * t] = t_flush(y);
        }
    }
}

void main() {
    uint products = live_rows(push.rows) * push.slots;
    for (uint product = gl_WorkGroupID.y; product < products; product += gl_NumWorkGroups.y) {
        uint at = push.ids.offset + product / push.slots * push.ids.stride + product % push.slots;
        uint begin = clamp_index(ids[at], push.experts) * push.outputs;
        // The same for the whole workgroup.
        if (begin < push.first + push.count && begin + push.outputs > push.first) {
            make_outputs(product, begin);
        }
    }
}
