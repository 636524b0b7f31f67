// The dimensions of a network, and whatever else the keys of a file say of its arithmetic.
//
// Keys are those of GGUF, "llama.block_count" and so on. For what it has no key for there are:
//
//     tern.rotary_pairs         "half_split" or "interleaved": instead of the architecture's
//     tern.linear_norm          true: an RMSNorm in front of each projection, in tensors such as
//                               blk.0.attn_q_norm_in.weight (which alone say so too)
//     tern.linear_norm_epsilon  theirs; absent: that of the other norms
//     tern.norm_offset          added to the weights of all other norms (Gemma: 1)
//     tern.block_norms          false: there are no others (BitMat)
//     tern.attention_bias       true: projections of attention have biases; false: they must not
//     tern.mlp_bias             the same of the gated unit's; absent: as the tensors are
//     tern.tied                 false: there must be an output matrix
//     tern.weights              "absmean": projections become ternary at load; else "packed"
//     tern.scale                "inverse": .scale tensors hold 1 / scale; else "direct"
//     tern.rope.scaling.*       instead of the architecture's rope.scaling.*: type ("none",
//                               "linear", "yarn", "llama3"), factor, original_context_length,
//                               low_freq_factor, high_freq_factor, yarn_beta_fast, yarn_beta_slow
//
// The matmul-free network, hgrn-bit, has block_count, embedding_length, feed_forward_length (of one
// half of blk.0.ffn_gate_up), context_length and attention.layer_norm_rms_epsilon. Its projections
// all have norms of their own, output.weight too.
#ifndef TERN_RUNTIME_MODEL_HYPER_H_
#define TERN_RUNTIME_MODEL_HYPER_H_

#include <stdbool.h>

#include <tern/archive.h>

#include "runtime/model/network/architecture.h"

enum { TERN__MAX_LAYERS = 4096 };

// Layers of two kinds, which differ in what they attend to and in their rotary tables.
enum { TERN__GLOBAL = 0, TERN__WINDOWED = 1, TERN__LAYER_KINDS = 2 };

// Whether projections have biases: as the tensors are, never, always.
enum { TERN__BIAS_ANY = 0, TERN__BIAS_NONE, TERN__BIAS_ALL };

typedef struct tern__hyper {
    const tern__architecture *architecture;
    uint32_t traits; // TERN__*: the architecture's and what keys add
    tern_activation gate;
    uint32_t layers;
    uint32_t width;
    uint32_t ffn_width; // of one expert, where there are
    uint32_t heads;
    uint32_t kv_heads;
    uint32_t head_dim;
    uint32_t rotary_dims;
    uint32_t rotary_pairs; // TERN_ROTARY_*
    uint32_t vocabulary;   // rows of the embedding
    uint32_t context;
    uint32_t window; // positions that windowed layers see; 0: all
    uint8_t windowed[TERN__MAX_LAYERS / 8];
    uint32_t experts;      // 0: none
    uint32_t experts_used; // for each row
    uint32_t route_score;  // TERN_ROUTE_*
    bool route_normalised;
    float route_scale;
    float gate_limit; // tern_gated_desc.limit
    float norm_eps;
    float linear_norm_eps;
    float norm_offset;
    float attention_scale;
    uint8_t attention_bias; // TERN__BIAS_*
    uint8_t mlp_bias;
    bool untied;      // required to have an output matrix
    bool linear_norm; // required in front of each projection; else there where the file has it
    bool has_kind[TERN__LAYER_KINDS];
    tern_rotary_table_desc rotary[TERN__LAYER_KINDS]; // without factors
} tern__hyper;

// TERN__GLOBAL or TERN__WINDOWED.
static inline uint32_t tern__hyper_kind(const tern__hyper *hyper, uint32_t layer) {
    return hyper->windowed[layer / 8] >> (layer % 8) & 1u;
}

static inline bool tern__hyper_has(const tern__hyper *hyper, uint32_t trait) {
    return (hyper->traits & trait) != 0;
}

// Whether there are layers of |kind| and they have rotary positions.
bool tern__hyper_turns(const tern__hyper *hyper, uint32_t kind);

// Whether both kinds need a rotary table each.
bool tern__hyper_has_two_tables(const tern__hyper *hyper);

// Reads and checks them. NOT_FOUND names a missing key or tensor, UNSUPPORTED an architecture or
// value that is not known, CORRUPT_DATA what contradicts itself.
tern_status tern__hyper_read(const tern_archive *archive, tern__hyper *out);

// Of tern__hyper_read: head_dim, context and layers with their kinds are known.
tern_status tern__hyper_read_rotary(const tern_archive *archive, tern__hyper *hyper);
tern_status tern__hyper_read_windows(const tern_archive *archive, tern__hyper *hyper);
tern_status tern__hyper_read_experts(const tern_archive *archive, tern__hyper *hyper);

// "<architecture>.<suffix>"
typedef struct tern__key {
    char name[96];
} tern__key;

tern__key tern__hyper_key(const tern__hyper *hyper, const char *suffix);

// The key of this suffix, which must be there and from 1 to |limit|.
tern_status tern__hyper_need_count(const tern_archive *archive, const tern__hyper *hyper,
                                   const char *suffix, uint32_t limit, uint32_t *out);

#endif
