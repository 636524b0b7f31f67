// Models of known shapes with random weights, as GGUF that is never stored: a source makes the
// bytes as they are read.
#ifndef TERN_TOOLS_TERN_BENCH_RANDOM_MODEL_H_
#define TERN_TOOLS_TERN_BENCH_RANDOM_MODEL_H_

#include "tools/tern/bench/matrix.h"
#include "tools/tern/text.h"

typedef struct model_shape {
    const char *name; // "2b-4t"
    const char *title;
    const char *architecture;
    uint32_t layers, width, ffn_width, heads, kv_heads, head_dim;
    uint32_t vocabulary, context;
    float rotary_base;
    bool tied; // no output matrix of its own
} model_shape;

// NULL past the last.
const model_shape *model_shape_at(uint32_t index);
const model_shape *model_shape_find(const char *name);

enum { RANDOM_POOLS = 5 };

typedef struct random_tensor {
    uint64_t offset, size; // from the start of the file
    uint32_t pool;
    bool scale_last; // the last 32 bytes begin with a scale
} random_tensor;

typedef struct random_model {
    tern_source source;
    text header;
    bench_pool pools[RANDOM_POOLS];
    random_tensor *tensors;
    uint32_t tensor_count;
} random_model;

// False if memory is out; random_model_close either way. |self| stays where it is.
bool random_model_open(random_model *self, const model_shape *shape);
void random_model_close(random_model *self);

#endif
