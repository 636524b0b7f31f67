#include "runtime/model/sampling/ranking.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "shaders/common/activation.h"
#include "shaders/common/exp.h"

typedef tern__candidate candidate;
typedef tern__ranking ranking;

typedef bool (*before_fn)(const candidate *a, const candidate *b);

static bool is_better(const candidate *a, const candidate *b) {
    return a->logit > b->logit || (a->logit == b->logit && a->id < b->id);
}

static bool is_more_typical(const candidate *a, const candidate *b) {
    return a->distance < b->distance || (a->distance == b->distance && is_better(a, b));
}

const candidate *tern__candidate_best(const candidate *items, uint32_t count) {
    const candidate *best = &items[0];
    for (uint32_t i = 1; i < count; i++) {
        if (items[i].logit > best->logit) {
            best = &items[i];
        }
    }
    return best;
}

static void sift_down(candidate *heap, uint32_t size, uint32_t root, before_fn is_before) {
    candidate item = heap[root];
    for (;;) {
        uint64_t child = 2 * (uint64_t)root + 1;
        if (child >= size) {
            break;
        }
        if (child + 1 < size && is_before(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!is_before(&heap[child], &item)) {
            break;
        }
        heap[root] = heap[child];
        root = (uint32_t)child;
    }
    heap[root] = item;
}

static void make_heap(candidate *items, uint32_t count, before_fn is_before) {
    for (uint32_t i = count / 2; i-- > 0;) {
        sift_down(items, count, i, is_before);
    }
}

// Moves the first of a heap of |*size| behind it.
static void take(candidate *items, uint32_t *size, before_fn is_before) {
    candidate first = items[0];
    --*size;
    items[0] = items[*size];
    sift_down(items, *size, 0, is_before);
    items[*size] = first;
}

// The candidate of rank |rank| < count, 0 the best.
static candidate *at_rank(ranking *r, uint32_t rank) {
    while (r->count - r->heap <= rank) {
        take(r->items, &r->heap, is_better);
    }
    return &r->items[r->count - 1 - rank];
}

// ln of the weight.
static float exponent_of(const ranking *r, const candidate *item) {
    return (item->logit - r->max) / r->temperature;
}

// Proportional to the probability; 1 for the best.
static float weight_of(const ranking *r, const candidate *item) {
    return t_exp(exponent_of(r, item));
}

ranking tern__ranking_make(candidate *items, uint32_t count, uint32_t top_k, float temperature) {
    ranking r = {.items = items, .count = count, .heap = count, .temperature = temperature};
    r.max = tern__candidate_best(items, count)->logit;
    r.kept = top_k > 0 && top_k < count ? top_k : count;
    for (uint32_t i = 0; r.kept == count && i < count; i++) { // by id, before they move
        r.total += weight_of(&r, &items[i]);
    }
    make_heap(items, count, is_better);
    for (uint32_t rank = 0; r.kept < count && rank < r.kept; rank++) {
        r.total += weight_of(&r, at_rank(&r, rank));
    }
    return r;
}

// Leaves nothing but the kept ones, which need not be the best any more.
static void narrow(ranking *r, candidate *items, uint32_t count) {
    r->items = items;
    r->count = count;
    r->heap = count;
    r->kept = count;
    make_heap(items, count, is_better);
}

// -ln p is ln(total) - exponent. Those without any weight are never drawn and not typical.
static uint32_t measure_distances(ranking *r) {
    float log_total = t_log((float)r->total);
    double entropy = 0.0;
    uint32_t count = 0;
    for (; count < r->kept; count++) {
        candidate *item = at_rank(r, count);
        float weight = weight_of(r, item);
        if (weight == 0.0f) {
            break;
        }
        entropy += (double)weight * (log_total - exponent_of(r, item));
    }
    entropy /= r->total;
    for (uint32_t rank = 0; rank < count; rank++) {
        candidate *item = at_rank(r, rank);
        item->distance = fabsf(log_total - exponent_of(r, item) - (float)entropy);
    }
    return count;
}

void tern__ranking_cut_typical(ranking *r, float typical_p) {
    if (!(typical_p > 0.0f && typical_p < 1.0f)) {
        return;
    }
    uint32_t count = measure_distances(r);
    candidate *items = r->items + (r->count - count); // the ranks 0 to count - 1
    make_heap(items, count, is_more_typical);
    double wanted = r->total * typical_p;
    double sum = 0.0;
    uint32_t left = count;
    while (left > 0 && sum < wanted) {
        take(items, &left, is_more_typical);
        sum += weight_of(r, &items[left]);
    }
    narrow(r, items + left, count - left);
    r->total = sum;
}

void tern__ranking_cut_tail(ranking *r, float top_p, float min_p) {
    bool nucleus = top_p > 0.0f && top_p < 1.0f;
    if (!nucleus && min_p == 0.0f) {
        return;
    }
    double wanted = nucleus ? r->total * top_p : DBL_MAX;
    double sum = 0.0;
    uint32_t rank = 0;
    float least = min_p * weight_of(r, at_rank(r, 0));
    while (rank < r->kept && sum < wanted) {
        float weight = weight_of(r, at_rank(r, rank));
        if (weight == 0.0f || weight < least) {
            break;
        }
        sum += weight;
        rank++;
    }
    r->kept = rank;
    r->total = sum;
}

uint32_t tern__ranking_draw(ranking *r, double u) {
    double target = u * r->total;
    uint32_t id = at_rank(r, 0)->id;
    double sum = 0.0;
    for (uint32_t rank = 0; rank < r->kept; rank++) {
        const candidate *item = at_rank(r, rank);
        float weight = weight_of(r, item);
        if (weight == 0.0f) { // rounding of the sums led past the last
            break;
        }
        id = item->id;
        sum += weight;
        if (sum > target) {
            break;
        }
    }
    return id;
}
