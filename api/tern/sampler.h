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
 * Order: repetition penalty, top-k, temperature, softmax, top-p, min-p, draw.
 */
typedef struct tern_sampler_desc {
    uint32_t struct_size; /**< sizeof(tern_sampler_desc) */
    uint32_t top_k;       /**< keep the k largest; 0: all */
    float temperature;    /**< 0: greedy, and nothing below counts but the penalty */
    float top_p;          /**< keep the fewest whose probabilities reach p; 0 or 1: all */
    float min_p;          /**< drop those below min_p times the largest probability; 0: none */
    float repeat_penalty; /**< logits of recent ids divided (> 0) or multiplied (< 0) by it; 0 or 1:
                             none */
    uint32_t repeat_last; /**< how many recent ids count; 0: 64 */
    uint32_t reserved;
    uint64_t seed;
} tern_sampler_desc;

#define TERN_SAMPLER_DESC_INIT                                                                     \
    { sizeof(tern_sampler_desc), 0, 0.0f, 0.0f, 0.0f, 0.0f, 0, 0, 0 }

/** Ownership: destroyed by its creator. Threads: one at a time. */
typedef struct tern_sampler tern_sampler;

TERN_BEGIN_DECLS

/** INVALID_ARGUMENT names a setting out of its range. |desc| NULL: greedy. */
TERN_API tern_status tern_sampler_create(tern_context *context, const tern_sampler_desc *desc,
                                         tern_sampler **out_sampler);

/** Accepts NULL. */
TERN_API void tern_sampler_destroy(tern_sampler *sampler);

/** Picks an id from |count| logits given the |recent_count| latest ids (oldest first).
 * OUT_OF_MEMORY. */
TERN_API tern_status tern_sampler_pick(tern_sampler *sampler, const float *logits, uint32_t count,
                                       const int32_t *recent, size_t recent_count, int32_t *out_id);

/** Whether picks are the largest logit alone, which a device can then find by itself. */
TERN_API int32_t tern_sampler_is_greedy(const tern_sampler *sampler);

TERN_END_DECLS

#endif
