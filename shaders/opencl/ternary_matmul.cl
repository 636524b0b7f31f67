// out = flush(y), flush(y + bias), and that plus a residual, flushed; y the product of int8
// activations and ternary weights, scaled: tern/ops.h. Codes, scales and sums of weights as
// backends/opencl/weights.h draws them, activations as activations.clh does.
//
// Work-items: x OUTPUTS outputs of the part of the matrix that starts at row |first|, y TILE rows.
// Work-groups of any size. With c = w + 1 and u = q + 128 a sum of w q is
//
//     sum(c u) - sum(u) - 128 sum(w)
//
// and of plain activations, where the device multiplies bytes (INTEGER_DOT), sum(c q) - sum(q).
// All of it modulo 2^32: only the result needs to fit.
#include "shaders/opencl/include/tensor.clh"

#if OUTPUTS == 16
typedef uint16 uint_v;
typedef float16 float_v;
#define LOAD(p) vload16(0, p)
#define STORE(v, p) vstore16(v, 0, p)
#define TO_FLOAT(v) convert_float16(as_int16(v))
#else
typedef uint uint_v;
typedef float float_v;
#define LOAD(p) (*(p))
#define STORE(v, p) (*(p) = (v))
#define TO_FLOAT(v) ((float)(int)(v))
#endif

// What a work-item reads: its first output's words, and the rows of its tile.
typedef struct item {
    global const uint *codes;
    global const uint *act[TILE];
    uint cols;
} item;

#ifdef INTEGER_DOT

// Sums of words |first| to |end| - 1 for each row of the tile.
static void sum_words(const item *it, uint first, uint end, uint_v *out) {
    uint words = (it->cols + 3u) / 4u;
    for (uint t = 0; t < TILE; t++) {
        out[t] = 0;
    }
    for (uint w = first; w < end; w++) {
        uint c = it->codes[(ulong)w * 64u];
        for (uint i = 0; i < 4u && w * 4u + i < words; i++) {
            uint codes = (c >> (2u * i)) & 0x03030303u;
            for (uint t = 0; t < TILE; t++) {
                uint q = it->act[t][w * 4u + i];
                out[t] += (uint)dot_4x8packed_us_int(codes, q);
                out[t] -= (uint)dot_4x8packed_us_int(0x01010101u, q);
            }
        }
    }
}

#define SUM_OF_WEIGHTS(sums) ((uint)0)

#else

// Two products at a time in the upper halves. 64 of them fit: each is at most 2 * 2 * 255.
static void sum_words(const item *it, uint first, uint end, uint_v *out) {
    uint all[TILE];
    for (uint t = 0; t < TILE; t++) {
        out[t] = (uint_v)(0);
        all[t] = 0;
    }
    for (uint base = first; base < end; base += 8u) {
        uint_v acc[TILE];
        uint pairs[TILE];
        for (uint t = 0; t < TILE; t++) {
            acc[t] = (uint_v)(0);
            pairs[t] = 0;
        }
        for (uint w = base; w < min(base + 8u, end); w++) {
            uint_v c = LOAD(it->codes + (ulong)w * 64u);
#pragma unroll
            for (uint i = 0; i < 8u; i++) {
                uint_v codes = (c >> (2u * i)) & 0x00030003u;
                for (uint t = 0; t < TILE; t++) {
                    uint a = it->act[t][w * 8u + i];
                    acc[t] += codes * a;
                    pairs[t] += a;
                }
            }
        }
        for (uint t = 0; t < TILE; t++) {
            out[t] += acc[t] >> 16;
            all[t] += (pairs[t] >> 16) + (pairs[t] & 0xffffu);
        }
    }
    for (uint t = 0; t < TILE; t++) {
        out[t] -= all[t];
    }
}

#define SUM_OF_WEIGHTS(sums) LOAD((global const uint *)(sums))

#endif

// Where a scaled product goes.
typedef struct epilogue {
    global const float *bias; // 0: none
    global const float *residual;
    global float *out;
    uint count; // outputs that exist, from the first of this work-item on
} epilogue;

