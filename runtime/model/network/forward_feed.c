// The second half of a layer: a gated unit, or a few of many that a router picks.
#include "runtime/model/network/forward.h"
#include "runtime/status.h"

static tern_status append_gate(const tern__forward *b, tern_tensor gate, tern_tensor up,
                               tern_tensor out) {
    const tern__hyper *hyper = &b->network->hyper;
    tern_gated_desc gated = {.head = tern__live(b->t->live),
                             .gate = gate,
                             .up = up,
                             .activation = hyper->gate,
                             .limit = hyper->gate_limit,
                             .out = out};
    return tern_cmd_gated(b->commands, &gated);
}

// Columns of a matrix.
static tern_tensor part_of(tern_tensor x, uint32_t first, uint32_t count) {
    x.offset += first * sizeof(float);
    x.shape[1] = count;
    return x;
}

// Which experts each row asks, by the norm that they share with the router.
static tern_status append_route(tern__forward *b, const tern__layer *layer, tern_tensor *out_x) {
    const tern__step_tensors *t = b->t;
    const tern__hyper *hyper = &b->network->hyper;
    tern__projection p = {.matrix = &layer->router,
                          .x = t->x,
                          .norm = &layer->ffn_norm,
                          .out = t->scores,
                          .live = t->live};
    TERN_TRY(tern__forward_shared_norm(b, &p));
    *out_x = p.x;
    TERN_TRY(tern__forward_project(b, p));
    tern_route_desc route = {.head = tern__live(t->live),
                             .x = t->scores,
                             .score = hyper->route_score,
                             .normalise = hyper->route_normalised,
                             .scale = hyper->route_scale,
                             .ids = t->experts,
                             .weights = t->shares};
    return tern_cmd_route(b->commands, &route);
}

static tern_status ask_experts(const tern__forward *b, const tern__matrix *matrix, tern_tensor x,
                               tern_tensor out) {
    tern_expert_bitlinear_desc desc = {.head = tern__live(b->t->live),
                                       .x = x,
                                       .ids = b->t->experts,
                                       .weights = matrix->weights,
                                       .experts = b->network->hyper.experts,
                                       .out = out};
    return tern_cmd_expert_bitlinear(b->commands, &desc);
}

static tern_status append_experts(tern__forward *b, const tern__layer *layer) {
    const tern__step_tensors *t = b->t;
    tern_tensor x;
    TERN_TRY(append_route(b, layer, &x));
    TERN_TRY(ask_experts(b, &layer->gate, x, t->gate));
    TERN_TRY(ask_experts(b, &layer->up, x, t->up));
    TERN_TRY(append_gate(b, t->gate, t->up, t->gate));
    TERN_TRY(ask_experts(b, &layer->down, t->gate, t->said));
    tern_combine_desc combine = {.head = tern__live(t->live),
                                 .x = t->said,
                                 .weights = t->shares,
                                 .residual = t->x,
                                 .out = t->x};
    return tern_cmd_combine(b->commands, &combine);
}

tern_status tern__forward_feed(tern__forward *b, const tern__layer *layer) {
    const tern__step_tensors *t = b->t;
    if (tern__hyper_has(&b->network->hyper, TERN__EXPERTS)) {
        return append_experts(b, layer);
    }
    tern_tensor out = t->gate;
    TERN_TRY(tern__forward_in(b, &layer->gate, &layer->ffn_norm, t->gate));
    if (tern__hyper_has(&b->network->hyper, TERN__JOINT_GATE)) {
        uint32_t half = t->gate.shape[1] / 2;
        out = t->up;
        TERN_TRY(append_gate(b, part_of(t->gate, 0, half), part_of(t->gate, half, half), out));
    } else {
        TERN_TRY(tern__forward_in(b, &layer->up, &layer->ffn_norm, t->up));
        TERN_TRY(append_gate(b, t->gate, t->up, out));
    }
    return tern__forward_back(b, &layer->down, out, &layer->ffn_sub_norm, &layer->ffn_post_norm);
}
