#include <string.h>

#include "backends/common/sizes.h"
#include "backends/cpu/ops/ternary.h"
#include "backends/cpu/ops/ternary_way.h"

// Rows of x are quantised, each once; then the products are grouped by experts, so that an expert's
// weights are read once for all rows that chose it. The scratch holds, each part at a multiple of
// 64 bytes:
//
//     q [X][padded K]   scale [X]   order [R * S]   batches   ends [E]   what the product needs
//
// X: rows of K values that x has, R or R * S.
struct room {
    uint64_t q_stride;
    uint64_t scale;
    uint64_t order;
    uint64_t batches;
    uint64_t ends; // of each expert's products in the order
    uint64_t product;
};

struct job {
    const tern_expert_bitlinear_desc *desc;
    struct room room;
    struct tern_cpu_ternary ternary;
};

static uint32_t slots_of(const tern_expert_bitlinear_desc *d) {
    return d->ids.shape[1];
}

// Products that a row of K values is for.
static uint32_t shared_of(const tern_expert_bitlinear_desc *d) {
    return d->x.shape[1] == tern_op_weights(d->weights)->info.cols ? slots_of(d) : 1;
}

static struct room room_of(const tern_expert_bitlinear_desc *d) {
    uint64_t products = (uint64_t)d->ids.shape[0] * slots_of(d);
    uint64_t rows = products / shared_of(d);
    uint64_t batches = products < d->experts ? products : d->experts;
    struct room room = {.q_stride =
                            tern_round_up(tern_op_weights(d->weights)->layout.padded_cols, 64)};
    room.scale = room.q_stride * rows;
    room.order = room.scale + tern_round_up(rows * sizeof(float), 64);
    room.batches = room.order + tern_round_up(products * sizeof(uint32_t), 64);
    room.ends = room.batches + tern_round_up(batches * sizeof(struct tern_cpu_batch), 64);
    room.product = room.ends + tern_round_up(d->experts * (uint64_t)sizeof(uint32_t), 64);
    return room;
}

static void quantize_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct job *job = user;
    const tern_expert_bitlinear_desc *d = job->desc;
    const struct tern_cpu_run *run = job->ternary.run;
    uint32_t k = job->ternary.weights->info.cols;
    uint32_t parts = d->x.shape[1] / k;
    float *scale = (float *)(void *)(run->scratch + job->room.scale);
    (void)task;
    for (uint32_t row = first; row < end; row++) {
        const float *x = tern_cpu_f32(&d->x, row / parts) + (size_t)(row % parts) * k;
        int8_t *q = (int8_t *)run->scratch + row * job->room.q_stride;
        scale[row] = run->kernels->quantize_act.fn(x, k, q);
        tern_cpu_ternary_sum_row(&job->ternary, row);
    }
}

static uint32_t expert_of(const tern_expert_bitlinear_desc *d, uint32_t product) {
    uint32_t slots = slots_of(d);
    const int32_t *ids = tern_cpu_i32(&d->ids) + (size_t)(product / slots) * d->ids.strides[0];
    return tern_cpu_clamp(ids[product % slots], d->experts);
}

// Orders the products by experts and makes a batch of each expert that has any.
static void group(struct job *job) {
    const tern_expert_bitlinear_desc *d = job->desc;
    uint8_t *scratch = job->ternary.run->scratch;
    uint32_t *order = (uint32_t *)(void *)(scratch + job->room.order);
    uint32_t *ends = (uint32_t *)(void *)(scratch + job->room.ends);
    struct tern_cpu_batch *batches = (void *)(scratch + job->room.batches);
    uint32_t products = job->ternary.run->rows * slots_of(d);
    uint32_t outputs = job->ternary.weights->info.rows / d->experts;
    memset(ends, 0, d->experts * sizeof *ends);
    for (uint32_t p = 0; p < products; p++) {
        ends[expert_of(d, p)]++;
    }
    uint32_t first = 0;
    for (uint32_t e = 0; e < d->experts; e++) {
        uint32_t count = ends[e];
        ends[e] = first;
        if (count) {
            batches[job->ternary.batch_count++] =
                (struct tern_cpu_batch){first, count, e * outputs, outputs};
            first += count;
        }
    }
    for (uint32_t p = 0; p < products; p++) {
        order[ends[expert_of(d, p)]++] = p;
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    static const tern_tensor absent;
    const tern_expert_bitlinear_desc *d = (const tern_expert_bitlinear_desc *)desc;
    struct job job = {.desc = d, .room = room_of(d)};
    job.ternary = (struct tern_cpu_ternary){
        .run = run,
        .weights = tern_op_weights(d->weights),
        .q = (const int8_t *)run->scratch,
        .q_stride = job.room.q_stride,
        .scale = (const float *)(const void *)(run->scratch + job.room.scale),
        .room = run->scratch + job.room.product,
        .bias = &absent,
        .residual = &absent,
        .out = &d->out,
        .slots = slots_of(d),
        .shared = shared_of(d),
        .order = (const uint32_t *)(const void *)(run->scratch + job.room.order),
        .batches = (const struct tern_cpu_batch *)(const void *)(run->scratch + job.room.batches),
    };
    uint32_t rows = run->rows * slots_of(d) / shared_of(d);
    tern_cpu_split(run, (struct tern_cpu_work){rows, job.ternary.weights->info.cols / 2},
                   quantize_part, &job);
    group(&job);
    tern_cpu_ternary_run(&job.ternary);
}

static uint64_t scratch(const tern_backend_device *device, const tern_op_header *desc) {
    const tern_expert_bitlinear_desc *d = (const tern_expert_bitlinear_desc *)desc;
    return room_of(d).product + tern_cpu_ternary_bytes(device, tern_op_weights(d->weights),
                                                       d->ids.shape[0] * slots_of(d));
}

static bool supports(const tern_op_header *desc) {
    const tern_backend_weights *weights =
        tern_op_weights(((const tern_expert_bitlinear_desc *)desc)->weights);
    return weights && weights->info.dtype == TERN_DTYPE_T2;
}

// What an expert does with as many rows as it gets where all get alike.
static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    const tern_expert_bitlinear_desc *d = (const tern_expert_bitlinear_desc *)desc;
    uint32_t each = d->ids.shape[0] * slots_of(d) / d->experts;
    return tern_cpu_ternary_kernel(kernels, tern_op_weights(d->weights), each);
}

const struct tern_cpu_op tern_cpu_op_expert_bitlinear = {
    .desc_size = sizeof(tern_expert_bitlinear_desc),
    .rows = offsetof(tern_expert_bitlinear_desc, ids),
    .supports = supports,
    .scratch = scratch,
    .run = run,
    .kernel = kernel,
};
