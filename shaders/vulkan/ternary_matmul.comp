#version 450
#extension GL_GOOGLE_include_directive : require
#ifdef INT_DOT
#extension GL_EXT_spirv_intrinsics : require
#endif
// INT8 activations times ternary weights: y as tern_ternary_matmul_desc says, then out = flush(y),
// flush(y + bias), and where a residual is given out = flush(that + residual). An invocation makes
// one output of ROWS rows.
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
// specialisation  0 rows per invocation, 1 kind of weight scales
// workgroup       64 outputs; x tiles of 64 outputs, y tiles of ROWS rows
#include "shaders/vulkan/include/dot.glsl"
#include "shaders/vulkan/include/rows.glsl"
#include "shaders/vulkan/include/ternary.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint ROWS = 1u;
layout(constant_id = 1) const uint SCALES = SCALE_TENSOR;

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
layout(std430, binding = 5) readonly buffer Bias {
    float bias[];
};
layout(std430, binding = 6) readonly buffer Residual {
    float residual[];
};
layout(std430, binding = 7) writeonly buffer Result {
    float result[];
};
layout(push_constant) uniform Push {
    Rows rows;
    uint outputs;
    uint q_words; // of a row: ceil(K / 4)
    Ternary weights;
    View q;
    View residual;
    View result;
    uint scale;
    uint bias;
    uint has_bias;
    uint has_residual;
}
push;

int sums[ROWS];

// Adds codes [from, to) (in words) of output |n| times the activations of rows |row| to |last| to
// |sums|; sums past the last row are never used.
void add_words(uint n, uint from, uint to, uint row, uint last) {
    for (uint w = from; w < to; w++) {
        uint word = codes[code_word(push.weights, n, w)];
        uint count = min(push.q_words - 4u * w, 4u);
        for (uint r = 0u; r < ROWS; r++) {
            uint base = push.q.offset + min(row + r, last) * push.q.stride + 4u * w;
            for (uint s = 0u; s < count; s++) {
                uint four = q[base + s];
                sums[r] += dot4(four, (word >> (2u * s)) & 0x03030303u) - dot4(four, 0x01010101u);
            }
        }
    }
}

void clear_sums() {
    for (uint r = 0u; r < ROWS; r++) {
        sums[r] = 0;
    }
}

void store(uint row, uint n, float value) {
    precise float y = value;
    if (push.has_bias != 0u) {
        y = y + bias[push.bias + n];
    }
    y = t_flush(y);
    if (push.has_residual != 0u) {
        y = y + residual[push.residual.offset + row * push.residual.stride + n];
    }
    result[push.result.offset + row * push.result.stride + n] = t_flush(y);
}

void store_scaled(uint row, uint n, uint count) {
    float weight_scale =
        SCALES == SCALE_ROW ? weight_scales[scale_word(push.weights, n, 0u)] : push.weights.scale;
    for (uint r = 0u; r < count; r++) {
        precise float y = float(sums[r]) * scale[push.scale + row + r];
        y = y * weight_scale;
        store(row + r, n, y);
    }
}

// Sum over groups by rule 4; here ROWS is 1.
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
            clear_sums();
            add_words(n, from, min(from + push.weights.group_words, push.weights.words), row, row);
            precise float y = float(sums[0]) * weight_scales[scale_word(push.weights, n, g)];
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
    for (uint row = gl_WorkGroupID.y * ROWS; row < live; row += gl_NumWorkGroups.y * ROWS) {
        if (n >= push.outputs) {
            return;
        }
        if (SCALES == SCALE_GROUP) {
            precise float y = group_sum(row, n) * scale[push.scale + row];
            store(row, n, y);
        } else {
            clear_sums();
            add_words(n, 0u, push.weights.words, row, live - 1u);
            store_scaled(row, n, min(ROWS, live - row));
        }
    }
}
