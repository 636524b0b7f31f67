// The forward pass, written once for all architectures.
#include "runtime/model/network.h"

#include "runtime/status.h"
#include "shaders/common/divide.h"

typedef struct builder {
    const tern__network *network;
    const tern__step_tensors *t;
    tern_commands *commands;
    const tern_tensor *normed_by; // the norm whose result |t->normed| holds
} builder;

// A linear layer with what stands around it.
typedef struct projection {
    const tern__matrix *matrix;
    tern_tensor x;
    const tern_tensor *norm; // before it; NULL or absent: none
    bool residual;           // add to what |out| holds
    const tern_tensor *post; // and this norm before that; likewise
    tern_tensor out;
    uint32_t live;
} projection;

// Room for what |x| becomes by a norm.
static tern_tensor normed_room(const builder *b, tern_tensor x) {
    tern_tensor tensor = b->t->normed;
    tensor.shape[0] = x.shape[0];
    tensor.shape[1] = x.shape[1];
    tensor.strides[0] = x.shape[1];
    return tensor;
}

static tern_op_header live(uint32_t word) {
    return (tern_op_header){.live = word};
}

static bool is_present(const tern_tensor *tensor) {
    return tensor && tensor->buffer;
}

static tern_status append_norm(const builder *b, tern_tensor x, tern_tensor weight, tern_tensor out,
                               uint32_t live_word) {
    tern_rms_norm_desc desc = {.head = live(live_word),
                               .x = x,
                               .weight = weight,
                               .eps = b->network->hyper.norm_eps,
                               .out = out};
    return tern_cmd_rms_norm(b->commands, &desc);
}

// |p->x| by the norm that several projections share, computed once for all of them.
static tern_status append_shared_norm(builder *b, projection *p) {
    if (!is_present(p->norm)) {
        return TERN_STATUS_OK;
    }
    tern_tensor normed = normed_room(b, p->x);
    if (b->normed_by != p->norm) {
        TERN_TRY(append_norm(b, p->x, *p->norm, normed, p->live));
        b->normed_by = p->norm;
    }
    p->x = normed;
    p->norm = NULL;
    return TERN_STATUS_OK;
}

static tern_status append_bitlinear(builder *b, projection *p, tern_tensor out, bool residual) {
    const tern__hyper *hyper = &b->network->hyper;
    const tern__matrix *matrix = p->matrix;
    bool own = is_present(&matrix->norm);
    if (own) {
        TERN_TRY(append_shared_norm(b, p));
    }
    const tern_tensor *norm = own ? &matrix->norm : p->norm;
    tern_bitlinear_desc desc = {.head = live(p->live),
                                .x = p->x,
                                .norm = is_present(norm) ? TERN_NORM_RMS : TERN_NORM_NONE,
                                .norm_eps = own ? hyper->linear_norm_eps : hyper->norm_eps,
                                .weights = matrix->weights,
                                .bias = matrix->bias,
                                .out = out};
    if (is_present(norm)) {
        desc.norm_weight = *norm;
    }
    if (residual) {
        desc.residual = out;
    }
    return tern_cmd_bitlinear(b->commands, &desc);
}

static tern_status append_linear(builder *b, projection *p, tern_tensor out) {
    TERN_TRY(append_shared_norm(b, p));
    if (is_present(&p->matrix->norm)) {
        tern_tensor normed = normed_room(b, p->x);
        tern_rms_norm_desc norm = {.head = live(p->live),
                                   .x = p->x,
                                   .weight = p->matrix->norm,
                                   .eps = b->network->hyper.linear_norm_eps,
                                   .out = normed};
        TERN_TRY(tern_cmd_rms_norm(b->commands, &norm));
        b->normed_by = NULL;
        p->x = normed;
    }
    tern_linear_desc desc = {.head = live(p->live),
                             .x = p->x,
                             .weights = p->matrix->weights,
                             .bias = p->matrix->bias,
                             .out = out};
    return tern_cmd_linear(b->commands, &desc);
}

