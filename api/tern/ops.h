// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_OPS_H_
#define TERN_OPS_H_

#include <tern/buffer.h>
#include <tern/weights.h>

/**
 * Ops are data: a header and a typed descriptor. tern_cmd_<op> checks a descriptor and appends a
 * copy to a list of commands; runtime/ops/<op>.c holds the check, backends/reference/ops/<op>.c the
 * definition of the result.
 *
 * Common rules
 * - Shapes are written [outer, ..., inner]. R is rows: one per token. All rows of an op are
 *   independent, but those of recurrence.
 * - "live" rows: an op computes its first `live` rows and leaves the rest of its outputs alone.
 * - Tensors of float32 unless a dtype is named. Operands marked "optional" may be absent (buffer
 *   NULL).
 * - An output may be the same view as an input marked "in place"; otherwise outputs overlap no
 *   operand.
 * - flush(v) is +0 where |v| < 2^-50 or v is -0, else v; every float output is flushed (numbers
 *   contract, rule 3).
 * - sum() over a row is the blocked sum of rule 4: blocks of 1024, in a block 64 partial sums by
 *   index mod 64, each ascending from +0, joined by a tree (32, 16, ... 1); block sums added
 *   ascending from +0.
 * - f16() rounds to float16, to nearest even, saturating at +-65504; r16() rounds to 16 significant
 *   bits, to nearest even. Divisions and square roots are correctly rounded; every other float
 *   operation is one float32 operation, rounded, in the order written.
 * - Indices that a device reads from memory (ids, positions, sequences, block tables) are clamped
 *   into range.
 * - NaN, infinity or a subnormal in an input: the result is unspecified, memory stays safe. No
 *   output is subnormal, so only what a host uploads can be.
 *
 * Errors of every tern_cmd_*: INVALID_ARGUMENT with the op, the operand, what was wanted and what
 * came.
 */

/** X(NUMBER NAME, number, stem): every op there is. */
#define TERN_OP_LIST(X)                                                                            \
    X(QUANTIZE_ACT, 1, quantize_act)                                                               \
    X(TERNARY_MATMUL, 2, ternary_matmul)                                                           \
    X(BITLINEAR, 3, bitlinear)                                                                     \
    X(LINEAR, 4, linear)                                                                           \
    X(RMS_NORM, 5, rms_norm)                                                                       \
    X(ROTARY, 6, rotary)                                                                           \
    X(KV_APPEND, 7, kv_append)                                                                     \
    X(ATTENTION, 8, attention)                                                                     \
    X(GATED, 9, gated)                                                                             \
    X(ADD, 10, add)                                                                                \
    X(MUL, 11, mul)                                                                                \
    X(SCALE, 12, scale)                                                                            \
    X(ACTIVATION, 13, activation)                                                                  \
    X(SOFTMAX, 14, softmax)                                                                        \
    X(EMBEDDING, 15, embedding)                                                                    \
    X(COPY, 16, copy)                                                                              \
    X(ARGMAX, 17, argmax)                                                                          \
    X(LAYER_NORM, 18, layer_norm)                                                                  \
    X(RECURRENCE, 19, recurrence)                                                                  \
    X(ROUTE, 20, route)                                                                            \
    X(EXPERT_BITLINEAR, 21, expert_bitlinear)                                                      \
    X(COMBINE, 22, combine)

typedef uint32_t tern_op_kind;

enum {
#define TERN_OP_ENUM_(name, number, stem) TERN_OP_##name = number,
    TERN_OP_LIST(TERN_OP_ENUM_)
#undef TERN_OP_ENUM_
        TERN_OP_COUNT_ = 23 /* one past the last number */
};

/** First member of every descriptor. Part of the plugin ABI. */
typedef struct tern_op_header {
    uint32_t struct_size; /**< of the whole descriptor */
    tern_op_kind kind;
    /** 0: every row is live. Otherwise 1 + index of the int32 word in the list's parameter block
     * that holds, at each submit, how many rows are (see tern_commands_desc). */
    uint32_t live;
    uint32_t reserved; /**< 0 */
} tern_op_header;

