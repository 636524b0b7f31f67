#ifndef TERN_RUNTIME_MODEL_SESSION_H_
#define TERN_RUNTIME_MODEL_SESSION_H_

#include <tern/session.h>

#include "runtime/model/model.h"

struct tern_session {
    tern_model *model;
    tern__lease *lease;
    tern_kv_type kv;
    uint32_t context;
    uint32_t max_rows;
    uint32_t position;
    int32_t *ids;       // [context]: the first |position| of them are those of the positions
    uint64_t requested; // rows of it in the eval that is being checked
};

static inline const tern__cache *tern__session_cache(const tern_session *session) {
    return &session->model->caches[session->kv];
}

// Whether the session can go on from |position|, of those that it has filled: from any, unless the
// network is recurrent.
bool tern__session_holds(const tern_session *session, uint64_t position);

// OUT_OF_RANGE names the first of |count| ids that the model does not have; before anything of the
// session is forgotten for them.
tern_status tern__session_check_ids(const tern_session *session, const char *what,
                                    const int32_t *ids, size_t count);

enum { TERN__DEFAULT_ROWS = 128 };

tern_status tern__session_check_desc(tern_context *context, const tern__hyper *hyper,
                                     const tern_session_desc *desc);

// Rows of one or several sessions, checked, on their way through steps.
typedef struct tern__evaluation {
    tern_model *model;
    const tern_row *rows;
    uint32_t row_count;
    // Results by slot: the n-th row that wants logits has slot slots[n], or n without |slots|.
    const uint32_t *slots;
    float *logits;   // vocabulary floats a slot; NULL: not wanted
    int32_t *picked; // the best id of each slot; NULL: not wanted
    float *hidden;   // where the next hidden state goes
    int32_t (*cancel)(void *user);
    void *cancel_user;
    const tern_cancel *cancelled_by; // NULL: nobody
    uint32_t max_rows;               // of a step
    uint32_t uncut_rows;             // a recurrent step of so many or fewer is not stopped
    uint32_t done;                   // rows of which the results are there
    uint32_t delivered;              // rows of those that wanted logits
    tern_fence fence;                // of the last submit whose results nobody has read
} tern__evaluation;

// tern_model_eval; where |picked| is given, each row that wants logits puts its best id there, and
// |desc->logits| may be NULL.
tern_status tern__model_eval(tern_model *model, const tern_eval_desc *desc, int32_t *picked);

// Runs what has been checked; |e->done| says how far it came.
tern_status tern__eval_run(tern__evaluation *e);

#endif
