#include "backends/common/sizes.h"
#include "backends/cpu/ops/ternary.h"
#include "backends/cpu/ops/ternary_way.h"

// Rows are normed and quantised first, each once; then all outputs are made. The scratch holds, in
// this order, each at a multiple of 64 bytes:
//
//     q [R][padded K]   scale [R]   per task: one normed row   what the product needs
struct room {
    uint64_t q_stride;
    uint64_t scale;
    uint64_t normed;
    uint64_t normed_bytes;
    uint64_t product;
};

struct job {
    const tern_bitlinear_desc *desc;
    struct room room;
    struct tern_cpu_ternary ternary;
};

static struct room room_of(const struct tern_cpu_pool *pool, const tern_bitlinear_desc *d) {
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    uint64_t rows = d->x.shape[0];
    struct room room = {.q_stride = tern_round_up(weights->layout.padded_cols, 64)};
    room.scale = room.q_stride * rows;
    room.normed = room.scale + tern_round_up(rows * sizeof(float), 64);
    if (d->norm != TERN_NORM_NONE) {
        room.normed_bytes = tern_round_up((uint64_t)weights->info.cols * sizeof(float), 64);
    }
    room.product = room.normed + room.normed_bytes * tern_cpu_max_tasks(pool);
    return room;
}

static void quantize_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct job *job = user;
    const tern_bitlinear_desc *d = job->desc;
    const struct tern_cpu_run *run = job->ternary.run;
    const struct room *room = &job->room;
    uint32_t k = d->x.shape[1];
    float *normed = (float *)(void *)(run->scratch + room->normed + task * room->normed_bytes);
    float *scale = (float *)(void *)(run->scratch + room->scale);
    for (uint32_t row = first; row < end; row++) {
        const float *x = tern_cpu_f32(&d->x, row);
        if (d->norm == TERN_NORM_RMS) {
            run->kernels->rms_norm.fn(x, k, tern_cpu_f32_optional(&d->norm_weight), d->norm_eps,
                                      normed);
            x = normed;
        }
        int8_t *q = (int8_t *)run->scratch + row * room->q_stride;
        scale[row] = run->kernels->quantize_act.fn(x, k, q);
        tern_cpu_ternary_sum_row(&job->ternary, row);
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    const tern_bitlinear_desc *d = (const tern_bitlinear_desc *)desc;
    struct job job = {.desc = d, .room = room_of(run->pool, d)};
    job.ternary = (struct tern_cpu_ternary){
        .run = run,
        .weights = tern_op_weights(d->weights),
        .q = (const int8_t *)run->scratch,
        .q_stride = job.room.q_stride,
        .scale = (const float *)(const void *)(run->scratch + job.room.scale),
        .room = run->scratch + job.room.product,
        .bias = &d->bias,
        .residual = &d->residual,
        .out = &d->out,
    };
    struct tern_cpu_work work = {run->rows, d->x.shape[1] / 2};
    tern_cpu_split(run, work, quantize_part, &job);
    tern_cpu_ternary_run(&job.ternary);
}

static uint64_t scratch(const tern_backend_device *device, const tern_op_header *desc) {
    const tern_bitlinear_desc *d = (const tern_bitlinear_desc *)desc;
    return room_of(device->pool, d).product +
           tern_cpu_ternary_bytes(device, tern_op_weights(d->weights), d->x.shape[0]);
}

static bool supports(const tern_op_header *desc) {
    const tern_bitlinear_desc *d = (const tern_bitlinear_desc *)desc;
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    return d->norm <= TERN_NORM_RMS && weights && weights->info.dtype == TERN_DTYPE_T2;
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    const tern_bitlinear_desc *d = (const tern_bitlinear_desc *)desc;
    return tern_cpu_ternary_kernel(kernels, tern_op_weights(d->weights), d->x.shape[0]);
}

const struct tern_cpu_op tern_cpu_op_bitlinear = {
    .desc_size = sizeof(tern_bitlinear_desc),
    .rows = offsetof(tern_bitlinear_desc, x),
    .supports = supports,
    .scratch = scratch,
    .run = run,
    .kernel = kernel,
};
