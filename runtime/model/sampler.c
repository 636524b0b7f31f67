#include <tern/sampler.h>

#include <float.h>
#include <stdbool.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/philox.h"
#include "runtime/status.h"
#include "shaders/common/exp.h"

enum { DEFAULT_REPEAT_LAST = 64 };

#define MAX_TEMPERATURE 100.0f
#define MAX_PENALTY 100.0f
#define PENALISED 0x80000000u // in candidate.id, while penalties are applied

typedef struct candidate {
    float logit;
    uint32_t id;
} candidate;

struct tern_sampler {
    tern_context *context;
    tern_sampler_desc desc;
    uint64_t draws;
    candidate *candidates;
    size_t capacity;
};

// The candidates of one pick. The first |heap| of them are a heap with the best on top; what was
// taken from it lies behind, the best last.
typedef struct ranking {
    candidate *items;
    uint32_t count;
    uint32_t heap;
    float max;
    float temperature;
} ranking;

static tern_status check_range(tern_context *context, const char *name, float value, float most) {
    if (!(value >= 0.0f && value <= most)) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "sampler: %s is %g, expected 0 to %g", name, (double)value, (double)most);
    }
    return TERN_STATUS_OK;
}

static tern_status check_desc(tern_context *context, const tern_sampler_desc *desc) {
    TERN_TRY(tern__check_size(context, "tern_sampler_desc", desc->struct_size, sizeof *desc));
    TERN_TRY(tern__check_reserved(context, "tern_sampler_desc", desc->reserved));
    TERN_TRY(check_range(context, "temperature", desc->temperature, MAX_TEMPERATURE));
    TERN_TRY(check_range(context, "top_p", desc->top_p, 1.0f));
    TERN_TRY(check_range(context, "min_p", desc->min_p, 1.0f));
    return check_range(context, "repeat_penalty", desc->repeat_penalty, MAX_PENALTY);
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
    sampler->desc = *desc;
    if (sampler->desc.repeat_last == 0) {
        sampler->desc.repeat_last = DEFAULT_REPEAT_LAST;
    }
    if (sampler->desc.repeat_penalty == 0.0f) {
        sampler->desc.repeat_penalty = 1.0f;
    }
    *out_sampler = sampler;
    return TERN_STATUS_OK;
}

void tern_sampler_destroy(tern_sampler *sampler) {
    if (sampler) {
        tern__free(sampler->context, sampler->candidates);
        tern__free(sampler->context, sampler);
    }
}

int32_t tern_sampler_is_greedy(const tern_sampler *sampler) {
    return sampler && sampler->desc.temperature == 0.0f && sampler->desc.repeat_penalty == 1.0f;
}

// Finite, so that differences of logits are never NaN; NaN counts as the smallest.
static float tame(float logit) {
    if (!(logit >= -FLT_MAX)) {
        return -FLT_MAX;
    }
    return logit > FLT_MAX ? FLT_MAX : logit;
}

static void penalise(candidate *items, uint32_t count, float penalty, const int32_t *recent,
                     size_t recent_count) {
    for (size_t i = 0; i < recent_count; i++) {
        uint32_t id = (uint32_t)recent[i];
        if (id < count && !(items[id].id & PENALISED)) {
            float logit = items[id].logit;
            items[id].logit = tame(logit > 0.0f ? logit / penalty : logit * penalty);
            items[id].id |= PENALISED;
        }
    }
    for (size_t i = 0; i < recent_count; i++) {
        uint32_t id = (uint32_t)recent[i];
        if (id < count) {
            items[id].id = id;
        }
    }
}

