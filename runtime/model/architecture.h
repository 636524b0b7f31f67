// The networks that can run, one row of a table each, and the dimensions a file gives them.
#ifndef TERN_RUNTIME_MODEL_ARCHITECTURE_H_
#define TERN_RUNTIME_MODEL_ARCHITECTURE_H_

#include <stdbool.h>

#include <tern/archive.h>
#include <tern/ops.h>

// All are decoders of the Llama kind (arXiv 2302.13971): norms in front, rotary positions, grouped
// heads, a gated unit. They differ in what is here.
typedef struct tern__architecture {
    const char *name;      // general.architecture, and the prefix of its keys
    tern_activation gate;  // where the file has no hidden_activation
    bool sub_norms;        // norms before attn_output and ffn_down (arXiv 2504.12285)
    bool ternary;          // dense projections whose values are all -s, 0 or +s are ternary ones
    uint32_t rotary_pairs; // TERN_ROTARY_*
} tern__architecture;

// NULL if there is none of that name.
const tern__architecture *tern__architecture_find(const char *name);

// Dimensions of a network.
typedef struct tern__hyper {
    const tern__architecture *architecture;
    tern_activation gate;
    uint32_t layers;
    uint32_t width;
    uint32_t ffn_width;
    uint32_t heads;
    uint32_t kv_heads;
    uint32_t head_dim;
    uint32_t rotary_dims;
    uint32_t vocabulary; // rows of the embedding
    uint32_t context;
    float norm_eps;
    double rotary_base;
} tern__hyper;

// Reads and checks them. NOT_FOUND names a missing key or tensor, UNSUPPORTED an architecture or
// value that is not known, CORRUPT_DATA what contradicts itself.
tern_status tern__hyper_read(const tern_archive *archive, tern__hyper *out);

#endif
