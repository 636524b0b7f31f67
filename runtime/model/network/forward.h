// What the parts of a forward pass are written with: norms and linear layers, appended to a list of
// ops. Each part has a file: forward_attention.c, forward_recurrence.c, forward_feed.c.
#ifndef TERN_RUNTIME_MODEL_FORWARD_H_
#define TERN_RUNTIME_MODEL_FORWARD_H_

#include "runtime/model/network/network.h"

typedef struct tern__forward {
    const tern__network *network;
    const tern__step_tensors *t;
    tern_commands *commands;
    const tern_tensor *normed_by; // the norm whose result |t->normed| holds
} tern__forward;

// A linear layer with what stands around it.
typedef struct tern__projection {
    const tern__matrix *matrix;
    tern_tensor x;
    const tern_tensor *norm; // before it; NULL or absent: none
    bool residual;           // add to what |out| holds
    const tern_tensor *post; // and this norm before that; likewise
    tern_tensor out;
    uint32_t live;
} tern__projection;

static inline tern_op_header tern__live(uint32_t word) {
    return (tern_op_header){.live = word};
}

static inline bool tern__is_present(const tern_tensor *tensor) {
    return tensor && tensor->buffer;
}

tern_status tern__forward_norm(const tern__forward *b, tern_tensor x, tern_tensor weight,
                               tern_tensor out, uint32_t live_word);
tern_status tern__forward_scale(const tern__forward *b, tern_tensor x, float factor);

// |p->x| by the norm that several projections share, computed once for all of them.
tern_status tern__forward_shared_norm(tern__forward *b, tern__projection *p);
tern_status tern__forward_project(tern__forward *b, tern__projection p);
// From the hidden state, normed, to |out|.
tern_status tern__forward_in(tern__forward *b, const tern__matrix *matrix, const tern_tensor *norm,
                             tern_tensor out);
// From |x| back to the hidden state.
tern_status tern__forward_back(tern__forward *b, const tern__matrix *matrix, tern_tensor x,
                               const tern_tensor *norm, const tern_tensor *post);

// The two halves of layer |index|: either of the first, then the second.
tern_status tern__forward_attention(tern__forward *b, uint32_t index);
tern_status tern__forward_recurrence(tern__forward *b, uint32_t index);
tern_status tern__forward_feed(tern__forward *b, const tern__layer *layer);

#endif
