// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_PERPLEXITY_H_
#define TERN_PERPLEXITY_H_

#include <tern/session.h>

/** How well a text is predicted, so far or in all. Plain data. */
typedef struct tern_perplexity_result {
    uint32_t struct_size; /**< set by the caller */
    uint32_t context;     /**< ids of a window */
    uint32_t stride;      /**< from the start of a window to that of the next */
    uint32_t windows;     /**< of the whole text */
    uint64_t scored;      /**< ids so far */
    uint64_t total;       /**< ids to score in all */
    double nll;           /**< mean of -log p over the ids scored */
    double nll_error;     /**< its standard error, sqrt((E[x^2] - E[x]^2) / (scored - 1)), as if the
                             ids were independent; 0 for one */
    double perplexity;    /**< exp(nll); infinite where nll is 600 or more */
    double perplexity_error; /**< perplexity * nll_error */
} tern_perplexity_result;

/** What to measure, and how. Zero is a sensible value of every member but |ids|. */
typedef struct tern_perplexity_desc {
    uint32_t struct_size; /**< sizeof(tern_perplexity_desc) */
    uint32_t context; /**< ids of a window, 4 at least; 0: 512, or the model's if that is less */
    uint32_t stride;  /**< 1 to |context|; 0: |context| */
    tern_kv_type kv;
    uint32_t max_rows; /**< as in tern_session_desc */
    uint32_t reserved;
    const int32_t *ids; /**< the text */
    size_t id_count;
    /** Called now and then from the calling thread; 0 stops: CANCELLED. May be NULL. */
    int32_t (*progress)(void *user, const tern_perplexity_result *so_far);
    void *progress_user;
    const tern_cancel *cancelled_by; /**< may be NULL */
} tern_perplexity_desc;

TERN_BEGIN_DECLS

/**
 * Logarithms of probabilities: out[i] is log p(ids[i]), or, with |ids| NULL, log p(i) of each of
 * |count| ids. With m the largest logit and S the sum of t_exp(logits[i] - m) in the order of the
 * ids, in double precision, it is (logits[id] - m) - log S: within 2e-6 of the true value for
 * logits within 34 of the largest, where t_exp is the numbers contract's (0 below -34) and log our
 * own: the same bits on every machine. A logit that is NaN counts as minus infinity, whose log
 * probability is minus infinity. INVALID_ARGUMENT if the largest logit is not finite or an
 * argument is NULL, OUT_OF_RANGE for an id that is none.
 */
TERN_API tern_status tern_log_probs(const float *logits, uint32_t count, const int32_t *ids,
                                    uint32_t id_count, double *out);

/**
 * The |best| likeliest of |count| ids, in descending order, the lowest of equals first, and their
 * log probabilities as above. OUT_OF_RANGE for more than |count| or 1024; else as tern_log_probs.
 */
TERN_API tern_status tern_top_log_probs(const float *logits, uint32_t count, uint32_t best,
                                        int32_t *out_ids, double *out_log_probs);

/**
 * Perplexity of a text: the same value on every backend, to the last bit. The text is cut into
 * windows of |context| ids that begin every |stride| ids; what is left at the end is not looked at.
 * Each is evaluated by itself from position 0; where the model's tokenizer puts a beginning-of-text
 * id in front of texts, that takes the place of a window's first id. Scored are
 *
 *     stride == context   ids context / 2 + 1 to context - 1 of each window (counted from 0): each
 *                         with half a window before it at least, as llama.cpp's `perplexity` does
 *     stride <  context   the last |stride| ids of each window: every id of the text once, but for
 *                         the first context - stride
 *
 * INVALID_ARGUMENT for a text shorter than a window, OUT_OF_RANGE for a context the model does not
 * have or, before anything runs, a token of a window that is no id; else as tern_session_create and
 * tern_model_eval.
 */
TERN_API tern_status tern_perplexity(tern_model *model, const tern_perplexity_desc *desc,
                                     tern_perplexity_result *out_result);

TERN_END_DECLS

#endif
