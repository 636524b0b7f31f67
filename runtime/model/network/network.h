// A network's weights on a device, and the list of ops of one step through it.
#ifndef TERN_RUNTIME_MODEL_NETWORK_H_
#define TERN_RUNTIME_MODEL_NETWORK_H_

#include <tern/commands.h>
#include <tern/model.h>

#include "runtime/model/network/hyper.h"

// A linear layer: ternary weights run as bitlinear, others as linear.
typedef struct tern__matrix {
    tern_weights *weights;
    tern_tensor norm; // in front of it, its own; absent: none
    tern_tensor bias; // likewise
    bool ternary;
} tern__matrix;

typedef struct tern__layer {
    tern_tensor attn_norm;
    tern__matrix q;
    tern__matrix k;
    tern__matrix v;
    tern_tensor q_norm; // absent unless the architecture has norms of heads
    tern_tensor k_norm;
    tern_tensor attn_sub_norm; // likewise sub-norms
    tern__matrix i;            // these for q, k and v in a recurrent network
    tern__matrix f;
    tern__matrix g;
    tern_tensor g_norm;
    tern_tensor unbound; // [width]: 1 - the least that f may be
    tern__matrix output;
    tern_tensor attn_post_norm; // and norms behind
    tern_tensor ffn_norm;
    tern__matrix router; // absent unless it has experts, whose matrices then follow, bundled
    tern__matrix gate;   // with a joint gate that and |up|
    tern__matrix up;
    tern_tensor ffn_sub_norm;
    tern__matrix down;
    tern_tensor ffn_post_norm;
} tern__layer;

typedef struct tern__network {
    tern_context *context;
    tern_device *device;
    tern__hyper hyper;
    tern__matrix embedding;
    tern__matrix head; // shares the embedding's weights when they are tied
    tern_tensor output_norm;
    tern__layer *layers;
    tern_tensor ones;      // [width], where it is recurrent
    tern_buffer *vectors;  // norms and biases, one after the other
    float *rotary_factors; // rotary_dims / 2, or NULL
    uint64_t parameters;
    uint64_t weight_bytes;
    bool head_q8; // TERN_MODEL_HEAD_Q8 is asked for
    bool staged;  // some projection needs |normed| or |projected| of a step
} tern__network;

// Reads every weight of |archive|, whose dimensions are |network->hyper|. On failure
// tern__network_unload releases what there is.
tern_status tern__network_load(tern__network *network, const tern_archive *archive,
                               const tern_model_desc *desc);
void tern__network_unload(tern__network *network);

// What a step reads and writes. Rows beyond the live ones are left alone.
typedef struct tern__step_tensors {
    tern_tensor tokens;    // i32 [R]
    tern_tensor positions; // i32 [R]
    tern_tensor sequences; // i32 [R]
    tern_tensor selected;  // i32 [L]: the rows whose hidden state or logits are wanted
    tern_tensor x;         // [R, width]
    tern_tensor q;         // [R, heads * head_dim]
    tern_tensor k;         // [R, kv_heads * head_dim]; with a recurrence these are i, f and g
    tern_tensor v;
    tern_tensor attended; // [R, heads * head_dim]
    tern_tensor scores;   // [R, experts]: the router's
    tern_tensor experts;  // i32 [R, used]: those that are asked
    tern_tensor shares;   // [R, used]: how much each counts
    tern_tensor gate;     // [R, ffn_width], or that for each expert asked, or with |up| beside it
    tern_tensor up;
    tern_tensor said;      // [R, used * width]
    tern_tensor normed;    // [R, widest input], where some projection is dense or has a norm
                           // of its own or one behind it
    tern_tensor projected; // [R, width], likewise
    tern_tensor hidden;    // [L, width], after the last norm
    tern_tensor logits;    // [L, vocabulary]
    tern_tensor picked;    // i32 [L]: the largest logit of each row
    tern_tensor rotary[TERN__LAYER_KINDS]; // [positions, rotary_dims]
    tern_tensor table;                     // i32 [sequences, blocks]: the cache's
    uint32_t live;                         // tern_op_header.live of the ops on R rows,
    uint32_t live_selected;                // of those that make hidden states,
    uint32_t live_logits;                  // and of those that make logits
    const tern_tensor *k_cache;            // [layers]
    const tern_tensor *v_cache;
    const tern_tensor *states; // [layers], instead of the two
} tern__step_tensors;

// Appends the ops of one step to |commands|.
tern_status tern__network_forward(const tern__network *network, const tern__step_tensors *tensors,
                                  tern_commands *commands);

#endif
