// The forward pass, written once for all architectures.
#include "runtime/model/network/network.h"

#include "runtime/model/network/forward.h"
#include "runtime/status.h"
#include "shaders/common/divide.h"

static tern_status append_layer(tern__forward *b, uint32_t index) {
    bool recurrent = tern__hyper_has(&b->network->hyper, TERN__RECURRENT);
    TERN_TRY(recurrent ? tern__forward_recurrence(b, index) : tern__forward_attention(b, index));
    return tern__forward_feed(b, &b->network->layers[index]);
}

// The selected rows alone go through the last norm and the output matrix.
static tern_status append_head(tern__forward *b) {
    const tern__step_tensors *t = b->t;
    const tern__network *network = b->network;
    tern_copy_desc select = {
        .head = tern__live(t->live_selected), .x = t->x, .rows = t->selected, .out = t->hidden};
    TERN_TRY(tern_cmd_copy(b->commands, &select));
    if (tern__is_present(&network->output_norm)) {
        TERN_TRY(
            tern__forward_norm(b, t->hidden, network->output_norm, t->hidden, t->live_selected));
    }
    tern__projection p = {
        .matrix = &network->head, .x = t->hidden, .out = t->logits, .live = t->live_logits};
    TERN_TRY(tern__forward_project(b, p));
    tern_argmax_desc pick = {.head = tern__live(t->live_logits), .x = t->logits, .out = t->picked};
    return tern_cmd_argmax(b->commands, &pick);
}

static tern_status append_embedding(const tern__forward *b) {
    const tern__hyper *hyper = &b->network->hyper;
    tern_tensor x = b->t->x;
    tern_embedding_desc embed = {.head = tern__live(b->t->live),
                                 .ids = b->t->tokens,
                                 .weights = b->network->embedding.weights,
                                 .out = x};
    TERN_TRY(tern_cmd_embedding(b->commands, &embed));
    bool scaled = tern__hyper_has(hyper, TERN__SCALED_EMBEDDING);
    return scaled ? tern__forward_scale(b, x, t_sqrt((float)hyper->width)) : TERN_STATUS_OK;
}

tern_status tern__network_forward(const tern__network *network, const tern__step_tensors *tensors,
                                  tern_commands *commands) {
    tern__forward b = {network, tensors, commands, NULL};
    TERN_TRY(append_embedding(&b));
    for (uint32_t i = 0; i < network->hyper.layers; i++) {
        TERN_TRY(append_layer(&b, i));
    }
    return append_head(&b);
}
