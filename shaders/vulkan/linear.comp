#version 450
#extension GL_GOOGLE_include_directive : require
// out = flush(sum(p_k)) or flush(sum(p_k) + bias), p_k = f16(x[k]) * weight, or x[k] * weight for
// float32 weights. An invocation makes one output: it reads its row of the weights, laid out as
// include/dense.glsl says, once, two columns at a time, in the order of the tree of rule 4, so that
// a few pairs of sums are all it keeps.
//
// bindings        0 params, 1 x, 2 weights (words), 3 bias, 4 out
// push constants  Push (struct tern_vk_push_linear); outputs of one segment of the weights
// specialisation  0 dtype of the weights
// workgroup       64 outputs; x tiles of 64 outputs, y rows
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint WEIGHTS = 1u;

layout(std430, binding = 1) readonly buffer X {
    float x[];
};
layout(std430, binding = 2) readonly buffer Weights {
    uint weights[];
};
layout(std430, binding = 3) readonly buffer Bias {
    float bias[];
};
layout(std430, binding = 4) writeonly buffer Result {
    float result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint cols;
    uint outputs;
    uint row_words;
    View x;
    View result;
    uint bias;
    uint has_bias;
}
push;

#include "shaders/vulkan/include/dense.glsl"

shared float held[1024];

// Block |block| of the row of x at |base|, rounded and filled up with zeros.
void hold(uint base, uint block) {
    barrier();
    for (uint k = gl_LocalInvocationID.x; k < 1024u; k += 64u) {
        float value = block + k < push.cols ? x[base + block + k] : 0.0;
        held[k] = WEIGHTS == F32 ? value : t_round_f16(value);
    }
    barrier();
}

// The partial sums of indices |l| and |l| + 1 mod 64.
vec2 partial_sums(uint n, uint block, uint l) {
    precise vec2 sums = vec2(0.0);
    uint end = min(push.cols - block, 1024u);
    for (uint k = l; k < end; k += 64u) {
        precise vec2 products = vec2(held[k], held[k + 1u]) * dense_pair(n, block + k);
        sums = sums + products;
    }
    return sums;
}

// Joins the partial sums: pair i of 32 is that of index 2 i with its five bits reversed, and a pair
// is added to an earlier one as soon as both halves of a branch are there.
float block_sum(uint n, uint block) {
    vec2 branches[6];
    uint depth = 0u;
    for (uint i = 0u; i < 32u; i++) {
        precise vec2 sums = partial_sums(n, block, bitfieldReverse(i) >> 26);
        for (uint bits = i; (bits & 1u) != 0u; bits >>= 1) {
            depth--;
            sums = branches[depth] + sums;
        }
        branches[depth] = sums;
        depth++;
    }
    precise float sum = branches[0].x + branches[0].y;
    return sum;
}

void store(uint row, uint n, float total) {
    precise float y = total;
    if (push.has_bias != 0u) {
        y = y + bias[push.bias + n];
    }
    result[push.result.offset + row * push.result.stride + n] = t_flush(y);
}

void main() {
    uint n = gl_GlobalInvocationID.x;
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        precise float total = 0.0;
        for (uint block = 0u; block < push.cols; block += 1024u) {
            hold(push.x.offset + row * push.x.stride, block);
            total = total + block_sum(n, block);
        }
        if (n < push.outputs) {
            store(row, n, total);
        }
    }
}
