#include "runtime/model/session/states.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/session/session.h"
#include "runtime/status.h"

static uint64_t bytes_of(const tern_session *session) {
    return tern__cache_content_bytes(tern__session_cache(session), session->position);
}

// One that comes again has its states twice.
static bool is_first(const tern__states *states, uint32_t row) {
    return row == 0 || states->rows[row].session != states->rows[row - 1].session;
}

static tern_status take(void *user, void *data, size_t size) {
    uint8_t **to = user;
    memcpy(*to, data, size);
    *to += size;
    return TERN_STATUS_OK;
}

static tern_status give(void *user, void *data, size_t size) {
    const uint8_t **from = user;
    memcpy(data, *from, size);
    *from += size;
    return TERN_STATUS_OK;
}

static tern_status read_all(tern__states *states) {
    uint8_t *to = states->data;
    for (uint32_t i = 0; i < states->count; i++) {
        tern_session *session = states->rows[i].session;
        if (is_first(states, i)) {
            TERN_TRY(tern__cache_read(tern__session_cache(session), NULL, session->lease,
                                      session->position, take, &to));
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern__states_keep(tern__states *states, const tern_row *rows, uint32_t count) {
    tern_context *context = rows[0].session->model->context;
    uint64_t bytes = 1; // where all are at their beginning, there is nothing to keep
    *states = (tern__states){rows, count, NULL};
    for (uint32_t i = 0; i < count; i++) {
        bytes += is_first(states, i) ? bytes_of(rows[i].session) : 0;
    }
    states->data = bytes < SIZE_MAX ? tern__alloc(context, (size_t)bytes) : NULL;
    if (!states->data) {
        return tern__fail_memory(context, bytes, "states");
    }
    return read_all(states);
}

void tern__states_restore(const tern__states *states) {
    const uint8_t *from = states->data;
    for (uint32_t i = 0; from && i < states->count; i++) {
        tern_session *session = states->rows[i].session;
        if (!is_first(states, i)) {
            continue;
        }
        const uint8_t *next = from + bytes_of(session);
        if (tern__cache_write(tern__session_cache(session), NULL, session->lease, session->position,
                              give, &from) != TERN_STATUS_OK) {
            session->position = 0;
        }
        from = next;
    }
}

void tern__states_finish(tern__states *states) {
    if (states->data) {
        tern__free(states->rows[0].session->model->context, states->data);
    }
}
