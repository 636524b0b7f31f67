// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_WEIGHTS_H_
#define TERN_WEIGHTS_H_

#include <tern/device.h>

/**
 * A constant matrix of N rows (outputs) by K columns (inputs) made ready for one device. The
 * device's layout is its secret; canonical rows, as types.h defines them, go in and can be had
 * again.
 *
 * Ownership: destroy before the device, and after every program that uses it.
 * Threads:   immutable once made: any thread, several at once.
 */

enum {
    TERN_WEIGHTS_MATMUL = 1u << 0, /**< operand of bitlinear, ternary_matmul or linear */
    TERN_WEIGHTS_GATHER =
        1u << 1 /**< operand of embedding; both bits: tied embeddings, held once */
};

/** Shape and type of a matrix. Plain data. This struct's size is part of the ABI. */
typedef struct tern_weights_info {
    uint32_t struct_size;       /**< sizeof(tern_weights_info) */
    tern_dtype dtype;           /**< t2, t5, b1, f32, f16, bf16 or q8_0 */
    uint32_t rows;              /**< N > 0 */
    uint32_t cols;              /**< 0 < K < 2^24, so that sums of int8 products fit 32 bits */
    tern_scale_kind scale_kind; /**< NONE for dense types, another for t2, t5 and b1 */
    uint32_t group_size;        /**< 64, 128 or 256 with TERN_SCALE_GROUP, else 0 */
    float scale;                /**< with TERN_SCALE_TENSOR */
    uint32_t usage;             /**< TERN_WEIGHTS_* */
} tern_weights_info;

/**
 * Delivers rows [first, first + count): |codes| receives count * tern_dtype_row_bytes(dtype, cols)
 * bytes, and |scales| one float per row (TERN_SCALE_ROW) or ceil(K / group) per row
 * (TERN_SCALE_GROUP), else is NULL. Called for ascending, disjoint ranges, once each, on the
 * creating thread. A failing status ends the creation. Must not call the library: the device is
 * busy.
 */
typedef tern_status (*tern_rows_fn)(void *user, uint32_t first, uint32_t count, void *codes,
                                    float *scales);

/** How weights are made: from memory (|codes|, |scales|), or by |read|, which is then used instead.
 */
typedef struct tern_weights_desc {
    uint32_t struct_size; /**< sizeof(tern_weights_desc) */
    uint32_t reserved;
    tern_weights_info info;
    const void *codes;   /**< all rows; needed until the call returns */
    const float *scales; /**< as for tern_rows_fn, for all rows */
    tern_rows_fn read;
    void *user;
    const char *name; /**< for messages; NULL: "weights" */
} tern_weights_desc;

TERN_BEGIN_DECLS

/**
 * Makes a matrix ready for |device|. Values are checked as they pass: an invalid code, or a value
 * or scale that is NaN or infinite, or a scale that is 0 (below 2^-50) while a code under it is
 * not, is CORRUPT_DATA and names row and column. Dense values below 2^-50 and -0 become +0 (the
 * numbers contract, rule 3). INVALID_ARGUMENT for an impossible shape, OUT_OF_MEMORY with what was
 * asked for.
 */
TERN_API tern_status tern_weights_create(tern_device *device, const tern_weights_desc *desc,
                                         tern_weights **out_weights);

/** Accepts NULL. */
TERN_API void tern_weights_destroy(tern_weights *weights);

/** Shape and type as a device holds them: t5 and b1 have become t2. */
TERN_API tern_status tern_weights_describe(const tern_weights *weights,
                                           tern_weights_info *out_info);

/** Rows again, in canonical form: as tern_rows_fn delivers them. |scales| may be NULL when there
 * are none. */
TERN_API tern_status tern_weights_export(tern_weights *weights, uint32_t first, uint32_t count,
                                         void *codes, float *scales);

TERN_END_DECLS

#endif
