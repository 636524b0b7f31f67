#include "runtime/model/network/forward.h"

#include "runtime/status.h"

// Room for what |x| becomes by a norm.
static tern_tensor normed_room(const tern__forward *b, tern_tensor x) {
    tern_tensor tensor = b->t->normed;
    tensor.shape[0] = x.shape[0];
    tensor.shape[1] = x.shape[1];
    tensor.strides[0] = x.shape[1];
    return tensor;
}

tern_status tern__forward_norm(const tern__forward *b, tern_tensor x, tern_tensor weight,
                               tern_tensor out, uint32_t live_word) {
    tern_rms_norm_desc desc = {.head = tern__live(live_word),
                               .x = x,
                               .weight = weight,
                               .eps = b->network->hyper.norm_eps,
                               .out = out};
    return tern_cmd_rms_norm(b->commands, &desc);
}

tern_status tern__forward_shared_norm(tern__forward *b, tern__projection *p) {
    if (!tern__is_present(p->norm)) {
        return TERN_STATUS_OK;
    }
    tern_tensor normed = normed_room(b, p->x);
    if (b->normed_by != p->norm) {
        TERN_TRY(tern__forward_norm(b, p->x, *p->norm, normed, p->live));
        b->normed_by = p->norm;
    }
    p->x = normed;
    p->norm = NULL;
    return TERN_STATUS_OK;
}

static tern_status append_bitlinear(tern__forward *b, tern__projection *p, tern_tensor out,
                                    bool residual) {
    const tern__hyper *hyper = &b->network->hyper;
    const tern__matrix *matrix = p->matrix;
    bool own = tern__is_present(&matrix->norm);
    if (own) {
        TERN_TRY(tern__forward_shared_norm(b, p));
    }
    const tern_tensor *norm = own ? &matrix->norm : p->norm;
    tern_bitlinear_desc desc = {.head = tern__live(p->live),
                                .x = p->x,
                                .norm = tern__is_present(norm) ? TERN_NORM_RMS : TERN_NORM_NONE,
                                .norm_eps = own ? hyper->linear_norm_eps : hyper->norm_eps,
                                .weights = matrix->weights,
                                .bias = matrix->bias,
                                .out = out};
    if (tern__is_present(norm)) {
        desc.norm_weight = *norm;
    }
    if (residual) {
        desc.residual = out;
    }
    return tern_cmd_bitlinear(b->commands, &desc);
}

static tern_status append_linear(tern__forward *b, tern__projection *p, tern_tensor out) {
    TERN_TRY(tern__forward_shared_norm(b, p));
    if (tern__is_present(&p->matrix->norm)) {
        tern_tensor normed = normed_room(b, p->x);
        tern_rms_norm_desc norm = {.head = tern__live(p->live),
                                   .x = p->x,
                                   .weight = p->matrix->norm,
                                   .eps = b->network->hyper.linear_norm_eps,
                                   .out = normed};
        TERN_TRY(tern_cmd_rms_norm(b->commands, &norm));
        b->normed_by = NULL;
        p->x = normed;
    }
    tern_linear_desc desc = {.head = tern__live(p->live),
                             .x = p->x,
                             .weights = p->matrix->weights,
                             .bias = p->matrix->bias,
                             .out = out};
    return tern_cmd_linear(b->commands, &desc);
}

tern_status tern__forward_project(tern__forward *b, tern__projection p) {
    bool ternary = p.matrix->ternary;
    bool apart = p.residual && (!ternary || tern__is_present(p.post));
    tern_tensor out = apart ? b->t->projected : p.out;
    TERN_TRY(ternary ? append_bitlinear(b, &p, out, p.residual && !apart)
                     : append_linear(b, &p, out));
    if (!apart) {
        return TERN_STATUS_OK;
    }
    if (tern__is_present(p.post)) {
        TERN_TRY(tern__forward_norm(b, out, *p.post, out, p.live));
    }
    tern_add_desc sum = {.head = tern__live(p.live), .a = p.out, .b = out, .out = p.out};
    return tern_cmd_add(b->commands, &sum);
}

tern_status tern__forward_in(tern__forward *b, const tern__matrix *matrix, const tern_tensor *norm,
                             tern_tensor out) {
    tern__projection p = {
        .matrix = matrix, .x = b->t->x, .norm = norm, .out = out, .live = b->t->live};
    return tern__forward_project(b, p);
}

tern_status tern__forward_back(tern__forward *b, const tern__matrix *matrix, tern_tensor x,
                               const tern_tensor *norm, const tern_tensor *post) {
    tern__projection p = {.matrix = matrix,
                          .x = x,
                          .norm = norm,
                          .residual = true,
                          .post = post,
                          .out = b->t->x,
                          .live = b->t->live};
    return tern__forward_project(b, p);
}

tern_status tern__forward_scale(const tern__forward *b, tern_tensor x, float factor) {
    tern_scale_desc desc = {.head = tern__live(b->t->live), .x = x, .factor = factor, .out = x};
    return tern_cmd_scale(b->commands, &desc);
}
