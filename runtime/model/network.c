// The forward pass, written once for all architectures.
#include "runtime/model/network.h"

#include <math.h>

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
    tern_tensor out;
} projection;

static tern_tensor with_width(tern_tensor tensor, uint32_t width) {
    tensor.shape[1] = width;
    tensor.strides[0] = width;
    return tensor;
}

static tern_op_header live(uint32_t word) {
    return (tern_op_header){.live = word};
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

static tern_status project_ternary(const builder *b, const projection *p, uint32_t live_word) {
    bool has_norm = p->norm && p->norm->buffer;
    tern_bitlinear_desc desc = {.head = live(live_word),
                                .x = p->x,
                                .norm = has_norm ? TERN_NORM_RMS : TERN_NORM_NONE,
                                .norm_eps = b->network->hyper.norm_eps,
                                .weights = p->matrix->weights,
                                .bias = p->matrix->bias,
                                .out = p->out};
    if (has_norm) {
        desc.norm_weight = *p->norm;
    }
    if (p->residual) {
        desc.residual = p->out;
    }
    return tern_cmd_bitlinear(b->commands, &desc);
}

static tern_status project_dense(builder *b, const projection *p, uint32_t live_word) {
    tern_tensor x = p->x;
    if (p->norm && p->norm->buffer) {
        x = with_width(b->t->normed, x.shape[1]);
        if (b->normed_by != p->norm) {
            TERN_TRY(append_norm(b, p->x, *p->norm, x, live_word));
            b->normed_by = p->norm;
        }
    }
    tern_linear_desc desc = {.head = live(live_word),
                             .x = x,
                             .weights = p->matrix->weights,
                             .bias = p->matrix->bias,
                             .out = p->residual ? b->t->projected : p->out};
    TERN_TRY(tern_cmd_linear(b->commands, &desc));
    if (!p->residual) {
        return TERN_STATUS_OK;
    }
    tern_add_desc sum = {.head = live(live_word), .a = p->out, .b = b->t->projected, .out = p->out};
    return tern_cmd_add(b->commands, &sum);
}

static tern_status project(builder *b, projection p) {
    return p.matrix->ternary ? project_ternary(b, &p, b->t->live)
                             : project_dense(b, &p, b->t->live);
}

static tern_status append_rotary(const builder *b, tern_tensor x) {
    const tern__hyper *hyper = &b->network->hyper;
    tern_rotary_desc desc = {.head = live(b->t->live),
                             .x = x,
                             .table = b->t->rotary,
                             .positions = b->t->positions,
                             .head_dim = hyper->head_dim,
                             .pairs = hyper->architecture->rotary_pairs,
                             .out = x};
    return tern_cmd_rotary(b->commands, &desc);
}

static tern_status append_attention(const builder *b, uint32_t index) {
    const tern__step_tensors *t = b->t;
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
                                  .scale =
                                      t_divide(1.0f, t_sqrt((float)b->network->hyper.head_dim)),
                                  .out = t->attended};
    return tern_cmd_attention(b->commands, &attend);
}

static tern_status append_layer(builder *b, uint32_t index) {
    const tern__step_tensors *t = b->t;
    const tern__layer *layer = &b->network->layers[index];
    const tern_tensor *norm = &layer->attn_norm;
    TERN_TRY(project(b, (projection){&layer->q, t->x, norm, false, t->q}));
    TERN_TRY(project(b, (projection){&layer->k, t->x, norm, false, t->k}));
    TERN_TRY(project(b, (projection){&layer->v, t->x, norm, false, t->v}));
    TERN_TRY(append_rotary(b, t->q));
    TERN_TRY(append_rotary(b, t->k));
    TERN_TRY(append_attention(b, index));
    const tern_tensor *sub_norm = &layer->attn_sub_norm;
    TERN_TRY(project(b, (projection){&layer->output, t->attended, sub_norm, true, t->x}));
    norm = &layer->ffn_norm;
    TERN_TRY(project(b, (projection){&layer->gate, t->x, norm, false, t->gate}));
    TERN_TRY(project(b, (projection){&layer->up, t->x, norm, false, t->up}));
    tern_gated_desc gated = {.head = live(t->live),
                             .gate = t->gate,
                             .up = t->up,
                             .activation = b->network->hyper.gate,
                             .out = t->gate};
    TERN_TRY(tern_cmd_gated(b->commands, &gated));
    sub_norm = &layer->ffn_sub_norm;
    return project(b, (projection){&layer->down, t->gate, sub_norm, true, t->x});
}

// The selected rows alone go through the last norm and the output matrix.
static tern_status append_head(builder *b) {
    const tern__step_tensors *t = b->t;
    const tern__network *network = b->network;
    tern_copy_desc select = {
        .head = live(t->live_selected), .x = t->x, .rows = t->selected, .out = t->hidden};
    TERN_TRY(tern_cmd_copy(b->commands, &select));
    TERN_TRY(append_norm(b, t->hidden, network->output_norm, t->hidden, t->live_selected));
    projection p = {&network->head, t->hidden, NULL, false, t->logits};
    TERN_TRY(p.matrix->ternary ? project_ternary(b, &p, t->live_logits)
                               : project_dense(b, &p, t->live_logits));
    tern_argmax_desc pick = {.head = live(t->live_logits), .x = t->logits, .out = t->picked};
    return tern_cmd_argmax(b->commands, &pick);
}

tern_status tern__network_forward(const tern__network *network, const tern__step_tensors *tensors,
                                  tern_commands *commands) {
    builder b = {network, tensors, commands, NULL};
    tern_embedding_desc embed = {.head = live(tensors->live),
                                 .ids = tensors->tokens,
                                 .weights = network->embedding.weights,
                                 .out = tensors->x};
    TERN_TRY(tern_cmd_embedding(commands, &embed));
    for (uint32_t i = 0; i < network->hyper.layers; i++) {
        TERN_TRY(append_layer(&b, i));
    }
    return append_head(&b);
}
