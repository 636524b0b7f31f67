// Attention: of all positions before a row, or of a window.
#include "runtime/model/network/forward.h"
#include "runtime/status.h"

static tern_status append_rotary(const tern__forward *b, tern_tensor x, uint32_t index) {
    const tern__hyper *hyper = &b->network->hyper;
    tern_rotary_desc desc = {.head = tern__live(b->t->live),
                             .x = x,
                             .table = b->t->rotary[tern__hyper_kind(hyper, index)],
                             .positions = b->t->positions,
                             .head_dim = hyper->head_dim,
                             .pairs = hyper->rotary_pairs,
                             .out = x};
    return tern_cmd_rotary(b->commands, &desc);
}

// q or k: each head normed, where the architecture does that, then turned.
static tern_status append_heads(const tern__forward *b, tern_tensor x, uint32_t heads,
                                const tern_tensor *norm, uint32_t index) {
    const tern__hyper *hyper = &b->network->hyper;
    if (tern__is_present(norm)) {
        tern_rms_norm_desc desc = {.head = tern__live(b->t->live),
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

static tern_status append_attention(const tern__forward *b, uint32_t index) {
    const tern__step_tensors *t = b->t;
    const tern__hyper *hyper = &b->network->hyper;
    bool windowed = tern__hyper_kind(hyper, index) == TERN__WINDOWED;
    tern_kv_append_desc store = {.head = tern__live(t->live),
                                 .k = t->k,
                                 .v = t->v,
                                 .k_cache = t->k_cache[index],
                                 .v_cache = t->v_cache[index],
                                 .positions = t->positions,
                                 .sequences = t->sequences,
                                 .table = t->table};
    TERN_TRY(tern_cmd_kv_append(b->commands, &store));
    tern_attention_desc attend = {.head = tern__live(t->live),
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

tern_status tern__forward_attention(tern__forward *b, uint32_t index) {
    const tern__step_tensors *t = b->t;
    const tern__layer *layer = &b->network->layers[index];
    const tern__hyper *hyper = &b->network->hyper;
    TERN_TRY(tern__forward_in(b, &layer->q, &layer->attn_norm, t->q));
    TERN_TRY(tern__forward_in(b, &layer->k, &layer->attn_norm, t->k));
    TERN_TRY(tern__forward_in(b, &layer->v, &layer->attn_norm, t->v));
    TERN_TRY(append_heads(b, t->q, hyper->heads, &layer->q_norm, index));
    TERN_TRY(append_heads(b, t->k, hyper->kv_heads, &layer->k_norm, index));
    TERN_TRY(append_attention(b, index));
    return tern__forward_back(b, &layer->output, t->attended, &layer->attn_sub_norm,
                              &layer->attn_post_norm);
}