/**
 * X to INT8 by rows, as BitNet b1.58 models are trained (arXiv 2402.17764 and its official FAQ):
 *
 *     m = max(max|x|, 1e-5)
 *     q = clamp(round_half_even(x * (127 / m)), -128, 127)
 *     scale = m / 127, so that x is about q * scale
 *
 * Bytes between K and the next multiple of 4 are written as 0.
 */
typedef struct tern_quantize_act_desc {
    tern_op_header head;
    tern_tensor x;     /**< [R, K] */
    tern_tensor q;     /**< out, i8 [R, K] */
    tern_tensor scale; /**< out, [R] */
} tern_quantize_act_desc;

/**
 * INT8 activations times a t2 matrix: out = flush(y), or flush(y + bias), for row r and output n:
 *
 *     one scale, or one a row:  y = (float(dot) * scale[r]) * w_scale[n]
 *                               dot = q[r,0] * w[n,0] + q[r,1] * w[n,1] + ...
 *     one a group g:            y = sum_g(float(dot_g) * w_scale[n,g]) * scale[r]
 *                               dot_g: the part of dot over the group's columns
 *
 * with weights w of -1, 0 and +1. Both kinds of dot are exact integers.
 */
typedef struct tern_ternary_matmul_desc {
    tern_op_header head;
    tern_tensor q;         /**< i8 [R, K] */
    tern_tensor scale;     /**< [R] */
    tern_weights *weights; /**< t2 (or t5, b1), MATMUL, N x K */
    tern_tensor bias;      /**< optional, [N] */
    tern_tensor out;       /**< [R, N] */
} tern_ternary_matmul_desc;

/** Norm in front of a bitlinear. */
enum {
    TERN_NORM_NONE = 0,
    TERN_NORM_RMS = 1 /**< as tern_rms_norm_desc */
};

/**
 * The linear layer of BitNet b1.58: exactly rms_norm (if any), quantize_act, ternary_matmul with
 * bias, and add of the residual (if any), each with the bits of its own op. Backends fuse; others
 * get the sequence.
 */
typedef struct tern_bitlinear_desc {
    tern_op_header head;
    tern_tensor x;           /**< [R, K] */
    uint32_t norm;           /**< TERN_NORM_* */
    float norm_eps;          /**< as in tern_rms_norm_desc */
    tern_tensor norm_weight; /**< optional, [K] */
    tern_weights *weights;   /**< as in tern_ternary_matmul_desc */
    tern_tensor bias;        /**< optional, [N] */
    tern_tensor residual;    /**< optional, [R, N], in place */
    tern_tensor out;         /**< [R, N] */
} tern_bitlinear_desc;

/**
 * Dense linear layer: out = flush(sum_k(p_k)) or flush(sum_k(p_k) + bias), w = weights[n, k],
 *     f16, bf16: p = f16(x[k]) * w        (exact, so a fused multiply-add gives the same bits)
 *     q8_0:      p = f16(x[k]) * (d * q)  (d * q is exact; the product is rounded)
 *     f32:       p = x[k] * w             (rounded)
 */
typedef struct tern_linear_desc {
    tern_op_header head;
    tern_tensor x;         /**< [R, K] */
    tern_weights *weights; /**< f32, f16, bf16 or q8_0, MATMUL, N x K */
    tern_tensor bias;      /**< optional, [N] */
    tern_tensor out;       /**< [R, N] */
} tern_linear_desc;

/**
 * RMSNorm (arXiv 1910.07467) of each of |heads| equal parts of a row alone, D = K / heads columns:
 *
 *     i = 1 / sqrt(sum_d(x * x) / D + eps)
 *     out = flush(x * i), or flush((x * i) * weight)
 */
typedef struct tern_rms_norm_desc {
    tern_op_header head;
    tern_tensor x;      /**< [R, K]; in place */
    tern_tensor weight; /**< optional, [D], the same for every part */
    float eps;          /**< 2^-100 to 1 */
    uint32_t heads;     /**< divides K; 0 as 1: the whole row */
    tern_tensor out;    /**< [R, K] */
} tern_rms_norm_desc;

