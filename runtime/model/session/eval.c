// Rows of one or several sessions, cut into steps.
#include <string.h>

#include "runtime/cancel.h"
#include "runtime/model/session/session.h"
#include "runtime/model/session/states.h"
#include "runtime/status.h"

// How long a device is left alone before somebody looks whether it still matters.
enum { LOOK_NS = 2000000 };

// Rows of a recurrent network that a GPU is soon done with, sooner than its states would be read.
enum { FEW_ROWS = 8 };

// Rows that one step takes: same cache, no more than the bucket holds.
typedef struct chunk {
    uint32_t first;
    uint32_t count;
    uint32_t logits; // rows that want logits: the first selected ones
    uint32_t selected;
    uint32_t bucket;
    tern_kv_type kv;
    uint32_t selected_row[TERN__MAX_SELECTED];
} chunk;

static tern_status check_row(const tern_model *model, const tern_row *row, uint32_t index) {
    if (!row->session || row->session->model != model) {
        return tern__fail(model->context, TERN_STATUS_INVALID_ARGUMENT,
                          "eval: row %u has no session of this model", index);
    }
    if (row->token < 0 || (uint32_t)row->token >= model->network.hyper.vocabulary) {
        return tern__fail(model->context, TERN_STATUS_OUT_OF_RANGE,
                          "eval: token %d of row %u is no id of the model, which has 0 to %u",
                          row->token, index, model->network.hyper.vocabulary - 1);
    }
    if (row->flags & ~(uint32_t)(TERN_ROW_LOGITS | TERN_ROW_HIDDEN)) {
        return tern__fail(model->context, TERN_STATUS_INVALID_ARGUMENT,
                          "eval: row %u has flags 0x%x, expected TERN_ROW_*", index, row->flags);
    }
    return TERN_STATUS_OK;
}

static tern_status check_context(const tern_session *session) {
    if (session->position + session->requested > session->context) {
        return tern__fail(session->model->context, TERN_STATUS_OUT_OF_RANGE,
                          "eval: %llu positions asked for after %u, the context has %u",
                          (unsigned long long)session->requested, session->position,
                          session->context);
    }
    return TERN_STATUS_OK;
}

static tern_status check_room(const tern__evaluation *e, uint32_t flags) {
    if (((flags & TERN_ROW_LOGITS) && !e->logits && !e->picked) ||
        ((flags & TERN_ROW_HIDDEN) && !e->hidden)) {
        return tern__fail(e->model->context, TERN_STATUS_INVALID_ARGUMENT,
                          "eval: rows want %s, which has no room",
                          (flags & TERN_ROW_HIDDEN) && !e->hidden ? "hidden" : "logits");
    }
    return TERN_STATUS_OK;
}

static tern_status check_rows(const tern__evaluation *e) {
    uint32_t flags = 0;
    for (uint32_t i = 0; i < e->row_count; i++) {
        TERN_TRY(check_row(e->model, &e->rows[i], i));
        flags |= e->rows[i].flags;
        e->rows[i].session->requested = 0;
    }
    TERN_TRY(check_room(e, flags));
    for (uint32_t i = 0; i < e->row_count; i++) {
        e->rows[i].session->requested++;
    }
    for (uint32_t i = 0; i < e->row_count; i++) {
        TERN_TRY(check_context(e->rows[i].session));
    }
    return TERN_STATUS_OK;
}

// Selected rows: first those that want logits, then those that want only their hidden state.
static void select_rows(const tern__evaluation *e, chunk *c) {
    const tern_row *rows = e->rows + c->first;
    for (uint32_t i = 0; i < c->count; i++) {
        if (rows[i].flags & TERN_ROW_LOGITS) {
            c->selected_row[c->logits++] = i;
        }
    }
    c->selected = c->logits;
    for (uint32_t i = 0; i < c->count; i++) {
        if (rows[i].flags == TERN_ROW_HIDDEN) {
            c->selected_row[c->selected++] = i;
        }
    }
}

static chunk next_chunk(const tern__evaluation *e, uint32_t first) {
    const tern_row *rows = e->rows;
    chunk c = {.first = first, .kv = rows[first].session->kv};
    uint32_t selected = 0;
    for (uint32_t i = first; i < e->row_count && c.count < e->max_rows; i++) {
        selected += rows[i].flags != 0;
        if (rows[i].session->kv != c.kv || selected > TERN__MAX_SELECTED) {
            break;
        }
        c.count++;
    }
    while (tern__buckets[c.bucket] < c.count) {
        c.bucket++;
    }
    select_rows(e, &c);
    return c;
}

static bool has_states(const tern__evaluation *e) {
    return tern__cache_has_states(&e->model->network.hyper);
}

