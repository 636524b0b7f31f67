// A step of several sessions at once.
#include <stdio.h>

#include "runtime/allocator.h"
#include "runtime/model/session/session.h"
#include "runtime/status.h"

typedef struct batch {
    tern_model *model;
    tern_batch_item *items;
    uint32_t count;
    uint64_t row_count;  // of the items that are right
    uint32_t slot_count; // those
    tern_row *rows;
    uint32_t *slots;
    int32_t *picked; // by item
    uint32_t wrong;  // the first item that is wrong; |count|: none
    char message[TERN__MESSAGE_CAPACITY];
} batch;

static tern_status check_tokens(const batch *b, uint32_t index) {
    const tern_batch_item *item = &b->items[index];
    tern_context *context = b->model->context;
    uint32_t room = item->session->context - item->session->position;
    if (!item->tokens || item->token_count == 0) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "batch: item %u has no token",
                          index);
    }
    if (item->token_count > room) {
        return tern__fail(context, TERN_STATUS_OUT_OF_RANGE,
                          "batch: item %u: %u positions asked for after %u, the context has %u",
                          index, item->token_count, item->session->position,
                          item->session->context);
    }
    uint32_t vocabulary = b->model->network.hyper.vocabulary;
    for (uint32_t i = 0; i < item->token_count; i++) {
        if (item->tokens[i] < 0 || (uint32_t)item->tokens[i] >= vocabulary) {
            return tern__fail(context, TERN_STATUS_OUT_OF_RANGE,
                              "batch: item %u: token %d is no id of the model, which has 0 to %u",
                              index, item->tokens[i], vocabulary - 1);
        }
    }
    return TERN_STATUS_OK;
}

// The first item of a session claims it.
static tern_status check_item(const batch *b, uint32_t index) {
    tern_session *session = b->items[index].session;
    tern_context *context = b->model->context;
    if (!session || session->model != b->model) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "batch: item %u has no session of this model", index);
    }
    if (session->requested) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "batch: item %u has the session of an earlier one", index);
    }
    session->requested = 1;
    return check_tokens(b, index);
}

static void check_items(batch *b) {
    for (uint32_t i = 0; i < b->count; i++) {
        tern_session *session = b->items[i].session;
        if (session && session->model == b->model) {
            session->requested = 0;
        }
    }
    b->wrong = b->count;
    for (uint32_t i = 0; i < b->count; i++) {
        b->items[i].status = check_item(b, i);
        if (b->items[i].status == TERN_STATUS_OK) {
            b->row_count += b->items[i].token_count;
            b->slot_count++;
        } else if (b->wrong == b->count) {
            b->wrong = i;
            snprintf(b->message, sizeof b->message, "%s", tern_last_error_message());
        }
    }
}

static tern_status make_room(batch *b) {
    tern_context *context = b->model->context;
    size_t row_bytes = sizeof *b->rows, bytes = 0;
    if (b->row_count > UINT32_MAX || !tern__mul_size((size_t)b->row_count, row_bytes, &bytes)) {
        return tern__fail_memory(context, UINT64_MAX, "a batch");
    }
    b->rows = tern__alloc(context, bytes);
    b->slots = tern__alloc(context, b->slot_count * sizeof *b->slots);
    b->picked = tern__alloc(context, b->count * sizeof *b->picked);
    if (!b->rows || !b->slots || !b->picked) {
        return tern__fail_memory(context, bytes, "a batch");
    }
    return TERN_STATUS_OK;
}

// Rows of sessions with the same type of cache side by side, because a step has one.
static void list_rows(const batch *b) {
    uint32_t row = 0, slot = 0;
    for (tern_kv_type kv = 0; kv < TERN__KV_TYPES; kv++) {
        for (uint32_t i = 0; i < b->count; i++) {
            const tern_batch_item *item = &b->items[i];
            if (item->status != TERN_STATUS_OK || item->session->kv != kv) {
                continue;
            }
            for (uint32_t k = 0; k < item->token_count; k++) {
                uint32_t flags = k + 1 == item->token_count ? TERN_ROW_LOGITS : 0;
                b->rows[row++] = (tern_row){item->session, item->tokens[k], flags};
            }
            b->slots[slot++] = i;
        }
    }
}

static void run(batch *b, const tern_batch_desc *desc) {
    tern__evaluation e = {
        .model = b->model, .logits = desc->logits, .cancelled_by = desc->cancelled_by};
    tern_status status = make_room(b);
    if (status == TERN_STATUS_OK) {
        list_rows(b);
        e.rows = b->rows;
        e.row_count = (uint32_t)b->row_count;
        e.slots = b->slots;
        e.picked = b->picked;
        status = tern__eval_run(&e);
    }
    for (uint32_t i = 0; i < b->count; i++) {
        tern_batch_item *item = &b->items[i];
        item->status = item->status == TERN_STATUS_OK ? status : item->status;
    }
    for (uint32_t slot = 0; slot < e.delivered; slot++) {
        tern_batch_item *item = &b->items[b->slots[slot]];
        item->status = TERN_STATUS_OK;
        item->next = b->picked[b->slots[slot]];
    }
}

// The status of the first item that failed, whose message becomes the last one.
static tern_status first_failure(const batch *b) {
    for (uint32_t i = 0; i < b->count; i++) {
        if (b->items[i].status != TERN_STATUS_OK) {
            if (i == b->wrong) {
                tern__set_error(b->message);
            }
            return b->items[i].status;
        }
    }
    return TERN_STATUS_OK;
}

static tern_status check_desc(const tern_model *model, const tern_batch_desc *desc) {
    if (!model || !desc) {
        return tern__fail(model ? model->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "batch: %s is NULL", model ? "desc" : "model");
    }
    TERN_TRY(tern__check_size(model->context, "tern_batch_desc", desc->struct_size, sizeof *desc));
    if (desc->item_count && !desc->items) {
        return tern__fail(model->context, TERN_STATUS_INVALID_ARGUMENT, "batch: items is NULL");
    }
    return TERN_STATUS_OK;
}

tern_status tern_decode_batch(tern_model *model, const tern_batch_desc *desc) {
    TERN_TRY(check_desc(model, desc));
    batch b = {.model = model, .items = desc->items, .count = desc->item_count};
    check_items(&b);
    if (b.slot_count) {
        run(&b, desc);
    }
    tern__free(model->context, b.rows);
    tern__free(model->context, b.slots);
    tern__free(model->context, b.picked);
    return first_failure(&b);
}