/**
 * LayerNorm (arXiv 1607.06450), each operation rounded:
 *
 *     m = sum_k(x) / K
 *     d = flush(x - m)
 *     i = 1 / sqrt(sum_k(d * d) / K + eps)
 *     y = d * i, or (d * i) * weight
 *     out = flush(y), or flush(y + bias)
 */
typedef struct tern_layer_norm_desc {
    tern_op_header head;
    tern_tensor x;      /**< [R, K]; in place */
    tern_tensor weight; /**< optional, [K] */
    tern_tensor bias;   /**< optional, [K] */
    float eps;          /**< 2^-100 to 1 */
    uint32_t reserved;
    tern_tensor out; /**< [R, K] */
} tern_layer_norm_desc;

/** Which elements of a head make a rotary pair. */
enum {
    TERN_ROTARY_HALF_SPLIT = 0, /**< (i, i + D/2), as in GPT-NeoX */
    TERN_ROTARY_INTERLEAVED = 1 /**< (2i, 2i + 1), as in the original paper */
};

/**
 * Rotary position embedding (arXiv 2104.09864) of the first D dimensions of each head; the rest is
 * copied. For pair i, (a, b), at position p:
 *
 *     c = table[p, i], s = table[p, D/2 + i]
 *     out = (flush(a * c - b * s), flush(b * c + a * s))
 *
 * tern_rotary_table makes tables on the host, frequency factors included.
 */
typedef struct tern_rotary_desc {
    tern_op_header head;
    tern_tensor x;         /**< [R, heads * head_dim]; in place */
    tern_tensor table;     /**< [positions, D], 0 < D <= head_dim, D even */
    tern_tensor positions; /**< i32 [R] */
    uint32_t head_dim;
    uint32_t pairs;  /**< TERN_ROTARY_* */
    tern_tensor out; /**< [R, heads * head_dim] */
} tern_rotary_desc;

/**
 * Stores keys and values of new positions. A cache is a pool of blocks of 64 positions
 * (TERN_KV_BLOCK); position p of sequence s lies in block table[s, p / 64], place p % 64. Rows of
 * head_dim elements are stored as f16() or unchanged, by the cache's dtype. Live rows name distinct
 * places.
 *
 * An i8 cache has rows of head_dim + 4 bytes, head_dim a multiple of 4: q, then scale, a float32,
 * as tern_quantize_act_desc makes them of the row. No element is further than m / 253 from q *
 * scale, with m the largest of its row or 1e-5, where f16 keeps each to 2^-11 of itself.
 */
typedef struct tern_kv_append_desc {
    tern_op_header head;
    tern_tensor k;         /**< [R, kv_heads * head_dim] */
    tern_tensor v;         /**< [R, kv_heads * head_dim] */
    tern_tensor k_cache;   /**< out, f16 or f32 [blocks, kv_heads, 64, head_dim], or
                                i8 [blocks, kv_heads, 64, head_dim + 4] */
    tern_tensor v_cache;   /**< out, as k_cache */
    tern_tensor positions; /**< i32 [R] */
    tern_tensor sequences; /**< i32 [R]: which row of the block table */
    tern_tensor table;     /**< i32 [sequences, blocks per sequence] */
} tern_kv_append_desc;

/**
 * Causal attention with grouped heads: row r at position p of its sequence attends to positions 0
 * to p, or with a |window| to the last so many of them, max(0, p - window + 1) to p; query head h
 * reads key head h * kv_heads / heads. The numbers contract, rule 5, over the positions attended
 * to, in the blocks of the cache, whole or in part, with r() = f16() for an f16 cache and the
 * identity for f32:
 *
 *     each position j:    t_j = sum_d(r(q[d]) * k_j[d]) * scale
 *     each block b of 64: m_b = max t_j
 *                         p_j = r(exp(t_j - m_b))
 *                         l_b = p_0 + p_1 + ...
 *                         o_b[d] = flush(w_0 * v_0[d] + w_1 * v_1[d] + ...), w_j = p_j
 *     all blocks:         M = max m_b
 *                         c_b = exp(m_b - M)
 *                         L = l_0 * c_0 + l_1 * c_1 + ...
 *                         out[d] = flush((o_0[d] * c_0 + o_1[d] * c_1 + ...) * (1 / L))
 *
 * where sums written with + ascend from +0. An i8 cache has k_j and v_j in integers and their
 * scales a_j and b_j, and there
 *
 *                         t_j = (sum_d(r16(q[d]) * k_j[d]) * a_j) * scale
 *                         p_j = exp(t_j - m_b)
 *                         w_j = r16(p_j * b_j)
 *
 * Products with an f16 or i8 cache (q * k, w * v) are exact before they are added; all others are
 * rounded. Positions outside the window, and table entries of blocks that have none inside, are not
 * read.
 */
