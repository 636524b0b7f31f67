// A tensor of an archive as a matrix that is read row by row, whatever its type: as t2 codes and
// scales, or as numbers.
#ifndef TERN_RUNTIME_MODEL_ROWSOURCE_H_
#define TERN_RUNTIME_MODEL_ROWSOURCE_H_

#include "runtime/model/tensors/factors.h"
#include "runtime/model/tensors/ggml_types.h"

typedef struct tern__rowsource {
    const tern_archive *archive;
    tern_tensor_info info;
    const tern__ggml_type *type;
    uint64_t rows; // all dimensions but the first
    uint32_t cols;
    uint32_t groups; // scales a row, of ternary types and of floats that are ternary
    uint32_t group_size;
    tern__factors factors;
    float scale; // of I2_S

    // The row that was read last.
    uint8_t *codes;
    float *scales; // not multiplied by factors
    float *values; // multiplied, if the type is a ternary one

    uint8_t *raw; // the chunk of the file that it came from
    size_t raw_row_bytes;
    uint64_t first;
    uint64_t loaded;
    uint64_t capacity;
} tern__rowsource;

// |i2s_block|: of I2_S tensors. |info| is of a type whose dtype is not NONE and has fewer than 2^24
// columns; else UNSUPPORTED, and everything that reading a scale can fail with.
// tern__rowsource_finish in any case.
tern_status tern__rowsource_init(tern__rowsource *self, const tern_archive *archive,
                                 const tern_tensor_info *info, uint32_t i2s_block);
void tern__rowsource_finish(tern__rowsource *self);

// Of a ternary type: |codes| and |scales|, or false in |*out_ternary| for a code of 3 of a type
// that may be wide; CORRUPT_DATA for that of another. Of a dense type: the same, if it is ternary
// by groups of 64.
tern_status tern__rowsource_ternary(tern__rowsource *self, uint64_t row, bool *out_ternary);

// |values|. CORRUPT_DATA for NaN and infinity.
tern_status tern__rowsource_values(tern__rowsource *self, uint64_t row);

#endif
