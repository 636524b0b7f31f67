#include "backends/common/sizes.h"
#include "backends/cpu/ops/ops.h"
#include "shaders/common/float.h"

// Each task has room for the scores of a row and for what its choice goes by.
static uint64_t task_bytes(const tern_route_desc *d) {
    return tern_round_up(2 * sizeof(float) * (uint64_t)d->x.shape[1], 64);
}

struct job {
    const struct tern_cpu_run *run;
    const tern_route_desc *desc;
};

// The largest, and of equals the lowest, of those that come after |last| in that order; |count| if
// there is none. A |last| of |count| is before all.
static uint32_t best_after(const float *choice, uint32_t count, uint32_t last) {
    uint32_t best = count;
    for (uint32_t e = 0; e < count; e++) {
        bool after =
            last == count || choice[e] < choice[last] || (choice[e] == choice[last] && e > last);
        best = after && (best == count || choice[e] > choice[best]) ? e : best;
    }
    return best;
}

// No value stands for a choice that is made, so that a bias may be any.
static void choose(const float *choice, uint32_t count, uint32_t slots, int32_t *ids) {
    uint32_t last = count;
    for (uint32_t s = 0; s < slots; s++) {
        uint32_t best = best_after(choice, count, last);
        last = best < count ? best : 0; // only NaN leaves none
        ids[s] = (int32_t)last;
    }
}

static void weigh(const tern_route_desc *d, const float *scores, const int32_t *ids, float *out) {
    // Rule 4 for up to 32 values: the lower half takes what the upper has.
    float part[32] = {0};
    uint32_t slots = d->ids.shape[1];
    for (uint32_t s = 0; s < slots; s++) {
        part[s] = scores[ids[s]];
    }
    for (uint32_t half = 16; half > 0; half /= 2) {
        for (uint32_t i = 0; i < half; i++) {
            part[i] += part[i + half];
        }
    }
    float total = part[0] + 1e-20f;
    for (uint32_t s = 0; s < slots; s++) {
        float w = scores[ids[s]];
        w = d->normalise ? w / total : w;
        out[s] = t_flush(w * d->scale);
    }
}

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct job *job = user;
    const tern_route_desc *d = job->desc;
    const struct tern_cpu_kernels *kernels = job->run->kernels;
    uint32_t experts = d->x.shape[1];
    float *scores = (float *)(void *)(job->run->scratch + task * task_bytes(d));
    float *choice = scores + experts;
    const float *bias = tern_cpu_f32_optional(&d->bias);
    for (uint32_t r = first; r < end; r++) {
        const float *x = tern_cpu_f32(&d->x, r);
        int32_t *ids = tern_cpu_i32(&d->ids) + (size_t)r * d->ids.strides[0];
        if (d->score == TERN_ROUTE_SOFTMAX) {
            kernels->softmax.fn(x, experts, scores);
        } else {
            kernels->activation.fn(x, TERN_ACTIVATION_SIGMOID, experts, scores);
        }
        for (uint32_t e = 0; e < experts; e++) {
            choice[e] = bias ? scores[e] + bias[e] : scores[e];
        }
        choose(choice, experts, d->ids.shape[1], ids);
        weigh(d, scores, ids, tern_cpu_f32(&d->weights, r));
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    struct job job = {run, (const tern_route_desc *)desc};
    uint64_t cost = (uint64_t)job.desc->x.shape[1] * (2 + job.desc->ids.shape[1]);
    tern_cpu_split(run, (struct tern_cpu_work){run->rows, cost}, part, &job);
}

static uint64_t scratch(const tern_backend_device *device, const tern_op_header *desc) {
    return task_bytes((const tern_route_desc *)desc) * tern_cpu_max_tasks(device->pool);
}

static bool supports(const tern_op_header *desc) {
    return ((const tern_route_desc *)desc)->score <= TERN_ROUTE_SIGMOID;
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    return ((const tern_route_desc *)desc)->score == TERN_ROUTE_SOFTMAX
               ? TERN_CPU_PICK(kernels, softmax)
               : TERN_CPU_PICK(kernels, activation);
}

const struct tern_cpu_op tern_cpu_op_route = {
    .desc_size = sizeof(tern_route_desc),
    .rows = offsetof(tern_route_desc, x),
    .supports = supports,
    .scratch = scratch,
    .run = run,
    .kernel = kernel,
};
