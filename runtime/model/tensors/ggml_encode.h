// From canonical rows and plain numbers to a file's rows: the way back of ggml_decode.h.
#ifndef TERN_RUNTIME_MODEL_GGML_ENCODE_H_
#define TERN_RUNTIME_MODEL_GGML_ENCODE_H_

#include "runtime/model/tensors/ggml_types.h"

// Columns under one scale of a ternary type that can be written, |cols| for I2_S; 0 for a type that
// cannot.
uint32_t tern__ggml_encoded_group(const tern__ggml_type *type, uint32_t cols);

// One t2 row without codes of 3 as a row of TQ1_0, TQ2_0, Q2_0, PQ2_0, PTQ1_0 or I2_S, with a scale
// for each group, which float16 holds (I2_S: ignored). |cols| is whole blocks.
void tern__ggml_encode_ternary(const tern__ggml_type *type, uint32_t cols, const uint8_t *codes,
                               const float *scales, uint8_t *out);

// Numbers as a row of F32, F16, BF16 or Q8_0. False for other types.
bool tern__ggml_encode_values(const tern__ggml_type *type, uint32_t cols, const float *values,
                              uint8_t *out);

#endif
