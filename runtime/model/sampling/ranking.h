// Candidates of one pick in the order of their logits, found only as far as somebody asks, and the
// cuts that samplers make.
#ifndef TERN_RUNTIME_MODEL_RANKING_H_
#define TERN_RUNTIME_MODEL_RANKING_H_

#include <stdint.h>

typedef struct tern__candidate {
    float logit;
    uint32_t id;
    uint32_t seen;  // among the recent ids, while penalties are applied
    float distance; // from the mean of -ln p, while the typical ones are looked for
} tern__candidate;

// The first |heap| items are a heap with the best on top; what was taken from it lies behind, the
// best last. The |kept| best count, with |total| weight.
typedef struct tern__ranking {
    tern__candidate *items;
    uint32_t count;
    uint32_t heap;
    uint32_t kept;
    float max;
    float temperature;
    double total;
} tern__ranking;

// Of the |top_k| best of |count| > 0 candidates; 0: of all. Reorders them.
tern__ranking tern__ranking_make(tern__candidate *items, uint32_t count, uint32_t top_k,
                                 float temperature);
void tern__ranking_cut_typical(tern__ranking *r, float typical_p);
void tern__ranking_cut_tail(tern__ranking *r, float top_p, float min_p);
// The id at share |u| in [0, 1) of the weight.
uint32_t tern__ranking_draw(tern__ranking *r, double u);

// The best, the first of equals.
const tern__candidate *tern__candidate_best(const tern__candidate *items, uint32_t count);

#endif
