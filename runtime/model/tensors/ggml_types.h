// The tensor types of GGUF files: one table, and the way from a file's rows to canonical rows.
#ifndef TERN_RUNTIME_MODEL_GGML_TYPES_H_
#define TERN_RUNTIME_MODEL_GGML_TYPES_H_

#include <stdbool.h>

#include <tern/archive.h>
#include <tern/types.h>

// How the bytes of a whole tensor follow from its shape.
typedef enum tern__size_rule {
    TERN__SIZE_BLOCKS, // rows of whole blocks
    TERN__SIZE_I2_S,   // blocks, then 32 bytes whose first four are the scale
    TERN__SIZE_TL2,    // a three-weight part and a two-weight part of 256 columns
    TERN__SIZE_FIELDS  // each byte has a field for one row of each quarter of the rows
} tern__size_rule;

// One meaning of one type number; several rows may share a number.
typedef struct tern__ggml_type {
    uint32_t id; // as in the file
    const char *name;
    uint32_t block_elements; // of a row; 0: not known, the tensor takes what there is
    uint32_t block_bytes;
    tern__size_rule rule;
    bool microsoft; // a number that another producer uses for something else

    // The canonical weights that the rows become; TERN_DTYPE_NONE: models cannot use the type.
    tern_dtype dtype;
    tern_scale_kind scale_kind;
    uint32_t group_size;
} tern__ggml_type;

// Types that GGUF files do not have get numbers from here on. A reader of another kind of file
// finds them by name:
//
//     HF_T2   of Hugging Face folders: byte [r][k] has the codes w + 1 of the rows r, R + r,
//             2 R + r and 3 R + r, from bit 0 on, where R is a quarter of the rows, rounded up; a
//             stack of matrices has one after the other
//     I2_S_64 of files with the number of I2_S, made on ARM: blocks of 64 (i2s_probe.h)
//     BITMAT  of BitMat: four columns a byte from bit 0 on; 0 is 00, +1 is 01, -1 is 10
enum { TERN__GGML_Q8_0 = 8, TERN__GGML_Q1_0 = 41, TERN__GGML_FOREIGN = 0x10000 };

// NULL if there is none.
const tern__ggml_type *tern__ggml_type_named(const char *name);

// The |index|-th meaning of number |id| in a GGUF file, from 0; NULL past the last.
const tern__ggml_type *tern__ggml_type_find(uint32_t id, uint32_t index);

// The row of the table that describes a tensor of an opened archive. Never NULL.
const tern__ggml_type *tern__ggml_type_of(const tern_tensor_info *info);

// Bytes of a tensor; false if the shape does not suit the type or the number overflows.
bool tern__ggml_tensor_bytes(const tern__ggml_type *type, const uint64_t shape[4],
                             uint64_t *out_bytes);

// Bytes of one row of |cols| elements in the file, for types whose |dtype| is not NONE. Row r of a
// matrix starts at byte r * row_bytes of its tensor; rows of HF_T2 share bytes, four in each.
uint64_t tern__ggml_row_bytes(const tern__ggml_type *type, uint32_t cols);

// F32, F16 or BF16.
bool tern__ggml_is_float(const tern__ggml_type *type);

// Whether codes of 3 stand for weights of +2, with which a matrix is no ternary one.
bool tern__ggml_may_be_wide(const tern__ggml_type *type);

#endif
