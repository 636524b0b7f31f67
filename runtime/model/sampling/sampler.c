#include <tern/sampler.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/sampling/grammar.h"
#include "runtime/model/sampling/philox.h"
#include "runtime/model/sampling/ranking.h"
#include "runtime/status.h"

enum { DEFAULT_REPEAT_LAST = 64 };

#define MAX_TEMPERATURE 100.0f
#define MAX_PENALTY 100.0f

struct tern_sampler {
    tern_context *context;
    tern_sampler_desc desc;
    tern_logit_bias *biases; // desc.biases, copied
    tern_grammar *grammar;   // NULL: none
    uint64_t draws;
    tern__candidate *candidates;
    size_t capacity;
};

static tern_status check_range(tern_context *context, const char *name, float value, float least,
                               float most) {
    if (!(value >= least && value <= most)) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "sampler: %s is %g, expected %g to %g", name, (double)value,
                          (double)least, (double)most);
    }
    return TERN_STATUS_OK;
}

static tern_status check_biases(tern_context *context, const tern_sampler_desc *desc) {
    if (desc->bias_count && !desc->biases) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "sampler: %u biases, but no array of them", desc->bias_count);
    }
    for (uint32_t i = 0; i < desc->bias_count; i++) {
        const tern_logit_bias *bias = &desc->biases[i];
        if (bias->id < 0 || isnan(bias->bias) || bias->bias == INFINITY) {
            return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                              "sampler: bias %u adds %g to the logit of id %d, expected an id from "
                              "0 and a finite number or -inf",
                              i, (double)bias->bias, bias->id);
        }
    }
    return TERN_STATUS_OK;
}

static tern_status check_desc(tern_context *context, const tern_sampler_desc *desc) {
    TERN_TRY(tern__check_size(context, "tern_sampler_desc", desc->struct_size, sizeof *desc));
    TERN_TRY(tern__check_reserved(context, "tern_sampler_desc", desc->reserved));
    const struct {
        const char *name;
        float value, least, most;
    } ranges[] = {
        {"temperature", desc->temperature, 0.0f, MAX_TEMPERATURE},
        {"top_p", desc->top_p, 0.0f, 1.0f},
        {"min_p", desc->min_p, 0.0f, 1.0f},
        {"typical_p", desc->typical_p, 0.0f, 1.0f},
        {"repeat_penalty", desc->repeat_penalty, 0.0f, MAX_PENALTY},
        {"frequency_penalty", desc->frequency_penalty, -MAX_PENALTY, MAX_PENALTY},
        {"presence_penalty", desc->presence_penalty, -MAX_PENALTY, MAX_PENALTY},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        TERN_TRY(
            check_range(context, ranges[i].name, ranges[i].value, ranges[i].least, ranges[i].most));
    }
    return check_biases(context, desc);
}

static tern_status set_up(tern_sampler *sampler, const tern_sampler_desc *desc) {
    sampler->desc = *desc;
    if (sampler->desc.repeat_last == 0) {
        sampler->desc.repeat_last = DEFAULT_REPEAT_LAST;
    }
    if (sampler->desc.repeat_penalty == 0.0f) {
        sampler->desc.repeat_penalty = 1.0f;
    }
    size_t bytes = desc->bias_count * sizeof *desc->biases;
    sampler->biases = tern__alloc(sampler->context, bytes);
    if (!sampler->biases) {
        return tern__fail_memory(sampler->context, bytes, "the biases of a sampler");
    }
    if (bytes) {
        memcpy(sampler->biases, desc->biases, bytes);
    }
    return TERN_STATUS_OK;
}

tern_status tern_sampler_create(tern_context *context, const tern_sampler_desc *desc,
                                tern_sampler **out_sampler) {
    if (!context || !out_sampler) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "sampler: %s is NULL",
                          context ? "out_sampler" : "context");
    }
    *out_sampler = NULL;
    static const tern_sampler_desc greedy = TERN_SAMPLER_DESC_INIT;
    desc = desc ? desc : &greedy;
    TERN_TRY(check_desc(context, desc));
    tern_sampler *sampler = tern__calloc(context, 1, sizeof *sampler);
    if (!sampler) {
        return tern__fail_memory(context, sizeof *sampler, "a sampler");
    }
    sampler->context = context;
    tern_status status = set_up(sampler, desc);
    if (status != TERN_STATUS_OK) {
        tern_sampler_destroy(sampler);
        return status;
    }
    *out_sampler = sampler;
    return TERN_STATUS_OK;
}

void tern_sampler_destroy(tern_sampler *sampler) {
    if (sampler) {
        tern__free(sampler->context, sampler->biases);
        tern__free(sampler->context, sampler->candidates);
        tern__free(sampler->context, sampler);
    }
}

tern_status tern_sampler_constrain(tern_sampler *sampler, tern_grammar *grammar) {
    if (!sampler) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "sampler: sampler is NULL");
    }
    sampler->grammar = grammar;
    return TERN_STATUS_OK;
}

tern_grammar *tern__sampler_grammar(const tern_sampler *sampler) {
    return sampler ? sampler->grammar : NULL;
}

static bool has_penalty(const tern_sampler_desc *desc) {
    return desc->repeat_penalty != 1.0f || desc->frequency_penalty != 0.0f ||
           desc->presence_penalty != 0.0f;
}