typedef struct tern_attention_desc {
    tern_op_header head;
    tern_tensor q;         /**< [R, heads * head_dim], heads a multiple of kv_heads */
    tern_tensor k_cache;   /**< as in tern_kv_append_desc */
    tern_tensor v_cache;   /**< as k_cache */
    tern_tensor positions; /**< i32 [R] */
    tern_tensor sequences; /**< i32 [R] */
    tern_tensor table;     /**< i32 [sequences, blocks per sequence] */
    float scale;           /**< usually 1 / sqrt(head_dim); |scale| in 2^-50 to 2^50 */
    uint32_t window;       /**< positions a row attends to; 0: all up to its own */
    tern_tensor out;       /**< [R, heads * head_dim] */
} tern_attention_desc;

/**
 * Gated unit: out = flush(flush(activation(gate)) * up). With a limit, in the place of gate and up:
 *
 *     gate' = min(gate, limit), up' = min(max(up, -limit), limit)
 */
typedef struct tern_gated_desc {
    tern_op_header head;
    tern_tensor gate; /**< [R, K]; in place */
    tern_tensor up;   /**< [R, K]; in place */
    tern_activation activation;
    float limit;     /**< 0: none; else 2^-50 to 2^40 */
    tern_tensor out; /**< [R, K] */
} tern_gated_desc;

/** out = flush(a + b). */
typedef struct tern_add_desc {
    tern_op_header head;
    tern_tensor a;   /**< [R, K]; in place */
    tern_tensor b;   /**< [R, K], in place; or [K], the same for every row */
    tern_tensor out; /**< [R, K] */
} tern_add_desc;

/** out = flush(a * b). */
typedef struct tern_mul_desc {
    tern_op_header head;
    tern_tensor a;   /**< [R, K]; in place */
    tern_tensor b;   /**< [R, K], in place; or [K], the same for every row */
    tern_tensor out; /**< [R, K] */
} tern_mul_desc;

/** out = flush(x * factor). */
typedef struct tern_scale_desc {
    tern_op_header head;
    tern_tensor x; /**< [R, K]; in place */
    float factor;  /**< finite */
    uint32_t reserved;
    tern_tensor out; /**< [R, K] */
} tern_scale_desc;

/** out = flush(activation(x)). */
typedef struct tern_activation_desc {
    tern_op_header head;
    tern_tensor x; /**< [R, K]; in place */
    tern_activation activation;
    uint32_t reserved;
    tern_tensor out; /**< [R, K] */
} tern_activation_desc;

/** By rows: e_k = exp(x_k - max x); out = flush(e_k * (1 / sum_k(e_k))). */
typedef struct tern_softmax_desc {
    tern_op_header head;
    tern_tensor x;   /**< [R, K]; in place */
    tern_tensor out; /**< [R, K] */
} tern_softmax_desc;

/** Table lookup: out[r] = flush(weights[ids[r]]), ternary as scale * code, q8_0 as d * q, others
 * converted. */
typedef struct tern_embedding_desc {
    tern_op_header head;
    tern_tensor ids;       /**< i32 [R] */
    tern_weights *weights; /**< any dtype, GATHER, N x K */
    tern_tensor out;       /**< [R, K] */
} tern_embedding_desc;

/**
 * Copies and converts rows: out[r] = x[r], or x[rows[r]]. Same dtype: bits unchanged, i32 only to
 * i32. Between f32, f16 and bf16: widened exactly, or rounded to nearest even (f16 saturating); f32
 * results are flushed.
 */