static void finish(const epilogue *to, float_v y) {
    float values[OUTPUTS];
    STORE(y, values);
    for (uint j = 0; j < OUTPUTS && j < to->count; j++) {
        float v = values[j];
        if (to->bias) {
            v = v + to->bias[j];
        }
        v = t_flush(v);
        if (to->residual) {
            v = v + to->residual[j];
            v = t_flush(v);
        }
        to->out[j] = v;
    }
}

#define OPERANDS                                                                                   \
    ROWS, MATRIX(const uint, q), VECTOR(const float, scale), global const uint *codes,             \
        global const float *scales, global const int *sums, uint cols, uint first, uint count,     \
        VECTOR(const float, bias), uint has_bias, MATRIX(const float, residual),                   \
        uint has_residual, MATRIX(float, out)

// The work-item's part of the operands; rows past the live ones are the last live one again.
#define BEGIN                                                                                      \
    uint n = get_global_id(0) * OUTPUTS;                                                           \
    uint r = get_global_id(1) * TILE;                                                              \
    uint live = LIVE_ROWS;                                                                         \
    if (r >= live || n >= count) {                                                                 \
        return;                                                                                    \
    }                                                                                              \
    uint words = (cols + 15u) / 16u;                                                               \
    item it;                                                                                       \
    it.codes = codes + (ulong)(n / 64u) * words * 64u + n % 64u;                                   \
    it.cols = cols;                                                                                \
    for (uint t = 0; t < TILE; t++) {                                                              \
        it.act[t] = ROW(q, min(r + t, live - 1u));                                                 \
    }

// Every row of the tile that is live: |y| is an expression of t.
#define FINISH(y)                                                                                  \
    for (uint t = 0; t < TILE && r + t < live; t++) {                                              \
        epilogue to;                                                                               \
        to.bias = has_bias ? bias + bias_at + first + n : 0;                                       \
        to.residual = has_residual ? ROW(residual, r + t) + first + n : 0;                         \
        to.out = ROW(out, r + t) + first + n;                                                      \
        to.count = count - n;                                                                      \
        finish(&to, y);                                                                            \
    }

// One scale per row of weights.
kernel void ternary_matmul(OPERANDS) {
    BEGIN
    uint_v sum[TILE];
    sum_words(&it, 0, words, sum);
    uint_v weights = SUM_OF_WEIGHTS(sums + n);
    float_v w_scale = LOAD(scales + n);
    FINISH((TO_FLOAT(sum[t] - weights * 128u) * AT(scale, r + t)) * w_scale)
}

// One scale per group of |group_words| words: products of groups are added by rule 4.
kernel void ternary_matmul_grouped(OPERANDS, uint groups, uint group_words) {
    BEGIN
    float_v total[TILE];
    for (uint t = 0; t < TILE; t++) {
        total[t] = (float_v)(0.0f);
    }
    global const float *w_scales = scales + (ulong)(n / 64u) * groups * 64u + n % 64u;
    global const int *w_sums = sums + (ulong)(n / 64u) * groups * 64u + n % 64u;
    for (uint base = 0; base < groups; base += 1024u) {
        uint end = base + min(groups - base, 1024u);
        float_v part[TILE][64];
        for (uint l = 0; l < 64u; l++) {
            for (uint t = 0; t < TILE; t++) {
                part[t][l] = (float_v)(0.0f);
            }
        }
        for (uint g = base; g < end; g++) {
            uint_v sum[TILE];
            sum_words(&it, g * group_words, min((g + 1u) * group_words, words), sum);
            uint_v weights = SUM_OF_WEIGHTS(w_sums + (ulong)g * 64u);
            float_v w_scale = LOAD(w_scales + (ulong)g * 64u);
            for (uint t = 0; t < TILE; t++) {
                float_v p = TO_FLOAT(sum[t] - weights * 128u) * w_scale;
                part[t][g % 64u] = part[t][g % 64u] + p;
            }
        }
        for (uint width = 32u; width > 0; width /= 2u) {
            for (uint l = 0; l < width; l++) {
                for (uint t = 0; t < TILE; t++) {
                    part[t][l] = part[t][l] + part[t][l + width];
                }
            }
        }
        for (uint t = 0; t < TILE; t++) {
            total[t] = total[t] + part[t][0];
        }
    }
    FINISH(total[t] * AT(scale, r + t))
}
