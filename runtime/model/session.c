#include "runtime/model/session.h"

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
    if (desc->kv > TERN_KV_F32) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "session: kv must be TERN_KV_F16 or TERN_KV_F32, not %u", desc->kv);
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
    tern_session *session = tern__calloc(model->context, 1, sizeof *session);
    if (!session) {
        return tern__fail_memory(model->context, sizeof *session, "session");
    }
    session->model = model;
    session->kv = desc->kv;
    session->context = desc->context ? desc->context : model->network.hyper.context;
    session->max_rows = desc->max_rows ? desc->max_rows : TERN__DEFAULT_ROWS;
    tern__mutex_lock(&model->lock);
    tern_status status = tern__model_lease(model, session->kv, session->context, &session->lease);
    tern__mutex_unlock(&model->lock);
    if (status != TERN_STATUS_OK) {
        tern_session_destroy(session);
        return status;
    }
    *out_session = session;
    return TERN_STATUS_OK;
}

void tern_session_destroy(tern_session *session) {
    if (!session) {
        return;
    }
    tern_model *model = session->model;
    tern__mutex_lock(&model->lock);
    tern__cache_release(&model->caches[session->kv], session->lease);
    tern__mutex_unlock(&model->lock);
    tern__free(model->context, session);
}

uint32_t tern_session_position(const tern_session *session) {
    return session ? session->position : 0;
}

uint32_t tern_session_context(const tern_session *session) {
    return session ? session->context : 0;
}

tern_status tern_session_rewind(tern_session *session, uint32_t position) {
    if (!session) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "session rewind: session is NULL");
    }
    if (position > session->position) {
        return tern__fail(session->model->context, TERN_STATUS_OUT_OF_RANGE,
                          "session: cannot rewind to position %u, %u are filled", position,
                          session->position);
    }
    session->position = position;
    return TERN_STATUS_OK;
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
