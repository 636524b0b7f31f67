// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_SAMPLER_H_
#define TERN_SAMPLER_H_

#include <tern/context.h>

/**
 * Picks the next id from logits. The same logits, settings and seed give the same id on every
 * machine: no function of the C library's mathematics is used, random numbers are Philox counters
 * (Salmon et al., SC 2011), ties go to the lowest id.
 *
 * Order: grammar, logit bias, penalties, top-k, temperature, softmax, typical, top-p, min-p, draw.
 */
typedef struct tern_sampler tern_sampler;

/** What is added to the logit of one id. */
typedef struct tern_logit_bias {
    int32_t id; /**< one past the logits counts for nothing */
    float bias; /**< finite, or minus infinity: never picked while another id can be */
} tern_logit_bias;

/** Zero is a sensible value of every member. */
typedef struct tern_sampler_desc {
    uint32_t struct_size; /**< sizeof(tern_sampler_desc) */
    uint32_t top_k;       /**< keep the k largest; 0: all */
    float temperature;    /**< 0: greedy, and of the rest only grammar, bias and penalties count */
    float top_p;          /**< keep the fewest whose probabilities reach p; 0 or 1: all */
    float min_p;          /**< drop those below min_p times the largest probability; 0: none */
    /** Keep the fewest whose probabilities reach this, taken in the order of how far -ln p is from
     * its mean, the entropy (arXiv 2202.00666); 0 or 1: all. */
    float typical_p;
    float repeat_penalty;    /**< logits of recent ids divided (> 0) or multiplied (< 0) by it; 0 or
                                1: none */
    float frequency_penalty; /**< subtracted for each time that an id is among the recent ones */
    float presence_penalty;  /**< subtracted once if it is */
    uint32_t repeat_last;    /**< how many recent ids count; 0: 64 */
    const tern_logit_bias *biases; /**< copied; may be NULL */
    uint32_t bias_count;
    uint32_t reserved;
    uint64_t seed;
} tern_sampler_desc;

#define TERN_SAMPLER_DESC_INIT                                                                     \
    { sizeof(tern_sampler_desc), 0, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0, NULL, 0, 0, 0 }

/** Constrains what is picked: see tern/grammar.h. */
typedef struct tern_grammar tern_grammar;

TERN_BEGIN_DECLS

/**
 * Ownership: destroyed by its creator. Threads: one at a time.
 *
 * INVALID_ARGUMENT names a setting out of its range. |desc| NULL: greedy.
 */
TERN_API tern_status tern_sampler_create(tern_context *context, const tern_sampler_desc *desc,
                                         tern_sampler **out_sampler);

/** Accepts NULL. */
TERN_API void tern_sampler_destroy(tern_sampler *sampler);

/**
 * From now on picks only ids that |grammar| allows where it stands, and moves it on by each id
 * picked. Borrowed: it must live until it is replaced or the sampler destroyed. NULL: anything
 * again.
 */
TERN_API tern_status tern_sampler_constrain(tern_sampler *sampler, tern_grammar *grammar);

/** Picks an id from |count| logits given the |recent_count| latest ids (oldest first). Infinite
 * logits count as the largest finite ones of their sign, NaN as the smallest. OUT_OF_MEMORY;
 * NOT_FOUND if the grammar allows none of them, OUT_OF_RANGE as tern_grammar_feed. */
TERN_API tern_status tern_sampler_pick(tern_sampler *sampler, const float *logits, uint32_t count,
                                       const int32_t *recent, size_t recent_count, int32_t *out_id);

/** Whether picks are the largest logit alone, which a device can then find by itself. */
TERN_API int32_t tern_sampler_is_greedy(const tern_sampler *sampler);

TERN_END_DECLS

#endif
