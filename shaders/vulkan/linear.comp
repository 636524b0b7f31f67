#version 450
#extension GL_GOOGLE_include_directive : require
// out = flush(sum(p_k)) or flush(sum(p_k) + bias), p_k = f16(x[k]) * weight, or x[k] * weight for
// float32 weights. A workgroup makes 16 outputs of a row: each invocation the partial sums of its
// indices mod 64, then each of the first 16 joins the partial sums of one output.
//
// bindings        0 params, 1 x, 2 weights (words), 3 bias, 4 out
// push constants  Push (struct tern_vk_push_linear); outputs of one segment of the weights
// specialisation  0 dtype of the weights
// workgroup       64 invocations for 16 outputs; x tiles of 16 outputs, y rows
#include "shaders/vulkan/include/dtype.glsl"
#include "shaders/vulkan/include/rows.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint WEIGHTS = F32;

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

const uint TILE = 16u;
const uint PITCH = 65u; // keeps the joining invocations in different banks

shared float part[TILE * PITCH];

float weight_at(uint base, uint k) {
    if (WEIGHTS == Q8_0) {
        uint block = base + k / 32u * Q8_WORDS;
        int q = signed_byte(weights[block + 1u + (k >> 2) % 8u], k & 3u);
        precise float w = t_f16_to_f32(weights[block]) * float(q);
        return w;
    }
    return element_of(WEIGHTS, weights[base + word_of(WEIGHTS, k)], k);
}

void partial_sums(uint first, uint block, float held[16]) {
    uint lane = gl_LocalInvocationID.x;
    uint count = min(TILE, push.outputs - first);
    for (uint t = 0u; t < count; t++) {
        uint base = (first + t) * push.row_words;
        precise float partial = 0.0;
        for (uint j = 0u; j < 16u; j++) {
            uint k = block + 64u * j + lane;
            if (k < push.cols) {
                precise float product = held[j] * weight_at(base, k);
                partial = partial + product;
            }
        }
        part[t * PITCH + lane] = partial;
    }
}

float joined(uint base) {
    for (uint k = 32u; k > 0u; k >>= 1) {
        for (uint l = 0u; l < k; l++) {
            precise float s = part[base + l] + part[base + l + k];
            part[base + l] = s;
        }
    }
    return part[base];
}

void store(uint row, uint output_index, float total) {
    precise float y = total;
    if (push.has_bias != 0u) {
        y = y + bias[push.bias + output_index];
    }
    result[push.result.offset + row * push.result.stride + output_index] = t_flush(y);
}

void main() {
    uint lane = gl_LocalInvocationID.x;
    uint first = gl_WorkGroupID.x * TILE;
    bool joins = lane < TILE && first + lane < push.outputs;
    uint live = live_rows(push.rows);
    for (uint row = gl_WorkGroupID.y; row < live; row += gl_NumWorkGroups.y) {
        uint base = push.x.offset + row * push.x.stride;
        precise float total = 0.0;
        for (uint block = 0u; block < push.cols; block += 1024u) {
            float held[16];
            for (uint j = 0u; j < 16u; j++) {
                uint k = block + 64u * j + lane;
                float value = k < push.cols ? x[base + k] : 0.0;
                held[j] = WEIGHTS == F32 ? value : t_round_f16(value);
            }
            partial_sums(first, block, held);
            barrier();
            if (joins) {
                total = total + joined(lane * PITCH);
            }
            barrier();
        }
        if (joins) {
            store(row, first + lane, total);
        }
    }
}
