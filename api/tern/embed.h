// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_EMBED_H_
#define TERN_EMBED_H_

#include <tern/session.h>

enum {
    /** The vector as it is, not scaled to length 1. */
    TERN_EMBED_RAW = 1u << 0
};

/** A text to make a vector of. Zero is a sensible value of every member but the ids. */
typedef struct tern_embed_desc {
    uint32_t struct_size; /**< sizeof(tern_embed_desc) */
    tern_pooling pooling;
    const int32_t *ids; /**< at least 1; whatever begins and ends a text included */
    uint32_t id_count;
    uint32_t flags;                  /**< TERN_EMBED_* */
    const tern_cancel *cancelled_by; /**< as in tern_eval_desc; may be NULL */
} tern_embed_desc;

TERN_BEGIN_DECLS

/**
 * Evaluates |ids| from position 0, in the place of whatever |session| holds, and makes one vector
 * of |width| floats of their hidden states after the last norm; with TERN_POOLING_NONE one of each,
 * |id_count| in all. MODEL stands for what the model's file says, LAST where it says nothing.
 *
 *     LAST, CLS   the last, the first hidden state
 *     MEAN        of each column the sum over the ids, divided by their number
 *
 * Each vector x then becomes x / sqrt(sum of x[i] * x[i]), unless that is 0. Products, quotients
 * and the root are rounded to float32 one by one, sums go by rule 4 of the numbers contract
 * (ops.h): the same bits on every backend.
 *
 * OUT_OF_RANGE for more ids than the session's context or an id the model does not have,
 * UNSUPPORTED for a model made to rank, INVALID_ARGUMENT, OUT_OF_MEMORY, CANCELLED.
 */
TERN_API tern_status tern_session_embed(tern_session *session, const tern_embed_desc *desc,
                                        float *out);

TERN_END_DECLS

#endif