int32_t tern_sampler_is_greedy(const tern_sampler *sampler) {
    return sampler && sampler->desc.temperature == 0.0f && !has_penalty(&sampler->desc) &&
           sampler->desc.bias_count == 0 && !sampler->grammar;
}

// Finite, so that differences of logits are never NaN; NaN counts as the smallest.
static float tame(float logit) {
    if (!(logit >= -FLT_MAX)) {
        return -FLT_MAX;
    }
    return logit > FLT_MAX ? FLT_MAX : logit;
}

// By id, as they all are until they are ranked.
static void add_biases(const tern_sampler *sampler, uint32_t count) {
    for (uint32_t i = 0; i < sampler->desc.bias_count; i++) {
        const tern_logit_bias *bias = &sampler->biases[i];
        if ((uint32_t)bias->id < count) {
            tern__candidate *item = &sampler->candidates[bias->id];
            item->logit = tame(item->logit + bias->bias);
        }
    }
}

static float penalised(const tern_sampler_desc *desc, float logit, uint32_t seen) {
    logit = logit > 0.0f ? logit / desc->repeat_penalty : logit * desc->repeat_penalty;
    return tame(logit - (float)seen * desc->frequency_penalty - desc->presence_penalty);
}

static void penalise(const tern_sampler *sampler, uint32_t count, const int32_t *recent,
                     size_t recent_count) {
    tern__candidate *items = sampler->candidates;
    for (size_t i = 0; i < recent_count; i++) {
        uint32_t id = (uint32_t)recent[i];
        if (id < count) {
            items[id].seen++;
        }
    }
    for (size_t i = 0; i < recent_count; i++) {
        uint32_t id = (uint32_t)recent[i];
        if (id < count && items[id].seen > 0) {
            items[id].logit = penalised(&sampler->desc, items[id].logit, items[id].seen);
            items[id].seen = 0;
        }
    }
}

// Closes the gaps that ids leave which the grammar does not allow.
static tern_status keep_allowed(const tern_sampler *sampler, uint32_t *count) {
    if (!sampler->grammar) {
        return TERN_STATUS_OK;
    }
    const uint8_t *allowed = NULL;
    TERN_TRY(tern__grammar_mask(sampler->grammar, *count, &allowed));
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++) {
        if (allowed[i]) {
            sampler->candidates[kept++] = sampler->candidates[i];
        }
    }
    *count = kept;
    if (kept == 0) {
        return tern__fail(sampler->context, TERN_STATUS_NOT_FOUND,
                          "sampler: the grammar allows no token of this vocabulary here");
    }
    return TERN_STATUS_OK;
}

static uint32_t sample(tern_sampler *sampler, uint32_t count) {
    const tern_sampler_desc *desc = &sampler->desc;
    tern__ranking r =
        tern__ranking_make(sampler->candidates, count, desc->top_k, desc->temperature);
    tern__ranking_cut_typical(&r, desc->typical_p);
    tern__ranking_cut_tail(&r, desc->top_p, desc->min_p);
    return tern__ranking_draw(&r, tern__philox_uniform(desc->seed, sampler->draws++));
}

static tern_status check_pick(const tern_sampler *sampler, const float *logits, uint32_t count,
                              const int32_t *recent, size_t recent_count) {
    if (!logits || (!recent && recent_count > 0)) {
        return tern__fail(sampler->context, TERN_STATUS_INVALID_ARGUMENT, "sampler: %s is NULL",
                          logits ? "recent" : "logits");
    }
    if (count == 0 || count > INT32_MAX) {
        return tern__fail(sampler->context, TERN_STATUS_INVALID_ARGUMENT,
                          "sampler: %u logits, expected 1 to %d", count, INT32_MAX);
    }
    return TERN_STATUS_OK;
}

tern_status tern_sampler_pick(tern_sampler *sampler, const float *logits, uint32_t count,
                              const int32_t *recent, size_t recent_count, int32_t *out_id) {
    if (!sampler || !out_id) {
        return tern__fail(sampler ? sampler->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "sampler: %s is NULL", sampler ? "out_id" : "sampler");
    }
    *out_id = 0;
    TERN_TRY(check_pick(sampler, logits, count, recent, recent_count));
    void *items = sampler->candidates;
    if (!tern__grow(sampler->context, &items, &sampler->capacity, count, sizeof(tern__candidate))) {
        return tern__fail_memory(sampler->context, (uint64_t)count * sizeof(tern__candidate),
                                 "the candidates of a sampler");
    }
    sampler->candidates = items;
    for (uint32_t i = 0; i < count; i++) {
        sampler->candidates[i] = (tern__candidate){.logit = tame(logits[i]), .id = i};
    }
    const tern_sampler_desc *desc = &sampler->desc;
    add_biases(sampler, count);
    if (has_penalty(desc)) {
        size_t last = recent_count < desc->repeat_last ? recent_count : desc->repeat_last;
        penalise(sampler, count, recent_count ? recent + (recent_count - last) : recent, last);
    }
    TERN_TRY(keep_allowed(sampler, &count));
    *out_id = desc->temperature == 0.0f
                  ? (int32_t)tern__candidate_best(sampler->candidates, count)->id
                  : (int32_t)sample(sampler, count);
    return sampler->grammar ? tern__grammar_accept(sampler->grammar, *out_id) : TERN_STATUS_OK;
}
