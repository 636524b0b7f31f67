// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_TYPES_H_
#define TERN_TYPES_H_

#include <tern/base.h>

/**
 * Element types, tensor views, and the encodings of constant matrices, exact to the bit. An
 * encoding never depends on the compiler, the processor or a macro; how a backend tiles weights in
 * memory is its secret.
 */

/** Element type of a tensor or a weights matrix. */
typedef uint32_t tern_dtype;

enum {
    TERN_DTYPE_NONE = 0,
    TERN_DTYPE_F32 = 1,  /**< IEEE 754 binary32 */
    TERN_DTYPE_F16 = 2,  /**< IEEE 754 binary16 */
    TERN_DTYPE_BF16 = 3, /**< the upper half of a binary32 */
    TERN_DTYPE_I32 = 4,  /**< two's complement */
    TERN_DTYPE_I8 = 5,   /**< two's complement; rows of tensors are padded to 4 bytes */

    /* Weights only. A row is padded to whole bytes (q8_0: whole blocks); what a source puts there
     * is ignored, and a device sees weights of zero. */

    /**
     * Ternary, 2 bits: weight w in {-1, 0, +1} is code c = w + 1; code 3 is invalid.
     *
     *     bit   7 6   5 4   3 2   1 0
     *          [c+3] [c+2] [c+1] [c+0]      element j of a row: byte j / 4, bits 2 * (j % 4)
     */
    TERN_DTYPE_T2 = 16,

    /**
     * Ternary, base 3: byte = 81 c0 + 27 c1 + 9 c2 + 3 c3 + c4 (0 to 242) for elements 5b to 5b + 4
     * of a row, c = w + 1. Bytes above 242 are invalid. A source format only: devices see it as t2.
     */
    TERN_DTYPE_T5 = 17,

    /** Binary: element j of a row is bit j % 8 of byte j / 8; 1 is +1, 0 is -1. Devices see it as
       t2. */
    TERN_DTYPE_B1 = 18,

    /** 32 weights in 34 bytes: float16 d, then 32 int8 q; w = d * q. */
    TERN_DTYPE_Q8_0 = 19
};

/** How ternary and binary weights are scaled: w = scale * code value. */
typedef uint32_t tern_scale_kind;

enum {
    TERN_SCALE_NONE = 0,   /**< dense types */
    TERN_SCALE_TENSOR = 1, /**< one for the matrix */
    TERN_SCALE_ROW = 2,    /**< one for each of the N output rows */
    TERN_SCALE_GROUP =
        3 /**< one for each group of 64, 128 or 256 columns of each row, the last may be short */
};

/** Non-linearities; formulas and accuracy in shaders/common/activation.h. */
typedef uint32_t tern_activation;

enum {
    TERN_ACTIVATION_LINEAR = 0,  /**< x */
    TERN_ACTIVATION_RELU = 1,    /**< max(x, 0) */
    TERN_ACTIVATION_RELU2 = 2,   /**< max(x, 0) squared, the gate of BitNet b1.58 2B-4T */
    TERN_ACTIVATION_SILU = 3,    /**< x * sigmoid(x) */
    TERN_ACTIVATION_SIGMOID = 4, /**< 1 / (1 + exp(-x)) */
    TERN_ACTIVATION_TANH = 5,
    TERN_ACTIVATION_GELU = 6,      /**< x / 2 * (1 + erf(x / sqrt(2))) */
    TERN_ACTIVATION_GELU_TANH = 7, /**< its approximation by tanh */
    TERN_ACTIVATION_COUNT_ = 8
};

/** Whether a device keeps the numbers contract: the bits of the reference backend, or only near
 * them. */
typedef uint32_t tern_numerics;

enum { TERN_NUMERICS_UNKNOWN = 0, TERN_NUMERICS_EXACT = 1, TERN_NUMERICS_TOLERANT = 2 };

#define TERN_MAX_RANK 4

/** Positions in one block of a KV pool; part of the numbers contract (attention joins block by
 * block). */
#define TERN_KV_BLOCK 64

typedef struct tern_buffer tern_buffer;
typedef struct tern_weights tern_weights;

/**
 * A view of device memory: plain data, freely copied, owning nothing. Shapes and strides run from
 * the outermost dimension to the innermost and count elements; the innermost stride is 1. Offsets
 * are bytes, multiples of 4. Rows of 8- and 16-bit types start at multiples of 4 bytes (so their
 * strides are even or multiples of 4), which lets a device without narrow storage read whole words.
 *
 * A tensor whose buffer is NULL is absent; ops say which operands may be. This struct's size is
 * part of the ABI.
 */
typedef struct tern_tensor {
    tern_buffer *buffer;
    uint64_t offset;
    tern_dtype dtype;
    uint32_t rank;
    uint32_t shape[TERN_MAX_RANK];
    uint32_t strides[TERN_MAX_RANK];
} tern_tensor;

TERN_BEGIN_DECLS

/** "f32", "t2", ...; "?" for a number that is none. Static. */
TERN_API const char *tern_dtype_name(tern_dtype dtype);

/** Bytes of one row of |cols| elements as canonical weights or as a packed tensor row, padding
 * included: 8- and 16-bit types (also the weights f16 and bf16) to 4 bytes. 0 for no type. */
TERN_API uint64_t tern_dtype_row_bytes(tern_dtype dtype, uint32_t cols);

/**
 * A packed view of |rank| dimensions |shape| at byte |offset| of |buffer|; rows are padded to 4
 * bytes. Does not check anything: ops do when the view is used.
 */
TERN_API tern_tensor tern_tensor_make(tern_buffer *buffer, uint64_t offset, tern_dtype dtype,
                                      uint32_t rank, const uint32_t *shape);

/** Bytes from the first element of a packed tensor of this shape to past its last, padding
 * included; 0 on overflow. */
TERN_API uint64_t tern_tensor_packed_bytes(tern_dtype dtype, uint32_t rank, const uint32_t *shape);

TERN_END_DECLS

#endif
