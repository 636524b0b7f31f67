#version 450
#extension GL_GOOGLE_include_directive : require
#ifdef INT_DOT
#extension GL_EXT_spirv_intrinsics : require
#endif
// One row through up to three ternary matrices in one dispatch: norm and quantisation are done
// again by every workgroup, into shared memory, which costs less than a dispatch of their own and
// a barrier. Bits as rms_norm, quantize_act, ternary_matmul, gated and add have them.
//
//     plain     one matrix, with a residual
//     THREE     up to three matrices: query, key, value
//     GATED     two matrices, then the gated unit of their outputs
//
// A workgroup makes 64 * TILES outputs; its invocations of one y share out the words of a row of
// weights with those of the others (ternary_matmul.comp says how those lie).
//
// bindings        0 params, 1 x (words; or q), 2 norm weight (or scale of q), then for each matrix
//                 codes, weight scales, bias, out; then residual (plain) or the unit's out (GATED)
// push constants  Push (struct tern_vk_push_bitlinear)
// specialisation  0 slices: the workgroup's y, 1 TILES, 2 kind of weight scales, 3 INPUT,
//                 4 words of 16 columns: ceil(K / 16), 5 activation of the gated unit
// workgroup       64 x slices; x groups of TILES tiles, of all matrices one after the other
#include "shaders/common/activation.h"
#include "shaders/vulkan/include/dot.glsl"
#include "shaders/vulkan/include/rows.glsl"
#include "shaders/vulkan/include/ternary.glsl"

#if defined(THREE)
#define MATRICES 3
#elif defined(GATED)
#define MATRICES 2
#else
#define MATRICES 1
#endif

layout(local_size_x = 64, local_size_y_id = 0) in;
layout(constant_id = 0) const uint SLICES = 1u;
layout(constant_id = 1) const uint TILES = 1u;
layout(constant_id = 2) const uint SCALES = SCALE_TENSOR;
layout(constant_id = 3) const uint INPUT = 0u;
layout(constant_id = 4) const uint WORDS = 1u;
layout(constant_id = 5) const uint ACTIVATION = 0u;

const uint INPUT_QUANTIZED = 0u;
const uint INPUT_PLAIN = 1u;
const uint INPUT_NORMED = 2u;

struct Matrix {
    uint outputs;
    float scale; // of the whole matrix
    uint bias;   // 0: none; else 1 + offset
    uint result;
};

layout(std430, binding = 1) readonly buffer X {
    uint x[];
};
layout(std430, binding = 2) readonly buffer Factors {
    float factors[];
};

#define BIND_MATRIX(first, Codes, codes, Scales, scales, Bias, bias, Out, out_)                    \
    layout(std430, binding = first) readonly buffer Codes {                                        \
        uint codes[];                                                                              \
    };                                                                                             \
    layout(std430, binding = first + 1) readonly buffer Scales {                                   \
        float scales[];                                                                            \
    };                                                                                             \
    layout(std430, binding = first + 2) readonly buffer Bias {                                     \
        float bias[];                                                                              \
    };                                                                                             \
    layout(std430, binding = first + 3) writeonly buffer Out {                                     \
        float out_[];                                                                              \
    }

BIND_MATRIX(3, Codes0, codes0, Scales0, scales0, Bias0, bias0, Result0, result0);
#if MATRICES > 1
BIND_MATRIX(7, Codes1, codes1, Scales1, scales1, Bias1, bias1, Result1, result1);
#endif
#if MATRICES > 2
BIND_MATRIX(11, Codes2, codes2, Scales2, scales2, Bias2, bias2, Result2, result2);
#endif
#if MATRICES == 1
layout(std430, binding = 7) readonly buffer Residual {
    float residual[];
};
#elif defined(GATED)
layout(std430, binding = 11) writeonly buffer Unit {
    float unit[];
};
#endif

layout(push_constant) uniform Push {
    Rows rows;
    uint cols;
    uint x;
    uint factors;
    uint has_factors;
    float eps;
    uint last;    // plain: 0, or 1 + offset of the residual; GATED: offset of the unit's out
    uint written; // GATED: bit m says that output m is kept
    Matrix matrices[MATRICES];
}
push;

const uint INVOCATIONS = 64u * SLICES;
const uint BLOCKS = (WORDS + 63u) / 64u;
#ifdef GATED
const uint SUMS = 2u * TILES;
#else
const uint SUMS = TILES;
#endif

shared uvec4 held[WORDS]; // the quantised row
shared float part[64u * SLICES];
shared float block_sums[BLOCKS];
shared uint most_bits;
shared int held_sum;
shared int totals[64u * SUMS];

int sums[SUMS];

