#version 450
#extension GL_GOOGLE_include_directive : require
#ifdef INT_DOT
#extension GL_EXT_spirv_intrinsics : require
#endif
// ternary_matmul with one scale, or one a row of weights. A workgroup makes 64 x TILES outputs of
// ROWS rows. It holds CHUNK words of those rows in shared memory, and its invocations of one y take
// every SLICES-th of them. Each adds ROWS x TILES sums: what it reads and unpacks of the weights,
// and nobody else does, serves ROWS rows, what it reads of shared memory TILES outputs.
//
// Why so, for 16 columns and a subgroup of 32 (no GPU was at hand to measure): a multiprocessor of
// an H100 adds 64 dot products of 4 a cycle, 2 ROWS TILES cycles, and reads 128 bytes of shared
// memory, 4 ROWS cycles if what all lanes read counts for each of them: TILES is 2 or more.
// Unpacking is 7 instructions for each tile beside 4 ROWS sums. Workgroups in a row have the same
// weights: 15 MB of 4096 x 14336, read anew for every 8 of 512 rows, would be 940 MB, of which an
// integrated GPU reads 90 in a millisecond; its 8 T multiply-adds/s are done after 4.
//
// bindings        as ternary_matmul.comp
// push constants  Push (struct tern_vk_push_ternary_matmul); outputs of one segment of the weights
// specialisation  0 SLICES: the workgroup's y, 1 ROWS, 2 TILES, 3 kind of weight scales, 4 CHUNK
// workgroup       64 x SLICES; x groups of ROWS rows, y groups of TILES tiles of 64 outputs
#include "shaders/vulkan/include/dot.glsl"
#include "shaders/vulkan/include/rows.glsl"
#include "shaders/vulkan/include/ternary.glsl"

layout(local_size_x = 64, local_size_y_id = 0) in;
layout(constant_id = 0) const uint SLICES = 1u;
layout(constant_id = 1) const uint ROWS = 4u;
layout(constant_id = 2) const uint TILES = 1u;
layout(constant_id = 3) const uint SCALES = SCALE_TENSOR;
layout(constant_id = 4) const uint CHUNK = 64u;

#include "shaders/vulkan/include/matmul.glsl"

const uint INVOCATIONS = 64u * SLICES;
const uint HOLDERS = INVOCATIONS / ROWS; // invocations that read a row
const uint SUMS = ROWS * TILES;

shared uvec4 held[ROWS * CHUNK];
shared int row_sums[ROWS];
shared int totals[SLICES > 1u ? 64u * SUMS : 1u];

int sums[SUMS];

// Holds words [first, first + CHUNK) of rows |row| on, those past the last as zeros. Returns the
// sum of the activations that this invocation read, all of one row.
int hold(uint row, uint live, uint first) {
    uint r = gl_LocalInvocationIndex / HOLDERS;
    uint words = row + r < live ? push.q_words : 0u;
    uint from = push.q.offset + (row + r) * push.q.stride;
    int sum = 0;
    barrier();
    for (uint i = gl_LocalInvocationIndex % HOLDERS; r < ROWS && i < 4u * CHUNK; i += HOLDERS) {
        uint w = 4u * first + i;
        uint word = w < words ? q[from + w] : 0u;
        held[r * CHUNK + (i >> 2)][i & 3u] = word;
        sum += byte_sum(word);
    }
    barrier();
    return sum;
}

void add_chunk(uint tile, uint first) {
    uint last = (push.outputs + 63u) / 64u - 1u;
    uint end = min(CHUNK, push.weights.words - first);
    for (uint w = gl_LocalInvocationID.y; w < end; w += SLICES) {
        Trits trits[TILES];
        for (uint t = 0u; t < TILES; t++) {
            uint n = 64u * min(tile + t, last) + gl_LocalInvocationID.x;
            trits[t] = unpack(codes[code_word(push.weights, n, first + w)]);
        }
        for (uint r = 0u; r < ROWS; r++) {
            Sixteen a = spread(held[r * CHUNK + w]);
            for (uint t = 0u; t < TILES; t++) {
                sums[r * TILES + t] = add_codes(sums[r * TILES + t], a, trits[t]);
            }
        }
    }
}

void clear() {
    barrier();
    for (uint i = 0u; i < SUMS; i++) {
        sums[i] = 0;
    }
    for (uint r = gl_LocalInvocationIndex; r < ROWS; r += INVOCATIONS) {
        row_sums[r] = 0;
    }
    for (uint i = gl_LocalInvocationIndex; SLICES > 1u && i < 64u * SUMS; i += INVOCATIONS) {
        totals[i] = 0;
    }
}

// The slices' sums joined, with |row_sum| of a row's readers.
void join(int row_sum) {
    uint r = gl_LocalInvocationIndex / HOLDERS;
    if (r < ROWS) {
        atomicAdd(row_sums[r], row_sum);
    }
    for (uint i = 0u; SLICES > 1u && i < SUMS; i++) {
        atomicAdd(totals[64u * i + gl_LocalInvocationID.x], sums[i]);
    }
    barrier();
}

void store_sum(uint row, uint n, uint r, int sum) {
    float weight_scale =
        SCALES == SCALE_ROW ? weight_scales[scale_word(push.weights, n, 0u)] : push.weights.scale;
    precise float y = float(sum - row_sums[r]) * scale[push.scale + row + r];
    y = y * weight_scale;
    store(row + r, n, y);
}

// Slices share out the outputs, too. A slice alone takes its sums by numbers that are known when
// this is compiled, so that they can be registers.
void store_sums(uint row, uint live, uint tile) {
    for (uint i = SLICES > 1u ? gl_LocalInvocationID.y : 0u; i < SUMS; i += SLICES) {
        uint n = 64u * (tile + i % TILES) + gl_LocalInvocationID.x;
        uint r = i / TILES;
        if (n < push.outputs && row + r < live) {
            int sum = SLICES > 1u ? totals[64u * i + gl_LocalInvocationID.x] : sums[i];
            store_sum(row, n, r, sum);
        }
    }
}

void main() {
    uint live = live_rows(push.rows);
    uint tile = TILES * gl_WorkGroupID.y;
    for (uint row = gl_WorkGroupID.x * ROWS; row < live; row += gl_NumWorkGroups.x * ROWS) {
        int row_sum = 0;
        clear();
        for (uint first = 0u; first < push.weights.words; first += CHUNK) {
            row_sum += hold(row, live, first);
            add_chunk(tile, first);
        }
        join(row_sum);
        store_sums(row, live, tile);
    }
}