typedef struct tern_copy_desc {
    tern_op_header head;
    tern_tensor x;    /**< f32, f16, bf16 or i32 [X, K] */
    tern_tensor rows; /**< optional, i32 [R]; absent: X = R */
    tern_tensor out;  /**< f32, f16, bf16 or i32 [R, K] */
} tern_copy_desc;

/** Index of each row's largest element, the lowest of equals; then, where given, positions[r] += 1.
 * The last op of a decode step: |out| and |positions| may be what the next submit of the same
 * program reads. */
typedef struct tern_argmax_desc {
    tern_op_header head;
    tern_tensor x;         /**< [R, K] */
    tern_tensor out;       /**< out, i32 [R] */
    tern_tensor positions; /**< optional, i32 [R], incremented */
} tern_argmax_desc;

/**
 * Gated linear recurrence of each column, as in HGRN (arXiv 2311.04823): for rows r ascending, s =
 * sequences[r],
 *
 *     h = flush(flush(f[r] * state[s]) + i[r]), or h = flush(i[r]) where positions[r] <= 0
 *     state[s] = out[r] = h
 *
 * Rows of one sequence are not independent: they lie in the order of their positions, other
 * sequences' rows between them or not. What a sequence's state was before its position 0 does not
 * matter; states of sequences without a row stay.
 */
typedef struct tern_recurrence_desc {
    tern_op_header head;
    tern_tensor f;         /**< [R, K], how much of the state stays; in place */
    tern_tensor i;         /**< [R, K], what is added; in place */
    tern_tensor state;     /**< in and out, [sequences, K] */
    tern_tensor positions; /**< i32 [R] */
    tern_tensor sequences; /**< i32 [R]: which row of the state */
    tern_tensor out;       /**< [R, K] */
} tern_recurrence_desc;

/** What a router makes of its logits. */
enum {
    TERN_ROUTE_SOFTMAX = 0, /**< s = softmax(x), as tern_softmax_desc */
    TERN_ROUTE_SIGMOID = 1  /**< s_e = flush(sigmoid(x_e)), as tern_activation_desc */
};

/**
 * The router of a mixture of experts: S of E experts for every row, by their scores s.
 *
 *     ids:     the experts of the S largest s_e, or s_e + bias_e, the largest first and of equals
 *              the lowest id first
 *     w_i    = s[ids[i]], or where normalised s[ids[i]] / (sum_i(s[ids[i]]) + 1e-20)
 *     weights[i] = flush(w_i * scale)
 *
 * The bias takes part in the choice alone (arXiv 2412.19437, 2.1.2).
 */
typedef struct tern_route_desc {
    tern_op_header head;
    tern_tensor x;       /**< [R, E]; E at most 1024 */
    tern_tensor bias;    /**< optional, [E] */
    uint32_t score;      /**< TERN_ROUTE_* */
    uint32_t normalise;  /**< 0 or 1 */
    float scale;         /**< 2^-50 to 2^50, usually 1 */
    uint32_t reserved;   /**< 0 */
    tern_tensor ids;     /**< out, i32 [R, S]; S at most 32 and at most E */
    tern_tensor weights; /**< out, [R, S] */
} tern_route_desc;

/**
 * The linear layers of experts: for slot s of row r exactly quantize_act of its x and
 * ternary_matmul of that with N of the matrix's rows, e * N to e * N + N - 1 for e = ids[r, s]. A
 * row has one x for all slots, or one for each, side by side as out is.
 */
typedef struct tern_expert_bitlinear_desc {
    tern_op_header head;
    tern_tensor x;         /**< [R, K] or [R, S * K] */
    tern_tensor ids;       /**< i32 [R, S] */
    tern_weights *weights; /**< as in tern_ternary_matmul_desc, (E * N) x K */
    uint32_t experts;      /**< E */
    uint32_t reserved;     /**< 0 */
    tern_tensor out;       /**< [R, S * N] */
} tern_expert_bitlinear_desc;

/**
 * The weighted sum of what a row's experts said: y = x_0[n] * weights[0] + x_1[n] * weights[1] +
 * ..., every product rounded and the sum ascending from +0; out = flush(y), or flush(flush(y) +
 * residual).
 */