// Sum of squares by rule 4; each y takes blocks of its own.
float square_sum() {
    uint lane = gl_LocalInvocationID.x;
    uint index = gl_LocalInvocationIndex;
    for (uint first = 0u; first < BLOCKS; first += SLICES) {
        uint block = first + gl_LocalInvocationID.y;
        uint end = min(1024u * block + 1024u, push.cols);
        precise float partial = 0.0;
        for (uint k = 1024u * block + lane; k < end; k += 64u) {
            float v = uintBitsToFloat(x[push.x + k]);
            precise float square = v * v;
            partial = partial + square;
        }
        part[index] = partial;
        barrier();
        for (uint k = 32u; k > 0u; k >>= 1) {
            if (lane < k) {
                precise float s = part[index] + part[index + k];
                part[index] = s;
            }
            barrier();
        }
        if (lane == 0u && block < BLOCKS) {
            block_sums[block] = part[index];
        }
    }
    barrier();
    precise float total = 0.0;
    for (uint block = 0u; block < BLOCKS; block++) {
        total = total + block_sums[block];
    }
    return total;
}

float inverse_rms() {
    precise float mean = t_divide(square_sum(), float(push.cols));
    mean = mean + push.eps;
    return t_divide(1.0, t_sqrt(mean));
}

// Element |k| as it is quantised.
float input_at(uint k, float inverse) {
    float v = uintBitsToFloat(x[push.x + k]);
    if (INPUT != INPUT_NORMED) {
        return v;
    }
    precise float y = v * inverse;
    if (push.has_factors != 0u) {
        y = y * factors[push.factors + k];
    }
    return t_flush(y);
}

// The largest magnitude, at least 1e-5. Bits of floats that are not negative are ordered as they.
float row_absmax(float inverse) {
    float most = 1e-5;
    for (uint k = gl_LocalInvocationIndex; k < push.cols; k += INVOCATIONS) {
        most = max(most, abs(input_at(k, inverse)));
    }
    atomicMax(most_bits, floatBitsToUint(most));
    barrier();
    return uintBitsToFloat(most_bits);
}

uint quantized_word(uint w, float inverse, float factor) {
    uint word = 0u;
    for (uint j = 0u; j < 4u; j++) {
        uint k = 4u * w + j;
        if (k < push.cols) {
            precise float scaled = input_at(k, inverse) * factor;
            word |= (uint(int(clamp(t_rint(scaled), -128.0, 127.0))) & 255u) << (8u * j);
        }
    }
    return word;
}

// Fills |held| and |held_sum|; returns the scale.
float hold_row() {
    float inverse = INPUT == INPUT_NORMED ? inverse_rms() : 1.0;
    float most = INPUT == INPUT_QUANTIZED ? 1.0 : row_absmax(inverse);
    float factor = INPUT == INPUT_QUANTIZED ? 1.0 : t_divide(127.0, most);
    uint words = (push.cols + 3u) / 4u;
    int sum = 0;
    for (uint w = gl_LocalInvocationIndex; w < 4u * WORDS; w += INVOCATIONS) {
        uint word = 0u;
        if (w < words) {
            word = INPUT == INPUT_QUANTIZED ? x[push.x + w] : quantized_word(w, inverse, factor);
        }
        held[w >> 2][w & 3u] = word;
        sum += byte_sum(word);
    }
    atomicAdd(held_sum, sum);
    barrier();
    return INPUT == INPUT_QUANTIZED ? factors[push.factors] : t_divide(most, 127.0);
}

// Products of tiles |tile| and on, to sums |first| and on. What lies past the last tile is counted
// again and never stored.
#define ADD_PRODUCTS(name, codes)                                                                  \
    void name(uint tile, uint last_tile, uint first) {                                             \
        uint at[TILES];                                                                            \
        for (uint t = 0u; t < TILES; t++) {                                                        \
            at[t] = 64u * WORDS * min(tile + t, last_tile) + gl_LocalInvocationID.x;               \
        }                                                                                          \
        for (uint w = gl_LocalInvocationID.y; w < WORDS; w += SLICES) {                            \
            Sixteen q = spread(held[w]);                                                           \
            for (uint t = 0u; t < TILES; t++) {                                                    \
                sums[first + t] += dot16(q, codes[at[t] + 64u * w]);                               \
            }                                                                                      \
        }                                                                                          \
    }
ADD_PRODUCTS(add_products0, codes0)
#if MATRICES > 1
ADD_PRODUCTS(add_products1, codes1)
#endif
#if MATRICES > 2
ADD_PRODUCTS(add_products2, codes2)
#endif

// The slices' sums joined: sum |i| of this lane is then in |totals|.
void join_sums() {
    for (uint i = 0u; i < SUMS; i++) {
        if (SLICES == 1u) {
            totals[64u * i + gl_LocalInvocationID.x] = sums[i];
        } else {
            atomicAdd(totals[64u * i + gl_LocalInvocationID.x], sums[i]);
        }
    }
    barrier();
}

