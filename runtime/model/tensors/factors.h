// The tensor `NAME.scale` that some files have beside ternary weights `NAME.weight`: what these are
// multiplied with, or with the key `tern.scale` = inverse divided by.
#ifndef TERN_RUNTIME_MODEL_FACTORS_H_
#define TERN_RUNTIME_MODEL_FACTORS_H_

#include "runtime/model/files/archive.h"

// One number for all rows, or one each for |span| rows after the other.
typedef struct tern__factors {
    float one;     // if |values| is NULL
    float *values; // tern__factors_finish
    uint64_t span;
} tern__factors;

// The tensor of factors that belongs to the tensor called |weight|; false if there is none.
bool tern__factors_find(const tern_archive *archive, const char *weight,
                        tern_tensor_info *out_info);

// UNSUPPORTED for a key `tern.scale` that says what it should not.
tern_status tern__factors_direction(const tern_archive *archive, bool *out_inverse);

// Those of |weight|, a matrix of |rows| rows; 1 if it has none. CORRUPT_DATA for a tensor that has
// another shape than [1], one per row or one per matrix of a stack, is of another type than F32,
// F16 or BF16, or has a value that is not finite or 0. tern__factors_finish in any case.
tern_status tern__factors_read(const tern_archive *archive, const tern_tensor_info *weight,
                               uint64_t rows, tern__factors *out);
void tern__factors_finish(tern_context *context, tern__factors *factors);

float tern__factor_of(const tern__factors *factors, uint64_t row);

#endif
