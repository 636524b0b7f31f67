#include "runtime/model/session/session.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/status.h"

static bool is_bucket(uint32_t rows) {
    for (uint32_t i = 0; i < TERN__BUCKET_COUNT; i++) {
        if (tern__buckets[i] == rows) {
            return true;
        }
    }
    return false;
}

tern_status tern__session_check_desc(tern_context *context, const tern__hyper *hyper,
                                     const tern_session_desc *desc) {
    TERN_TRY(tern__check_size(context, "tern_session_desc", desc->struct_size, sizeof *desc));
    if (desc->kv > TERN_KV_I8) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "session: kv must be TERN_KV_F16, TERN_KV_F32 or TERN_KV_I8, not %u",
                          desc->kv);
    }
    if (desc->kv == TERN_KV_I8 && hyper->head_dim % 4 && !tern__cache_has_states(hyper)) {
        return tern__fail(context, TERN_STATUS_UNSUPPORTED,
                          "session: a cache of i8 is for heads of a multiple of 4 elements, the "
                          "model's have %u",
                          hyper->head_dim);
    }
    if (desc->max_rows && !is_bucket(desc->max_rows)) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "session: max_rows must be 1, 8, 32, 128 or 512, not %u", desc->max_rows);
    }
    if (desc->context > hyper->context) {
        return tern__fail(context, TERN_STATUS_OUT_OF_RANGE,
                          "session: a context of %u was asked for, the model has %u", desc->context,
                          hyper->context);
    }
    return TERN_STATUS_OK;
}

// The first |shared| blocks of its cache are those of |from|, if any.
static tern_status make_session(tern_model *model, const tern_session *like,
                                const tern_session *from, uint32_t shared,
                                tern_session **out_session) {
    tern_session *session = tern__calloc(model->context, 1, sizeof *session);
    if (!session) {
        return tern__fail_memory(model->context, sizeof *session, "session");
    }
    session->model = model;
    session->kv = like->kv;
    session->context = like->context;
    session->max_rows = like->max_rows;
    size_t bytes = session->context * sizeof *session->ids;
    session->ids = tern__alloc(model->context, bytes);
    tern_status status =
        session->ids ? TERN_STATUS_OK : tern__fail_memory(model->context, bytes, "session");
    if (status == TERN_STATUS_OK) {
        tern__mutex_lock(&model->lock);
        status = tern__model_lease(model, session->kv, session->context, from ? from->lease : NULL,
                                   shared, &session->lease);
        tern__mutex_unlock(&model->lock);
    }
    if (status != TERN_STATUS_OK) {
        tern_session_destroy(session);
        return status;
    }
    *out_session = session;
    return TERN_STATUS_OK;
}

tern_status tern_session_create(tern_model *model, const tern_session_desc *desc,
                                tern_session **out_session) {
    if (!model || !out_session) {
        return tern__fail(model ? model->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "session create: %s is NULL", model ? "out_session" : "model");
    }
    *out_session = NULL;
    tern_session_desc defaults = TERN_SESSION_DESC_INIT;
    desc = desc ? desc : &defaults;
    TERN_TRY(tern__session_check_desc(model->context, &model->network.hyper, desc));
    const tern_session like = {.kv = desc->kv,
                               .context =
                                   desc->context ? desc->context : model->network.hyper.context,
                               .max_rows = desc->max_rows ? desc->max_rows : TERN__DEFAULT_ROWS};
    return make_session(model, &like, NULL, 0, out_session);
}

void tern_session_destroy(tern_session *session) {
    if (!session) {
        return;
    }
    tern_model *model = session->model;
    tern__mutex_lock(&model->lock);
    tern__cache_release(&model->caches[session->kv], session->lease);
    tern__mutex_unlock(&model->lock);
    tern__free(model->context, session->ids);
    tern__free(model->context, session);
}

uint32_t tern_session_position(const tern_session *session) {
    return session ? session->position : 0;
}

uint32_t tern_session_context(const tern_session *session) {
    return session ? session->context : 0;
}

const int32_t *tern_session_ids(const tern_session *session) {
    return session ? session->ids : NULL;
}

uint32_t tern_session_common_prefix(const tern_session *session, const int32_t *ids, size_t count) {
    uint32_t common = 0;
    while (session && ids && common < session->position && common < count &&
           session->ids[common] == ids[common]) {
        common++;
    }
    return common;
}

tern_status tern__session_check_ids(const tern_session *session, const char *what,
                                    const int32_t *ids, size_t count) {
    uint32_t vocabulary = session->model->network.hyper.vocabulary;
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || (uint32_t)ids[i] >= vocabulary) {
            return tern__fail(session->model->context, TERN_STATUS_OUT_OF_RANGE,
                              "%s: id %d at %zu is none of the model, which has 0 to %u", what,
                              ids[i], i, vocabulary - 1);
        }
    }
    return TERN_STATUS_OK;
}