typedef struct tern_combine_desc {
    tern_op_header head;
    tern_tensor x;        /**< [R, S * N], slots side by side */
    tern_tensor weights;  /**< [R, S] */
    tern_tensor residual; /**< optional, [R, N], in place */
    tern_tensor out;      /**< [R, N] */
} tern_combine_desc;

/** What an operand of an op is, for whoever walks descriptors: barriers, gradients, copies. */
typedef uint32_t tern_operand_role;

enum {
    TERN_OPERAND_IN = 1,
    TERN_OPERAND_OUT = 2,
    TERN_OPERAND_INOUT = 3,
    TERN_OPERAND_WEIGHTS = 4 /**< a tern_weights pointer; the others are tern_tensor */
};

typedef struct tern_operand_info {
    const char *name;
    uint32_t offset; /**< of the member in the descriptor, bytes */
    tern_operand_role role;
} tern_operand_info;

/** One op, described. Static. Part of the plugin ABI. */
typedef struct tern_op_info {
    uint32_t struct_size;
    tern_op_kind kind;
    uint32_t desc_size;
    uint32_t operand_count;
    const char *name; /**< its stem: "bitlinear" */
    const tern_operand_info *operands;
} tern_op_info;

/** How a rotary table is stretched over more positions than a model was first trained on. */
enum {
    TERN_ROTARY_PLAIN = 0,  /**< it is not */
    TERN_ROTARY_LINEAR = 1, /**< arXiv 2306.15595 */
    TERN_ROTARY_LLAMA3 = 2, /**< Llama 3.1 */
    TERN_ROTARY_YARN = 3 /**< arXiv 2309.00071, with the ramp over pairs that its authors' program
                               and all trained models have */
};

/**
 * How tern_rotary_table makes a table. With f = base^(-2i / D) / factors[i], the angle of pair i at
 * position p is p * (k * f + (1 - k) * f / factor), where clamp is to [0, 1]:
 *
 *     PLAIN:  k = 1
 *     LINEAR: k = 0
 *     LLAMA3: k = clamp((context * f / (2 pi) - low) / (high - low))
 *     YARN:   at(turns) = D * ln(context / (2 pi * turns)) / (2 ln base)
 *             first = max(floor(at(high)), 0), last = min(ceil(at(low)), D - 1)
 *             k = 1 - clamp((i - first) / max(last - first, 0.001))
 *
 * Cosines and sines are multiplied by |magnitude|, and with YARN by 0.1 ln(factor) + 1.
 */
typedef struct tern_rotary_table_desc {
    uint32_t struct_size; /**< sizeof(tern_rotary_table_desc) */
    uint32_t dims;        /**< D, even */
    double base;          /**< > 0 */
    const float *factors; /**< frequency factors, D/2 of them, or NULL for all 1 */
    uint32_t scaling;     /**< TERN_ROTARY_* */
    uint32_t context;     /**< LLAMA3 and YARN: positions of the first training, > 0 */
    double factor;        /**< unless PLAIN: at least 1 */
    double low;       /**< LLAMA3 and YARN: turns in |context| up to which pairs are stretched, */
    double high;      /**< and from which on they are not; 0 < low < high */
    double magnitude; /**< 0: 1 */
} tern_rotary_table_desc;

TERN_BEGIN_DECLS

typedef struct tern_commands tern_commands;

/** NULL for a number that is no op. */
TERN_API const tern_op_info *tern_op_describe(tern_op_kind kind);

/** Checks |desc| and appends it to |commands|. head.struct_size and head.kind need not be set. */
#define TERN_OP_DECLARE_(name, number, stem)                                                       \
    TERN_API tern_status tern_cmd_##stem(tern_commands *commands, const tern_##stem##_desc *desc);
TERN_OP_LIST(TERN_OP_DECLARE_)
#undef TERN_OP_DECLARE_

/**
 * Rows |first| to |first + count - 1| (positions) of a rotary table: for each, D/2 cosines, then
 * D/2 sines, computed in double by our own code and rounded to float32, so that every machine has
 * the same. INVALID_ARGUMENT names the member that is out of range.
 */
TERN_API tern_status tern_rotary_table(const tern_rotary_table_desc *desc, uint32_t first,
                                       uint32_t count, float *out_rows);

TERN_END_DECLS

#endif
