#version 450
#extension GL_GOOGLE_include_directive : require
// out[r] = flush(weights[ids[r]]), for the ids whose rows lie in one segment of the weights.
//
// bindings        0 params, 1 ids, 2 weights (words), 3 weight scales, 4 out
// push constants  Push (struct tern_vk_push_embedding)
// specialisation  0 dtype of the weights, 1 kind of weight scales
// workgroup       64 columns; x columns, y rows
#include "shaders/vulkan/include/rows.glsl"
#include "shaders/vulkan/include/ternary.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint WEIGHTS = 1u;
layout(constant_id = 1) const uint SCALES = SCALE_TENSOR;

layout(std430, binding = 1) readonly buffer Ids {
    int ids[];
};
layout(std430, binding = 2) readonly buffer Weights {
    uint weights[];
};
layout(std430, binding = 3) readonly buffer WeightScales {
    float weight_scales[];
};
layout(std430, binding = 4) writeonly buffer Result {
    float result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint cols;
    uint total; // rows of the whole matrix
    uint first; // of the segment
    uint count;
    uint row_words;
    Ternary ternary;
    uint ids;
    View result;
}
push;

#include "shaders/vulkan/include/dense.glsl"

float ternary_at(uint n, uint k) {
    uint word = weights[code_word(push.ternary, n, k / 16u)];
    int code = int((word >> (8u * (k & 3u) + 2u * ((k >> 2) & 3u))) & 3u) - 1;
    float scale = push.ternary.scale;
    if (SCALES == SCALE_ROW) {
        scale = weight_scales[scale_word(push.ternary, n, 0u)];
    }
    if (SCALES == SCALE_GROUP) {
        scale = weight_scales[scale_word(push.ternary, n, k / (16u * push.ternary.group_words))];
    }
    precise float w = scale * float(code);
    return w;
}

float weight_at(uint n, uint k) {
    if (WEIGHTS == T2) {
        return ternary_at(n, k);
    }
    vec2 pair = dense_pair(n, k & ~1u);
    return (k & 1u) != 0u ? pair.y : pair.x;
}

void main() {
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        uint id = clamp_index(ids[push.ids + row], push.total);
        if (id < push.first || id - push.first >= push.count) {
            continue;
        }
        uint to = push.result.offset + row * push.result.stride;
        for (uint k = gl_GlobalInvocationID.x; k < push.cols; k += 64u * gl_NumWorkGroups.x) {
            result[to + k] = t_flush(weight_at(id - push.first, k));
        }
    }
}
