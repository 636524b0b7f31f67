#include "backends/reference/ops/ops.h"
#include "shaders/common/activation.h"

static int known(const void *desc) {
    const tern_route_desc *d = desc;
    return d->score <= TERN_ROUTE_SIGMOID;
}

// The scores of a row, then what the choice goes by.
static uint64_t scratch(const void *desc) {
    const tern_route_desc *d = desc;
    return 2 * sizeof(float) * (uint64_t)d->x.shape[1];
}

static void score(const tern_route_desc *d, const float *x, float *scores) {
    uint32_t experts = d->x.shape[1];
    if (d->score == TERN_ROUTE_SOFTMAX) {
        tern_ref_softmax_row(x, experts, scores);
        return;
    }
    for (uint32_t e = 0; e < experts; e++) {
        scores[e] = t_flush(t_sigmoid(x[e]));
    }
}

// The best expert that comes after |last| in the order of the slots: less, or equal and a higher
// id. The first has none before it.
static uint32_t next_best(const float *choice, uint32_t experts, const int32_t *last) {
    uint32_t best = experts;
    for (uint32_t e = 0; e < experts; e++) {
        int after = !last || choice[e] < choice[*last] ||
                    (choice[e] == choice[*last] && (int32_t)e > *last);
        if (after && (best == experts || choice[e] > choice[best])) {
            best = e;
        }
    }
    return best < experts ? best : 0; // only NaN leaves none
}

static void choose(const tern_route_desc *d, const float *choice, int32_t *ids) {
    for (uint32_t s = 0; s < d->ids.shape[1]; s++) {
        ids[s] = (int32_t)next_best(choice, d->x.shape[1], s ? &ids[s - 1] : NULL);
    }
}

static void weigh(const tern_route_desc *d, const float *scores, const int32_t *ids,
                  float *weights) {
    uint32_t slots = d->ids.shape[1];
    for (uint32_t s = 0; s < slots; s++) {
        weights[s] = scores[ids[s]];
    }
    float total = tern_ref_sum(weights, slots) + 1e-20f;
    for (uint32_t s = 0; s < slots; s++) {
        float w = d->normalise ? t_divide(weights[s], total) : weights[s];
        weights[s] = t_flush(w * d->scale);
    }
}

static void run(const tern_ref_run *r, const void *desc) {
    const tern_route_desc *d = desc;
    uint32_t rows = tern_ref_live(r, &d->head, d->x.shape[0]);
    uint32_t experts = d->x.shape[1];
    const float *bias = tern_ref_f32(&d->bias);
    float *scores = r->scratch;
    float *choice = scores + experts;
    for (uint32_t row = 0; row < rows; row++) {
        int32_t *ids = tern_ref_row(&d->ids, row, sizeof(int32_t));
        score(d, tern_ref_f32_row(&d->x, row), scores);
        for (uint32_t e = 0; e < experts; e++) {
            choice[e] = bias ? scores[e] + bias[e] : scores[e];
        }
        choose(d, choice, ids);
        weigh(d, scores, ids, tern_ref_f32_row(&d->weights, row));
    }
}

const tern_ref_op tern_ref_op_route = {
    .desc_size = sizeof(tern_route_desc), .known = known, .scratch = scratch, .run = run};
