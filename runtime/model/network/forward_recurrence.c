// A gated linear recurrence (arXiv 2406.02528), in the place of attention.
#include "runtime/model/network/forward.h"
#include "runtime/status.h"

// The projection p becomes 1 - f, where f = bound + (1 - bound) * sigmoid(p), as what that is: (1 -
// bound) * sigmoid(-p), which keeps its digits where f is almost 1.
static tern_status append_forgotten(const tern__forward *b, const tern__layer *layer,
                                    tern_tensor f) {
    tern_op_header head = tern__live(b->t->live);
    tern_activation_desc sigmoid = {
        .head = head, .x = f, .activation = TERN_ACTIVATION_SIGMOID, .out = f};
    tern_mul_desc bound = {.head = head, .a = f, .b = layer->unbound, .out = f};
    TERN_TRY(tern__forward_scale(b, f, -1.0f));
    TERN_TRY(tern_cmd_activation(b->commands, &sigmoid));
    return tern_cmd_mul(b->commands, &bound);
}

static tern_status append_swish(const tern__forward *b, tern_tensor gate, tern_tensor up) {
    tern_gated_desc desc = {.head = tern__live(b->t->live),
                            .gate = gate,
                            .up = up,
                            .activation = TERN_ACTIVATION_SILU,
                            .out = gate};
    return tern_cmd_gated(b->commands, &desc);
}

// h = f * h + (1 - f) * swish(i), from the state that the sequence has here.
static tern_status append_state(const tern__forward *b, uint32_t index) {
    const tern__step_tensors *t = b->t;
    tern_tensor i = t->q, f = t->k;
    TERN_TRY(append_forgotten(b, &b->network->layers[index], f));
    TERN_TRY(append_swish(b, i, f));
    TERN_TRY(tern__forward_scale(b, f, -1.0f));
    tern_add_desc rest = {.head = tern__live(t->live), .a = f, .b = b->network->ones, .out = f};
    TERN_TRY(tern_cmd_add(b->commands, &rest));
    tern_recurrence_desc recurrence = {.head = tern__live(t->live),
                                       .f = f,
                                       .i = i,
                                       .state = t->states[index],
                                       .positions = t->positions,
                                       .sequences = t->sequences,
                                       .out = t->attended};
    return tern_cmd_recurrence(b->commands, &recurrence);
}

// The published program, with which models are trained, norms g and not
// the state: out = o(norm(g) * swish(h)).
tern_status tern__forward_recurrence(tern__forward *b, uint32_t index) {
    const tern__step_tensors *t = b->t;
    const tern__layer *layer = &b->network->layers[index];
    TERN_TRY(tern__forward_in(b, &layer->i, &layer->attn_norm, t->q));
    TERN_TRY(tern__forward_in(b, &layer->f, &layer->attn_norm, t->k));
    TERN_TRY(tern__forward_in(b, &layer->g, &layer->attn_norm, t->v));
    TERN_TRY(append_state(b, index));
    TERN_TRY(tern__forward_norm(b, t->v, layer->g_norm, t->v, t->live));
    TERN_TRY(append_swish(b, t->attended, t->v));
    return tern__forward_back(b, &layer->output, t->attended, NULL, NULL);
}
