// Vectors that stand for texts.
#include <tern/embed.h>

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/session/session.h"
#include "runtime/status.h"
#include "shaders/common/divide.h"
#include "shaders/common/float.h"

// Rule 4 of the numbers contract.
enum { BLOCK = 1024, PARTS = 64 };

typedef struct embedding {
    tern_session *session;
    tern_context *context;
    const tern_embed_desc *desc;
    tern_pooling pooling;
    uint32_t width;
    uint32_t hidden_count; // hidden states wanted
    tern_row *rows;
    float *hidden;
    float *squares; // [width]
} embedding;

static float sum_block(const float *values, size_t stride, uint32_t count) {
    float parts[PARTS] = {0};
    for (uint32_t i = 0; i < count; i++) {
        parts[i % PARTS] += values[i * stride];
    }
    for (uint32_t half = PARTS / 2; half > 0; half /= 2) {
        for (uint32_t i = 0; i < half; i++) {
            parts[i] += parts[i + half];
        }
    }
    return parts[0];
}

static float sum(const float *values, size_t stride, uint32_t count) {
    float total = 0.0f;
    for (uint32_t done = 0; done < count; done += BLOCK) {
        uint32_t left = count - done;
        total += sum_block(values + done * stride, stride, left < BLOCK ? left : (uint32_t)BLOCK);
    }
    return total;
}

static tern_status check(const embedding *e) {
    const tern_embed_desc *desc = e->desc;
    if (!desc->ids || desc->id_count == 0) {
        return tern__fail(e->context, TERN_STATUS_INVALID_ARGUMENT,
                          "embed: the text is empty, expected at least 1 id");
    }
    if (desc->pooling > TERN_POOLING_LAST || (desc->flags & ~(uint32_t)TERN_EMBED_RAW)) {
        return tern__fail(e->context, TERN_STATUS_INVALID_ARGUMENT,
                          "embed: pooling %u and flags 0x%x, expected TERN_POOLING_* and "
                          "TERN_EMBED_*",
                          desc->pooling, desc->flags);
    }
    if (e->pooling > TERN_POOLING_LAST) {
        return tern__fail(e->context, TERN_STATUS_UNSUPPORTED,
                          "embed: the model's file asks for a pooling that is not known (number %u "
                          "of GGUF); --pooling (tern_embed_desc) asks for another",
                          e->pooling - 1);
    }
    if (desc->id_count > e->session->context) {
        return tern__fail(e->context, TERN_STATUS_OUT_OF_RANGE,
                          "embed: a text of %u ids, the context has %u", desc->id_count,
                          e->session->context);
    }
    return tern__session_check_ids(e->session, "embed", desc->ids, desc->id_count);
}

static bool is_wanted(const embedding *e, uint32_t index) {
    switch (e->pooling) {
    case TERN_POOLING_CLS:
        return index == 0;
    case TERN_POOLING_LAST:
        return index + 1 == e->desc->id_count;
    default:
        return true;
    }
}

// With MEAN the hidden states go to memory of our own, else where the vectors go.
static tern_status make_room(embedding *e) {
    bool mean = e->pooling == TERN_POOLING_MEAN;
    uint64_t floats = (uint64_t)e->width * (mean ? 1 + (uint64_t)e->desc->id_count : 1);
    e->rows = tern__calloc(e->context, e->desc->id_count, sizeof *e->rows);
    e->squares = floats <= SIZE_MAX / sizeof(float)
                     ? tern__alloc(e->context, (size_t)floats * sizeof(float))
                     : NULL;
    if (!e->rows || !e->squares) {
        return tern__fail_memory(e->context, floats * sizeof(float), "an embedding");
    }
    if (mean) {
        e->hidden = e->squares + e->width;
    }
    return TERN_STATUS_OK;
}

static tern_status evaluate(embedding *e) {
    for (uint32_t i = 0; i < e->desc->id_count; i++) {
        uint32_t flags = is_wanted(e, i) ? TERN_ROW_HIDDEN : 0;
        e->rows[i] = (tern_row){e->session, e->desc->ids[i], flags};
        e->hidden_count += flags != 0;
    }
    tern_eval_desc eval = {.struct_size = sizeof eval,
                           .row_count = e->desc->id_count,
                           .rows = e->rows,
                           .hidden = e->hidden,
                           .cancelled_by = e->desc->cancelled_by};
    TERN_TRY(tern_session_rewind(e->session, 0));
    return tern__model_eval(e->session->model, &eval, NULL);
}

static void normalise(const embedding *e, float *x) {
    for (uint32_t i = 0; i < e->width; i++) {
        e->squares[i] = x[i] * x[i];
    }
    float length = t_sqrt(sum(e->squares, 1, e->width));
    for (uint32_t i = 0; length > 0.0f && i < e->width; i++) {
        x[i] = t_flush(t_divide(x[i], length));
    }
}

static tern_status run(embedding *e, float *out) {
    e->hidden = out;
    TERN_TRY(make_room(e));
    TERN_TRY(evaluate(e));
    uint32_t vectors = e->hidden_count;
    if (e->pooling == TERN_POOLING_MEAN) {
        vectors = 1;
        for (uint32_t i = 0; i < e->width; i++) {
            float total = sum(e->hidden + i, e->width, e->hidden_count);
            out[i] = t_flush(t_divide(total, (float)e->hidden_count));
        }
    }
    for (uint32_t v = 0; v < vectors && !(e->desc->flags & TERN_EMBED_RAW); v++) {
        normalise(e, out + (size_t)v * e->width);
    }
    return TERN_STATUS_OK;
}

tern_status tern_session_embed(tern_session *session, const tern_embed_desc *desc, float *out) {
    if (!session || !desc || !out) {
        return tern__fail(session ? session->model->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "embed: %s is NULL",
                          !session ? "session"
                          : !desc  ? "desc"
                                   : "out");
    }
    tern_context *context = session->model->context;
    TERN_TRY(tern__check_size(context, "tern_embed_desc", desc->struct_size, sizeof *desc));
    tern_pooling own = session->model->info.pooling;
    own = own == TERN_POOLING_MODEL ? TERN_POOLING_LAST : own;
    embedding e = {.session = session,
                   .context = context,
                   .desc = desc,
                   .pooling = desc->pooling == TERN_POOLING_MODEL ? own : desc->pooling,
                   .width = session->model->network.hyper.width};
    TERN_TRY(check(&e));
    tern_status status = run(&e, out);
    tern__free(context, e.rows);
    tern__free(context, e.squares);
    return status;
}
