// What the values of a dense matrix are, whatever type holds them: a network goes by that, so that
// a conversion which keeps all values keeps the answers too.
#ifndef TERN_RUNTIME_MODEL_LOOK_H_
#define TERN_RUNTIME_MODEL_LOOK_H_

#include "runtime/model/tensors/ggml_types.h"

// Types of half the size of float32 that hold the same values. Products beside these take
// activations that are rounded to float16, beside float32 they do not.
enum { TERN__HOLDS_F16 = 1u << 0, TERN__HOLDS_BF16 = 1u << 1 };

typedef struct tern__look {
    bool ternary; // -s, 0 or +s, with an s for each 64 columns at most (ggml_decode.h)
    bool half;    // float32, but float16 or bfloat16 would do
} tern__look;

// By the first columns of the first row alone: false is certain, true is not. For dense types.
tern_status tern__look_at_first(const tern_archive *archive, const tern_tensor_info *info,
                                tern__look *out);

// Those of |types| that hold |count| values, but for what is flushed to 0.
uint32_t tern__look_at_values(const float *values, uint32_t count, uint32_t types);

#endif