static tern_status project(builder *b, projection p) {
    bool ternary = p.matrix->ternary;
    bool apart = p.residual && (!ternary || is_present(p.post));
    tern_tensor out = apart ? b->t->projected : p.out;
    TERN_TRY(ternary ? append_bitlinear(b, &p, out, p.residual && !apart)
                     : append_linear(b, &p, out));
    if (!apart) {
        return TERN_STATUS_OK;
    }
    if (is_present(p.post)) {
        TERN_TRY(append_norm(b, out, *p.post, out, p.live));
    }
    tern_add_desc sum = {.head = live(p.live), .a = p.out, .b = out, .out = p.out};
    return tern_cmd_add(b->commands, &sum);
}

// From the hidden state, normed, to |out|.
static tern_status project_in(builder *b, const tern__matrix *matrix, const tern_tensor *norm,
                              tern_tensor out) {
    projection p = {.matrix = matrix, .x = b->t->x, .norm = norm, .out = out, .live = b->t->live};
    return project(b, p);
}

// From |x| back to the hidden state.
static tern_status project_back(builder *b, const tern__matrix *matrix, tern_tensor x,
                                const tern_tensor *norm, const tern_tensor *post) {
    projection p = {.matrix = matrix,
                    .x = x,
                    .norm = norm,
                    .residual = true,
                    .post = post,
                    .out = b->t->x,
                    .live = b->t->live};
    return project(b, p);
}

static tern_status append_rotary(const builder *b, tern_tensor x, uint32_t index) {
    const tern__hyper *hyper = &b->network->hyper;
    tern_rotary_desc desc = {.head = live(b->t->live),
                             .x = x,
                             .table = b->t->rotary[tern__hyper_kind(hyper, index)],
                             .positions = b->t->positions,
                             .head_dim = hyper->head_dim,
                             .pairs = hyper->rotary_pairs,
                             .out = x};
    return tern_cmd_rotary(b->commands, &desc);
}

// q or k: each head normed, where the architecture does that, then turned.
static tern_status append_heads(const builder *b, tern_tensor x, uint32_t heads,
                                const tern_tensor *norm, uint32_t index) {
    const tern__hyper *hyper = &b->network->hyper;
    if (is_present(norm)) {
        tern_rms_norm_desc desc = {.head = live(b->t->live),
                                   .x = x,
                                   .weight = *norm,
                                   .eps = hyper->norm_eps,
                                   .heads = heads,
                                   .out = x};
        TERN_TRY(tern_cmd_rms_norm(b->commands, &desc));
    }
    bool turns = tern__hyper_turns(hyper, tern__hyper_kind(hyper, index));
    return turns ? append_rotary(b, x, index) : TERN_STATUS_OK;
}

static tern_status append_attention(const builder *b, uint32_t index) {
    const tern__step_tensors *t = b->t;
    const tern__hyper *hyper = &b->network->hyper;
    bool windowed = tern__hyper_kind(hyper, index) == TERN__WINDOWED;
    tern_kv_append_desc store = {.head = live(t->live),
                                 .k = t->k,
                                 .v = t->v,
                                 .k_cache = t->k_cache[index],
                                 .v_cache = t->v_cache[index],
                                 .positions = t->positions,
                                 .sequences = t->sequences,
                                 .table = t->table};
    TERN_TRY(tern_cmd_kv_append(b->commands, &store));
    tern_attention_desc attend = {.head = live(t->live),
                                  .q = t->q,
                                  .k_cache = t->k_cache[index],
                                  .v_cache = t->v_cache[index],
                                  .positions = t->positions,
                                  .sequences = t->sequences,
                                  .table = t->table,
                                  .scale = hyper->attention_scale,
                                  .window = windowed ? hyper->window : 0,
                                  .out = t->attended};
    return tern_cmd_attention(b->commands, &attend);
}