// A state that part of a step has changed is that of no position: it must have been kept. Where the
// processor computes that is a copy: 24 layers of 1024 take 100 KB and no time that could be seen
// in steps of 3 ms.
static bool may_be_cut(const tern__evaluation *e, const chunk *c) {
    return e->cancelled_by && (!has_states(e) || c->count > e->uncut_rows);
}

static tern_status submit(tern__evaluation *e, const chunk *c, const tern__step *step) {
    int32_t words[TERN__MAX_PARAM_WORDS];
    const tern_row *rows = e->rows + c->first;
    uint32_t capacity = step->rows;
    memset(words, 0, tern__param_words(capacity) * sizeof *words);
    words[TERN__PARAM_LIVE] = (int32_t)c->count;
    words[TERN__PARAM_SELECTED] = (int32_t)c->selected;
    words[TERN__PARAM_LOGITS] = (int32_t)c->logits;
    for (uint32_t i = 0; i < c->count; i++) {
        tern_session *session = rows[i].session;
        session->ids[session->position] = rows[i].token;
        words[tern__param_token(i)] = rows[i].token;
        words[tern__param_position(capacity, i)] = (int32_t)session->position++;
        words[tern__param_sequence(capacity, i)] = (int32_t)session->lease->place;
    }
    for (uint32_t i = 0; i < c->selected; i++) {
        words[tern__param_selected(capacity, i)] = (int32_t)c->selected_row[i];
    }
    tern_submit_desc desc = {
        .struct_size = sizeof desc, .params_words = tern__param_words(capacity), .params = words};
    if (may_be_cut(e, c)) {
        desc.stop = tern__cancel_stop;
        desc.stop_user = (void *)(uintptr_t)e->cancelled_by;
    }
    return tern_program_submit(step->program, &desc, &e->fence);
}

// Where somebody may cancel, a step is waited for before its rows count. The device may go on with
// one that was given up: what it writes lies past the sessions' positions, and later submits come
// after it.
static tern_status wait_unless_cancelled(const tern__evaluation *e, tern_fence fence, bool cut) {
    tern_status status = TERN_STATUS_OK;
    while (e->cancelled_by && (status = tern_fence_wait(fence, LOOK_NS)) == TERN_STATUS_TIMEOUT) {
        if (cut && tern_cancel_requested(e->cancelled_by)) {
            return TERN_STATUS_CANCELLED;
        }
    }
    return status;
}

// In the order of the rows; the selected ones are in another.
static tern_status read_hidden(tern__evaluation *e, const chunk *c, const tern__step *step) {
    const tern_row *rows = e->rows + c->first;
    uint32_t width = e->model->network.hyper.width;
    for (uint32_t row = 0; row < c->count; row++) {
        if (!(rows[row].flags & TERN_ROW_HIDDEN)) {
            continue;
        }
        uint32_t index = 0;
        while (c->selected_row[index] != row) {
            index++;
        }
        TERN_TRY(tern_buffer_download(step->tensors.hidden.buffer,
                                      (uint64_t)index * width * sizeof(float), e->hidden,
                                      width * sizeof(float)));
        e->hidden += width;
    }
    return TERN_STATUS_OK;
}

static uint32_t slot_of(const tern__evaluation *e, uint32_t index) {
    uint32_t result = e->delivered + index;
    return e->slots ? e->slots[result] : result;
}

static tern_status read_picked(const tern__evaluation *e, const chunk *c, const tern__step *step) {
    int32_t picked[TERN__MAX_SELECTED];
    TERN_TRY(
        tern_buffer_download(step->tensors.picked.buffer, 0, picked, c->logits * sizeof *picked));
    for (uint32_t i = 0; i < c->logits; i++) {
        e->picked[slot_of(e, i)] = picked[i];
    }
    return TERN_STATUS_OK;
}

// Neighbours that stay neighbours in one piece.
static tern_status read_logits(const tern__evaluation *e, const chunk *c, const tern__step *step) {
    uint64_t row_bytes = (uint64_t)e->model->network.hyper.vocabulary * sizeof(float);
    for (uint32_t count, first = 0; first < c->logits; first += count) {
        uint32_t slot = slot_of(e, first);
        for (count = 1; first + count < c->logits; count++) {
            if (slot_of(e, first + count) != slot + count) {
                break;
            }
        }
        TERN_TRY(tern_buffer_download(step->tensors.logits.buffer, first * row_bytes,
                                      (char *)e->logits + slot * row_bytes, count * row_bytes));
    }
    return TERN_STATUS_OK;
}

static tern_status read_results(tern__evaluation *e, const chunk *c, const tern__step *step) {
    if (c->selected) {
        e->fence = (tern_fence){NULL, 0};
    }
    if (c->logits && e->picked) {
        TERN_TRY(read_picked(e, c, step));
    }
    if (c->logits && e->logits) {
        TERN_TRY(read_logits(e, c, step));
    }
    if (c->selected) {
        TERN_TRY(read_hidden(e, c, step));
    }
    e->delivered += c->logits;
    e->done += c->count;
    return TERN_STATUS_OK;
}