bool tern__session_holds(const tern_session *session, uint64_t position) {
    bool recurrent = tern__hyper_has(&session->model->network.hyper, TERN__RECURRENT);
    return position == session->position || !recurrent || position == 0;
}

static tern_status check_filled(const tern_session *session, const char *call, uint64_t position) {
    if (position > session->position) {
        return tern__fail(session->model->context, TERN_STATUS_OUT_OF_RANGE,
                          "session: cannot %s position %llu, %u are filled", call,
                          (unsigned long long)position, session->position);
    }
    return TERN_STATUS_OK;
}

static tern_status check_position(const tern_session *session, const char *call,
                                  uint64_t position) {
    TERN_TRY(check_filled(session, call, position));
    if (!tern__session_holds(session, position)) {
        return tern__fail(session->model->context, TERN_STATUS_UNSUPPORTED,
                          "session: cannot %s position %llu of %u: a recurrent network has its "
                          "state at 0 and at the last one alone",
                          call, (unsigned long long)position, session->position);
    }
    return TERN_STATUS_OK;
}

tern_status tern_session_rewind(tern_session *session, uint32_t position) {
    if (!session) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "session rewind: session is NULL");
    }
    TERN_TRY(check_position(session, "rewind to", position));
    tern_model *model = session->model;
    tern__mutex_lock(&model->lock);
    tern_status status = tern__model_own(model, session->kv, session->lease, position);
    tern__mutex_unlock(&model->lock);
    session->position = status == TERN_STATUS_OK ? position : session->position;
    return status;
}

static tern_status copy_last_block(const tern_session *from, tern_session *to, uint32_t position) {
    tern_model *model = from->model;
    if (position % tern__cache_span(&model->network.hyper) == 0) {
        return TERN_STATUS_OK;
    }
    tern__mutex_lock(&model->lock);
    tern_status status =
        tern__cache_copy_block(&model->caches[from->kv], from->lease, to->lease, position);
    tern__mutex_unlock(&model->lock);
    return status;
}

tern_status tern_session_fork(tern_session *session, uint32_t position,
                              tern_session **out_session) {
    if (!session || !out_session) {
        return tern__fail(session ? session->model->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "session fork: %s is NULL", session ? "out_session" : "session");
    }
    *out_session = NULL;
    TERN_TRY(check_position(session, "fork at", position));
    uint32_t span = tern__cache_span(&session->model->network.hyper);
    tern_session *fork = NULL;
    TERN_TRY(make_session(session->model, session, session, position / span, &fork));
    tern_status status = copy_last_block(session, fork, position);
    if (status != TERN_STATUS_OK) {
        tern_session_destroy(fork);
        return status;
    }
    memcpy(fork->ids, session->ids, position * sizeof *fork->ids);
    fork->position = position;
    *out_session = fork;
    return TERN_STATUS_OK;
}

// Rows that evaluate |count| ids from |first| on anew.
static void list_rows(tern_session *session, uint32_t first, uint32_t count, tern_row *rows) {
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = (tern_row){session, session->ids[first + i], 0};
    }
}

tern_status tern_session_drop(tern_session *session, uint32_t first, uint32_t count,
                              const tern_cancel *cancelled_by) {
    if (!session) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "session drop: session is NULL");
    }
    uint64_t end = (uint64_t)first + count;
    TERN_TRY(check_filled(session, "drop up to", end));
    uint32_t left = count ? session->position - (uint32_t)end : 0;
    if (left == 0) {
        return count ? tern_session_rewind(session, first) : TERN_STATUS_OK;
    }
    tern_context *context = session->model->context;
    tern_row *rows = tern__calloc(context, left, sizeof *rows);
    if (!rows) {
        return tern__fail_memory(context, left * sizeof *rows, "session");
    }
    list_rows(session, (uint32_t)end, left, rows);
    tern_status status = tern_session_rewind(session, first);
    if (status == TERN_STATUS_OK) {
        const tern_eval_desc eval = {.struct_size = sizeof eval,
                                     .row_count = left,
                                     .rows = rows,
                                     .cancelled_by = cancelled_by};
        status = tern__model_eval(session->model, &eval, NULL);
    }
    tern__free(context, rows);
    return status;
}

tern_status tern_session_report(tern_session *session, uint32_t index, tern_op_report *out_report) {
    if (!session || !out_report) {
        return tern__fail(session ? session->model->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "session report: %s is NULL", session ? "out_report" : "session");
    }
    tern_model *model = session->model;
    tern__step *step = NULL;
    tern__mutex_lock(&model->lock);
    tern_status status = tern__model_step(model, session->kv, 0, &step);
    if (status == TERN_STATUS_OK) {
        status = tern_program_report(step->program, index, out_report);
    }
    tern__mutex_unlock(&model->lock);
    return status;
}
