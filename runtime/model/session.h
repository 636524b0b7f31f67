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
    uint64_t requested; // rows of it in the eval that is being checked
};

enum { TERN__DEFAULT_ROWS = 128 };

tern_status tern__session_check_desc(tern_context *context, const tern__hyper *hyper,
                                     const tern_session_desc *desc);

// tern_model_eval; where |picked| is given, each row that wants logits puts its best id there, and
// |desc->logits| may be NULL.
tern_status tern__model_eval(tern_model *model, const tern_eval_desc *desc, int32_t *picked);

#endif
