#version 450
#extension GL_GOOGLE_include_directive : require
#ifdef INT_DOT
#extension GL_EXT_spirv_intrinsics : require
#endif
// ternary_matmul with one scale, or one a row of weights. A workgroup holds CHUNK words of ROWS
// rows of activations in shared memory, and each of its invocations makes ROWS x TILES outputs from
// them: what is read of the weights serves ROWS rows, what is read of the activations serves TILES
// outputs.
//
// bindings        as ternary_matmul.comp
// push constants  Push (struct tern_vk_push_ternary_matmul); outputs of one segment of the weights
// specialisation  0 workgroup's y, 1 ROWS, 2 TILES, 3 kind of weight scales, 4 CHUNK
// workgroup       64 x any; x groups of TILES x y tiles of 64 outputs, y groups of ROWS rows
#include "shaders/vulkan/include/dot.glsl"
#include "shaders/vulkan/include/rows.glsl"
#include "shaders/vulkan/include/ternary.glsl"

layout(local_size_x = 64, local_size_y_id = 0) in;
layout(constant_id = 0) const uint GROUP_TILES = 1u;
layout(constant_id = 1) const uint ROWS = 4u;
layout(constant_id = 2) const uint TILES = 1u;
layout(constant_id = 3) const uint SCALES = SCALE_TENSOR;
layout(constant_id = 4) const uint CHUNK = 64u;

#include "shaders/vulkan/include/matmul.glsl"

shared uvec4 held[ROWS * CHUNK];
shared int row_sums[ROWS];

int sums[ROWS * TILES];

// Holds words [first, first + CHUNK) of rows |row| on, those past the last as zeros.
void hold(uint row, uint live, uint first) {
    barrier();
    for (uint i = gl_LocalInvocationIndex; i < 4u * ROWS * CHUNK; i += 64u * GROUP_TILES) {
        uint r = i / (4u * CHUNK);
        uint w = 4u * first + i % (4u * CHUNK);
        bool there = row + r < live && w < push.q_words;
        uint word = there ? q[push.q.offset + (row + r) * push.q.stride + w] : 0u;
        held[i >> 2][i & 3u] = word;
        atomicAdd(row_sums[r], byte_sum(word));
    }
    barrier();
}

void add_chunk(uint tile, uint first) {
    uint last = (push.outputs + 63u) / 64u - 1u;
    uint end = min(CHUNK, push.weights.words - first);
    for (uint w = 0u; w < end; w++) {
        Trits trits[TILES];
        for (uint t = 0u; t < TILES; t++) {
            uint n = 64u * min(tile + t, last) + gl_LocalInvocationID.x;
            trits[t] = unpack(codes[code_word(push.weights, n, first + w)]);
        }
        for (uint r = 0u; r < ROWS; r++) {
            Sixteen a = spread(held[r * CHUNK + w]);
            for (uint t = 0u; t < TILES; t++) {
                sums[r * TILES + t] += dot_codes(a, trits[t]);
            }
        }
    }
}

void store_tile(uint row, uint live, uint n, uint t) {
    float weight_scale =
        SCALES == SCALE_ROW ? weight_scales[scale_word(push.weights, n, 0u)] : push.weights.scale;
    for (uint r = 0u; r < ROWS && row + r < live; r++) {
        int sum = sums[r * TILES + t] - row_sums[r];
        precise float y = float(sum) * scale[push.scale + row + r];
        y = y * weight_scale;
        store(row + r, n, y);
    }
}

void main() {
    uint live = live_rows(push.rows);
    uint tile = TILES * (GROUP_TILES * gl_WorkGroupID.x + gl_LocalInvocationID.y);
    for (uint row = gl_WorkGroupID.y * ROWS; row < live; row += gl_NumWorkGroups.y * ROWS) {
        for (uint i = 0u; i < ROWS * TILES; i++) {
            sums[i] = 0;
        }
        barrier();
        for (uint r = gl_LocalInvocationIndex; r < ROWS; r += 64u * GROUP_TILES) {
            row_sums[r] = 0;
        }
        for (uint first = 0u; first < push.weights.words; first += CHUNK) {
            hold(row, live, first);
            add_chunk(tile, first);
        }
        for (uint t = 0u; t < TILES; t++) {
            uint n = 64u * (tile + t) + gl_LocalInvocationID.x;
            if (n < push.outputs) {
                store_tile(row, live, n, t);
            }
        }
    }
}
