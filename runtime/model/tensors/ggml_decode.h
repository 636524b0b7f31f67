// From a file's rows to canonical rows and to plain numbers.
#ifndef TERN_RUNTIME_MODEL_GGML_DECODE_H_
#define TERN_RUNTIME_MODEL_GGML_DECODE_H_

#include "runtime/model/tensors/ggml_types.h"

enum {
    TERN__VALUES_BLOCK = 256, // columns that tern__ggml_values starts at multiples of
    TERN__TERNARY_GROUP = 64  // columns under one scale of tern__ggml_ternary_row
};

// Decodes |rows| rows to canonical rows of |type->dtype|: tern_dtype_row_bytes(dtype, cols) bytes
// each to |codes|, padded with weights of zero, and with TERN_SCALE_GROUP cols / group_size floats
// a row to |scales| (else NULL and ignored). |cols| is a multiple of block_elements. A code 3 of
// the two-bit types stays 3, for tern_weights_create to refuse where it means nothing. Not for
// HF_T2, whose rows do not lie one after the other.
void tern__ggml_decode_rows(const tern__ggml_type *type, uint32_t cols, uint32_t rows,
                            const void *raw, void *codes, float *scales);

// Field 0 to 3 of |cols| bytes of HF_T2 as one t2 row.
void tern__ggml_decode_field(uint32_t cols, const void *raw, uint32_t field, uint8_t *codes);

// Whether |bytes| bytes of t2 contain a code 3.
bool tern__ggml_has_code_3(const uint8_t *codes, size_t bytes);

// One row of a type that tern__ggml_may_be_wide as q8_0 blocks: exactly, since each of its groups
// is whole blocks.
void tern__ggml_wide_row(const tern__ggml_type *type, uint32_t cols, const void *raw, uint8_t *out);

// Rows of a dense type as canonical rows, as tern__ggml_decode_rows makes them.
void tern__ggml_dense_rows(const tern__ggml_type *type, uint32_t cols, uint32_t rows,
                           const void *raw, void *out);

// Columns [first, first + count) of a row of a dense type; |first| is a multiple of
// TERN__VALUES_BLOCK. Each type's own formula in float32; all products in it are exact, and the
// only sum, of Q4_K and Q5_K, is rounded once.
void tern__ggml_values(const tern__ggml_type *type, uint32_t first, uint32_t count, const void *row,
                       float *out);

// One row of a dense type as t2 codes with a scale for each TERN__TERNARY_GROUP columns, 0 where
// all of them are 0; false if the values of some group are other than -s, 0, +s.
bool tern__ggml_ternary_row(const tern__ggml_type *type, uint32_t cols, const void *raw,
                            uint8_t *codes, float *scales);

// Adds |w| of every weight of a row to |*sum|, ascending. Returns the first column whose value is
// NaN or infinite, |cols| if none is.
uint32_t tern__ggml_add_sizes(const tern__ggml_type *type, uint32_t cols, const void *raw,
                              double *sum);
// One row as t2 codes: round half even(w * factor), clamped to -1, 0, +1.
void tern__ggml_absmean_row(const tern__ggml_type *type, uint32_t cols, const void *raw,
                            float factor, uint8_t *codes);

// One row of a dense type as q8_0 blocks, as TERN_MODEL_HEAD_Q8 defines them, its last block
// filled with zeros. Returns the first column whose value is NaN or infinite, |cols| if none is.
uint32_t tern__ggml_q8_row(const tern__ggml_type *type, uint32_t cols, const void *raw,
                           uint8_t *out);

#endif
