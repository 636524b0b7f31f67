// The header of a safetensors file: 8 bytes of length, JSON that names the tensors, their data.
#ifndef TERN_RUNTIME_MODEL_SAFETENSORS_H_
#define TERN_RUNTIME_MODEL_SAFETENSORS_H_

#include "runtime/model/files/gguf.h"

typedef struct tern__safetensors {
    char *text;            // what the names are lent from
    tern__tensor *tensors; // in the order of their data; shapes fastest first, a scalar is [1]
    size_t count;
} tern__safetensors;

// Whether the content of |source| looks like safetensors. Reads 9 bytes.
bool tern__safetensors_is(tern_context *context, const tern_source *source);

// Reads and checks the header of |source|, which the tensors point to. CORRUPT_DATA says what is
// wrong with which tensor: types, shapes, names that appear twice, data with holes, overlaps or
// something behind it. UNSUPPORTED names an element type or a rank that is not known.
tern_status tern__safetensors_read(tern_context *context, const tern_source *source,
                                   tern__safetensors *out);
void tern__safetensors_finish(tern_context *context, tern__safetensors *file);

#endif