static tern_status take_step(tern__evaluation *e, const chunk *c, const tern__step *step) {
    tern_status status = submit(e, c, step);
    if (status == TERN_STATUS_OK) {
        status = wait_unless_cancelled(e, e->fence, may_be_cut(e, c));
        e->model->given_up = status == TERN_STATUS_CANCELLED ? e->fence : (tern_fence){NULL, 0};
    }
    for (uint32_t i = 0; status != TERN_STATUS_OK && i < c->count; i++) {
        e->rows[c->first + i].session->position--;
    }
    return status;
}

// The lock is held. What was given up is waited for here, where a cancel is seen, and not in the
// submit: behind one such step of 128 rows the next cancel took 0.9 s instead of 2 ms (llvmpipe on
// a Xeon, 2026-11-22), and every one put another step into the device's queue.
static tern_status run_chunk(tern__evaluation *e, const chunk *c) {
    tern__step *step = NULL;
    tern__states kept = {0};
    TERN_TRY(tern__model_step(e->model, c->kv, c->bucket, &step));
    TERN_TRY(wait_unless_cancelled(e, e->model->given_up, true));
    tern_status status = may_be_cut(e, c) && has_states(e)
                             ? tern__states_keep(&kept, e->rows + c->first, c->count)
                             : TERN_STATUS_OK;
    if (status == TERN_STATUS_OK) {
        status = take_step(e, c, step);
        if (status != TERN_STATUS_OK) {
            tern__states_restore(&kept);
        }
    }
    tern__states_finish(&kept);
    return status == TERN_STATUS_OK ? read_results(e, c, step) : status;
}

// A step that was stopped says so in its own words; those of the caller are better.
static tern_status run_next(tern__evaluation *e) {
    chunk c = next_chunk(e, e->done);
    char message[TERN__MESSAGE_CAPACITY];
    tern__quiet quiet;
    tern__mutex_lock(&e->model->lock);
    tern__quiet_begin(&quiet);
    tern_status status = run_chunk(e, &c);
    tern__quiet_end_with(&quiet, status, message);
    tern__mutex_unlock(&e->model->lock);
    return status == TERN_STATUS_OK || status == TERN_STATUS_CANCELLED
               ? status
               : tern__fail(e->model->context, status, "%s", message);
}

static bool is_cancelled(const tern__evaluation *e) {
    return (e->cancel && e->cancel(e->cancel_user)) || tern_cancel_requested(e->cancelled_by);
}

static uint32_t uncut_rows(const tern_model *model) {
    tern_device_info info = {.struct_size = sizeof info};
    bool is_gpu = tern_device_describe(model->device, &info) != TERN_STATUS_OK ||
                  info.type == TERN_DEVICE_DISCRETE || info.type == TERN_DEVICE_INTEGRATED ||
                  info.type == TERN_DEVICE_OTHER;
    return is_gpu ? FEW_ROWS : 0;
}

tern_status tern__eval_run(tern__evaluation *e) {
    e->max_rows = TERN__MAX_ROWS;
    e->uncut_rows = has_states(e) ? uncut_rows(e->model) : 0;
    for (uint32_t i = 0; i < e->row_count; i++) {
        uint32_t most = e->rows[i].session->max_rows;
        e->max_rows = most < e->max_rows ? most : e->max_rows;
    }
    while (e->done < e->row_count) { // between two steps other sessions have their turn
        tern_status status = is_cancelled(e) ? TERN_STATUS_CANCELLED : run_next(e);
        if (status == TERN_STATUS_CANCELLED) {
            return tern__fail(e->model->context, status, "eval: cancelled after %u of %u rows",
                              e->done, e->row_count);
        }
        TERN_TRY(status);
    }
    return tern_fence_wait(e->fence, UINT64_MAX);
}

tern_status tern__model_eval(tern_model *model, const tern_eval_desc *desc, int32_t *picked) {
    tern__evaluation e = {.model = model,
                          .rows = desc->rows,
                          .row_count = desc->row_count,
                          .logits = desc->logits,
                          .picked = picked,
                          .hidden = desc->hidden,
                          .cancel = desc->cancel,
                          .cancel_user = desc->cancel_user,
                          .cancelled_by = desc->cancelled_by};
    TERN_TRY(check_rows(&e));
    return tern__eval_run(&e);
}

tern_status tern_model_eval(tern_model *model, const tern_eval_desc *desc) {
    if (!model || !desc || (desc->row_count && !desc->rows)) {
        return tern__fail(model ? model->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "eval: %s is NULL",
                          !model  ? "model"
                          : !desc ? "desc"
                                  : "rows");
    }
    TERN_TRY(tern__check_size(model->context, "tern_eval_desc", desc->struct_size, sizeof *desc));
    return tern__model_eval(model, desc, NULL);
}