// flush(y + bias) for output |n| of a matrix with joined sum |i|.
#define FINISH(name, m, row_scales, biases)                                                        \
    float name(uint n, uint i, float scale) {                                                      \
        int sum = totals[64u * i + gl_LocalInvocationID.x] - held_sum;                             \
        precise float y = float(sum) * scale;                                                      \
        y = y * (SCALES == SCALE_ROW ? row_scales[n] : push.matrices[m].scale);                    \
        if (push.matrices[m].bias != 0u) {                                                         \
            y = y + biases[push.matrices[m].bias - 1u + n];                                        \
        }                                                                                          \
        return t_flush(y);                                                                         \
    }
FINISH(finish0, 0, scales0, bias0)
#if MATRICES > 1
FINISH(finish1, 1, scales1, bias1)
#endif
#if MATRICES > 2
FINISH(finish2, 2, scales2, bias2)
#endif

uint tiles_of(uint m) {
    return (push.matrices[m].outputs + 63u) / 64u;
}

uint groups_of(uint m) {
    return (tiles_of(m) + TILES - 1u) / TILES;
}

#if defined(THREE)

void run(float scale) {
    uint group = gl_WorkGroupID.x;
    uint groups0 = groups_of(0);
    uint groups1 = groups_of(1);
    uint m = group < groups0 ? 0u : group < groups0 + groups1 ? 1u : 2u;
    uint tile = TILES * (group - (m == 0u ? 0u : m == 1u ? groups0 : groups0 + groups1));
    if (m == 0u) {
        add_products0(tile, tiles_of(0) - 1u, 0u);
    } else if (m == 1u) {
        add_products1(tile, tiles_of(1) - 1u, 0u);
    } else {
        add_products2(tile, tiles_of(2) - 1u, 0u);
    }
    join_sums();
    for (uint t = gl_LocalInvocationID.y; t < TILES; t += SLICES) {
        uint n = 64u * (tile + t) + gl_LocalInvocationID.x;
        if (m == 0u && n < push.matrices[0].outputs) {
            result0[push.matrices[0].result + n] = finish0(n, t, scale);
        }
        if (m == 1u && n < push.matrices[1].outputs) {
            result1[push.matrices[1].result + n] = finish1(n, t, scale);
        }
        if (m == 2u && n < push.matrices[2].outputs) {
            result2[push.matrices[2].result + n] = finish2(n, t, scale);
        }
    }
}

#elif defined(GATED)

void store(uint n, uint t, float scale) {
    float gate = finish0(n, t, scale);
    float up = finish1(n, TILES + t, scale);
    if ((push.written & 1u) != 0u) {
        result0[push.matrices[0].result + n] = gate;
    }
    if ((push.written & 2u) != 0u) {
        result1[push.matrices[1].result + n] = up;
    }
    precise float y = t_flush(t_activation(ACTIVATION, gate)) * up;
    unit[push.last + n] = t_flush(y);
}

void run(float scale) {
    uint tile = TILES * gl_WorkGroupID.x;
    add_products0(tile, tiles_of(0) - 1u, 0u);
    add_products1(tile, tiles_of(0) - 1u, TILES);
    join_sums();
    for (uint t = gl_LocalInvocationID.y; t < TILES; t += SLICES) {
        uint n = 64u * (tile + t) + gl_LocalInvocationID.x;
        if (n < push.matrices[0].outputs) {
            store(n, t, scale);
        }
    }
}

#else

void run(float scale) {
    uint tile = TILES * gl_WorkGroupID.x;
    add_products0(tile, tiles_of(0) - 1u, 0u);
    join_sums();
    for (uint t = gl_LocalInvocationID.y; t < TILES; t += SLICES) {
        uint n = 64u * (tile + t) + gl_LocalInvocationID.x;
        if (n < push.matrices[0].outputs) {
            precise float y = finish0(n, t, scale);
            if (push.last != 0u) {
                y = y + residual[push.last - 1u + n];
            }
            result0[push.matrices[0].result + n] = t_flush(y);
        }
    }
}

#endif

void main() {
    if (live_rows(push.rows) == 0u) {
        return;
    }
    if (gl_LocalInvocationIndex == 0u) {
        most_bits = 0u;
        held_sum = 0;
    }
    for (uint i = gl_LocalInvocationIndex; i < 64u * SUMS; i += INVOCATIONS) {
        totals[i] = 0;
    }
    for (uint i = 0u; i < SUMS; i++) {
        sums[i] = 0;
    }
    barrier();
    run(hold_row());
}