static bool is_better(candidate a, candidate b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

static candidate best_of(const candidate *items, uint32_t count) {
    candidate best = items[0];
    for (uint32_t i = 1; i < count; i++) {
        if (items[i].logit > best.logit) {
            best = items[i];
        }
    }
    return best;
}

static void sift_down(candidate *heap, uint32_t size, uint32_t root) {
    candidate item = heap[root];
    for (;;) {
        uint64_t child = 2 * (uint64_t)root + 1;
        if (child >= size) {
            break;
        }
        if (child + 1 < size && is_better(heap[child + 1], heap[child])) {
            child++;
        }
        if (!is_better(heap[child], item)) {
            break;
        }
        heap[root] = heap[child];
        root = (uint32_t)child;
    }
    heap[root] = item;
}

// The candidate of rank |rank| < count, 0 the best.
static candidate at_rank(ranking *r, uint32_t rank) {
    while (r->count - r->heap <= rank) {
        candidate best = r->items[0];
        r->heap--;
        r->items[0] = r->items[r->heap];
        sift_down(r->items, r->heap, 0);
        r->items[r->heap] = best;
    }
    return r->items[r->count - 1 - rank];
}

// Proportional to the probability; 1 for the best.
static float weight_of(const ranking *r, candidate item) {
    return t_exp((item.logit - r->max) / r->temperature);
}

// Sum of the weights of the |kept| best: by id when that is all of them, else by rank.
static double total_weight(ranking *r, uint32_t kept) {
    double total = 0.0;
    if (kept == r->count) {
        for (uint32_t i = 0; i < r->count; i++) {
            total += weight_of(r, r->items[i]);
        }
    }
    for (uint32_t i = r->count / 2; i-- > 0;) {
        sift_down(r->items, r->heap, i);
    }
    for (uint32_t rank = 0; kept < r->count && rank < kept; rank++) {
        total += weight_of(r, at_rank(r, rank));
    }
    return total;
}

// Cuts |*kept| to those that top-p and min-p keep and |*total| to their weight.
static void cut_tail(ranking *r, const tern_sampler_desc *desc, uint32_t *kept, double *total) {
    bool nucleus = desc->top_p > 0.0f && desc->top_p < 1.0f;
    if (!nucleus && desc->min_p == 0.0f) {
        return;
    }
    double wanted = nucleus ? *total * desc->top_p : DBL_MAX;
    double sum = 0.0;
    uint32_t rank = 0;
    while (rank < *kept && sum < wanted) {
        float weight = weight_of(r, at_rank(r, rank));
        if (weight == 0.0f || weight < desc->min_p) {
            break;
        }
        sum += weight;
        rank++;
    }
    *kept = rank;
    *total = sum;
}

static uint32_t draw(ranking *r, uint32_t kept, double target) {
    uint32_t id = at_rank(r, 0).id;
    double sum = 0.0;
    for (uint32_t rank = 0; rank < kept; rank++) {
        candidate item = at_rank(r, rank);
        float weight = weight_of(r, item);
        if (weight == 0.0f) { // rounding of the sums led past the last
            break;
        }
        id = item.id;
        sum += weight;
        if (sum > target) {
            break;
        }
    }
    return id;
}

static uint32_t sample(tern_sampler *sampler, uint32_t count) {
    const tern_sampler_desc *desc = &sampler->desc;
    candidate best = best_of(sampler->candidates, count);
    ranking r = {sampler->candidates, count, count, best.logit, desc->temperature};
    uint32_t kept = desc->top_k > 0 && desc->top_k < count ? desc->top_k : count;
    double total = total_weight(&r, kept);
    cut_tail(&r, desc, &kept, &total);
    double u = tern__philox_uniform(desc->seed, sampler->draws++);
    return draw(&r, kept, u * total);
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
    if (!tern__grow(sampler->context, &items, &sampler->capacity, count, sizeof(candidate))) {
        return tern__fail_memory(sampler->context, (uint64_t)count * sizeof(candidate),
                                 "the candidates of a sampler");
    }
    sampler->candidates = items;
    for (uint32_t i = 0; i < count; i++) {
        sampler->candidates[i] = (candidate){tame(logits[i]), i};
    }
    const tern_sampler_desc *desc = &sampler->desc;
    if (desc->repeat_penalty != 1.0f) {
        size_t last = recent_count < desc->repeat_last ? recent_count : desc->repeat_last;
        penalise(sampler->candidates, count, desc->repeat_penalty,
                 recent_count ? recent + (recent_count - last) : recent, last);
    }
    *out_id = desc->temperature == 0.0f ? (int32_t)best_of(sampler->candidates, count).id
                                        : (int32_t)sample(sampler, count);
    return TERN_STATUS_OK;
}