static tern_status append_gate(const builder *b, tern_tensor gate, tern_tensor up,
                               tern_tensor out) {
    const tern__hyper *hyper = &b->network->hyper;
    tern_gated_desc gated = {.head = live(b->t->live),
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
static tern_status append_route(builder *b, const tern__layer *layer, tern_tensor *out_x) {
    const tern__step_tensors *t = b->t;
    const tern__hyper *hyper = &b->network->hyper;
    projection p = {.matrix = &layer->router,
                    .x = t->x,
                    .norm = &layer->ffn_norm,
                    .out = t->scores,
                    .live = t->live};
    TERN_TRY(append_shared_norm(b, &p));
    *out_x = p.x;
    TERN_TRY(project(b, p));
    tern_route_desc route = {.head = live(t->live),
                             .x = t->scores,
                             .score = hyper->route_score,
                             .normalise = hyper->route_normalised,
                             .scale = hyper->route_scale,
                             .ids = t->experts,
                             .weights = t->shares};
    return tern_cmd_route(b->commands, &route);
}

static tern_status ask_experts(const builder *b, const tern__matrix *matrix, tern_tensor x,
                               tern_tensor out) {
    tern_expert_bitlinear_desc desc = {.head = live(b->t->live),
                                       .x = x,
                                       .ids = b->t->experts,
                                       .weights = matrix->weights,
                                       .experts = b->network->hyper.experts,
                                       .out = out};
    return tern_cmd_expert_bitlinear(b->commands, &desc);
}

static tern_status append_experts(builder *b, const tern__layer *layer) {
    const tern__step_tensors *t = b->t;
    tern_tensor x;
    TERN_TRY(append_route(b, layer, &x));
    TERN_TRY(ask_experts(b, &layer->gate, x, t->gate));
    TERN_TRY(ask_experts(b, &layer->up, x, t->up));
    TERN_TRY(append_gate(b, t->gate, t->up, t->gate));
    TERN_TRY(ask_experts(b, &layer->down, t->gate, t->said));
    tern_combine_desc combine = {
        .head = live(t->live), .x = t->said, .weights = t->shares, .residual = t->x, .out = t->x};
    return tern_cmd_combine(b->commands, &combine);
}

static tern_status append_feed_forward(builder *b, const tern__layer *layer) {
    const tern__step_tensors *t = b->t;
    if (tern__hyper_has(&b->network->hyper, TERN__EXPERTS)) {
        return append_experts(b, layer);
    }
    tern_tensor out = t->gate;
    TERN_TRY(project_in(b, &layer->gate, &layer->ffn_norm, t->gate));
    if (tern__hyper_has(&b->network->hyper, TERN__JOINT_GATE)) {
        uint32_t half = t->gate.shape[1] / 2;
        out = t->up;
        TERN_TRY(append_gate(b, part_of(t->gate, 0, half), part_of(t->gate, half, half), out));
    } else {
        TERN_TRY(project_in(b, &layer->up, &layer->ffn_norm, t->up));
        TERN_TRY(append_gate(b, t->gate, t->up, out));
    }
    return project_back(b, &layer->down, out, &layer->ffn_sub_norm, &layer->ffn_post_norm);
}

static tern_status append_mixing(builder *b, uint32_t index) {
    const tern__step_tensors *t = b->t;
    const tern__layer *layer = &b->network->layers[index];
    const tern__hyper *hyper = &b->network->hyper;
    TERN_TRY(project_in(b, &layer->q, &layer->attn_norm, t->q));
    TERN_TRY(project_in(b, &layer->k, &layer->attn_norm, t->k));
    TERN_TRY(project_in(b, &layer->v, &layer->attn_norm, t->v));
    TERN_TRY(append_heads(b, t->q, hyper->heads, &layer->q_norm, index));
    TERN_TRY(append_heads(b, t->k, hyper->kv_heads, &layer->k_norm, index));
    TERN_TRY(append_attention(b, index));
    return project_back(b, &layer->output, t->attended, &layer->attn_sub_norm,
                        &layer->attn_post_norm);
}

static tern_status append_scale(const builder *b, tern_tensor x, float factor) {
    tern_scale_desc desc = {.head = live(b->t->live), .x = x, .factor = factor, .out = x};
    return tern_cmd_scale(b->commands, &desc);
}

// The projection p becomes 1 - f, where f = bound + (1 - bound) * sigmoid(p), as what that is: (1 -
// bound) * sigmoid(-p), which keeps its digits where f is almost 1.
static tern_status append_forgotten(const builder *b, const tern__layer *layer, tern_tensor f) {
    tern_op_header head = live(b->t->live);
    tern_activation_desc sigmoid = {
        .head = head, .x = f, .activation = TERN_ACTIVATION_SIGMOID, .out = f};
    tern_mul_desc bound = {.head = head, .a = f, .b = layer->unbound, .out = f};
    TERN_TRY(append_scale(b, f, -1.0f));
    TERN_TRY(tern_cmd_activation(b->commands, &sigmoid));
    return tern_cmd_mul(b->commands, &bound);
}

static tern_status append_swish(const builder *b, tern_tensor gate, tern_tensor up) {
    tern_gated_desc desc = {.head = live(b->t->live),
                            .gate = gate,
                            .up = up,
                            .activation = TERN_ACTIVATION_SILU,
                            .out = gate};
    return tern_cmd_gated(b->commands, &desc);
}

// h = f * h + (1 - f) * swish(i), from the state that the sequence has here.
static tern_status append_state(const builder *b, uint32_t index) {
    const tern__step_tensors *t = b->t;
    tern_tensor i = t->q, f = t->k;
    TERN_TRY(append_forgotten(b, &b->network->layers[index], f));
    TERN_TRY(append_swish(b, i, f));
    TERN_TRY(append_scale(b, f, -1.0f));
    tern_add_desc rest = {.head = live(t->live), .a = f, .b = b->network->ones, .out = f};
    TERN_TRY(tern_cmd_add(b->commands, &rest));
    tern_recurrence_desc recurrence = {.head = live(t->live),
                                       .f = f,
                                       .i = i,
                                       .state = t->states[index],
                                       .positions = t->positions,
                                       .sequences = t->sequences,
                                       .out = t->attended};
    return tern_cmd_recurrence(b->commands, &recurrence);
}

// In the place of attention. The published program, with which models are trained, norms g and not
// the state: out = o(norm(g) * swish(h)).
static tern_status append_recurrence(builder *b, uint32_t index) {
    const tern__step_tensors *t = b->t;
    const tern__layer *layer = &b->network->layers[index];
    TERN_TRY(project_in(b, &layer->i, &layer->attn_norm, t->q));
    TERN_TRY(project_in(b, &layer->f, &layer->attn_norm, t->k));
    TERN_TRY(project_in(b, &layer->g, &layer->attn_norm, t->v));
    TERN_TRY(append_state(b, index));
    TERN_TRY(append_norm(b, t->v, layer->g_norm, t->v, t->live));
    TERN_TRY(append_swish(b, t->attended, t->v));
    return project_back(b, &layer->output, t->attended, NULL, NULL);
}

static tern_status append_layer(builder *b, uint32_t index) {
    bool recurrent = tern__hyper_has(&b->network->hyper, TERN__RECURRENT);
    TERN_TRY(recurrent ? append_recurrence(b, index) : append_mixing(b, index));
    return append_feed_forward(b, &b->network->layers[index]);
}

// The selected rows alone go through the last norm and the output matrix.
static tern_status append_head(builder *b) {
    const tern__step_tensors *t = b->t;
    const tern__network *network = b->network;
    tern_copy_desc select = {
        .head = live(t->live_selected), .x = t->x, .rows = t->selected, .out = t->hidden};
    TERN_TRY(tern_cmd_copy(b->commands, &select));
    TERN_TRY(append_norm(b, t->hidden, network->output_norm, t->hidden, t->live_selected));
    projection p = {
        .matrix = &network->head, .x = t->hidden, .out = t->logits, .live = t->live_logits};
    TERN_TRY(project(b, p));
    tern_argmax_desc pick = {.head = live(t->live_logits), .x = t->logits, .out = t->picked};
    return tern_cmd_argmax(b->commands, &pick);
}

static tern_status append_embedding(const builder *b) {
    const tern__hyper *hyper = &b->network->hyper;
    tern_tensor x = b->t->x;
    tern_embedding_desc embed = {.head = live(b->t->live),
                                 .ids = b->t->tokens,
                                 .weights = b->network->embedding.weights,
                                 .out = x};
    TERN_TRY(tern_cmd_embedding(b->commands, &embed));
    bool scaled = tern__hyper_has(hyper, TERN__SCALED_EMBEDDING);
    return scaled ? append_scale(b, x, t_sqrt((float)hyper->width)) : TERN_STATUS_OK;
}

tern_status tern__network_forward(const tern__network *network, const tern__step_tensors *tensors,
                                  tern_commands *commands) {
    builder b = {network, tensors, commands, NULL};
    TERN_TRY(append_embedding(&b));
    for (uint32_t i = 0; i < network->hyper.layers; i++) {
        TERN_TRY(append_layer(&b, i));
    }
    return append_head(&b);
}
