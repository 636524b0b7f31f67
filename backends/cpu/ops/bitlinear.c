#include "backends/cpu/ops/ternary.h"

// Rows are normed and quantised first, each once; then all outputs are made. The scratch holds, in
// this order, each at a multiple of 64 bytes:
//
//     q [R][padded K]   scale [R]   row sums [R][groups]   per task: one normed row, or the sums of
//                                                          one tile
struct room {
    uint64_t q_stride;
    uint64_t scale;
    uint64_t row_sums;
    uint64_t tasks;
    uint64_t task_bytes;
};

struct job {
    const tern_bitlinear_desc *desc;
    struct room room;
    struct tern_cpu_ternary ternary;
};

static struct room room_of(const tern_bitlinear_desc *d) {
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    uint32_t rows = d->x.shape[0];
    struct room room = {.q_stride = tern_cpu_round_up(weights->layout.padded_cols, 64)};
    room.scale = room.q_stride * rows;
    room.row_sums = room.scale + tern_cpu_round_up((uint64_t)rows * sizeof(float), 64);
    room.tasks = room.row_sums + tern_cpu_ternary_sums_bytes(weights, rows);
    uint64_t sums = tern_cpu_ternary_task_bytes(weights);
    uint64_t normed = tern_cpu_round_up((uint64_t)weights->info.cols * sizeof(float), 64);
    room.task_bytes = sums > normed ? sums : normed;
    return room;
}

static void quantize_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct job *job = user;
    const tern_bitlinear_desc *d = job->desc;
    const struct tern_cpu_run *run = job->ternary.run;
    uint32_t k = d->x.shape[1];
    float *normed = (float *)(void *)(job->ternary.task_room + task * job->room.task_bytes);
    for (uint32_t row = first; row < end; row++) {
        const float *x = tern_cpu_f32(&d->x, row);
        if (d->norm == TERN_NORM_RMS) {
            run->kernels->rms_norm.fn(x, k, tern_cpu_f32_optional(&d->norm_weight), d->norm_eps,
                                      normed);
            x = normed;
        }
        int8_t *q = (int8_t *)run->scratch + row * job->room.q_stride;
        float *scale = (float *)(void *)(run->scratch + job->room.scale);
        scale[row] = run->kernels->quantize_act.fn(x, k, q);
        tern_cpu_ternary_sum_row(&job->ternary, row);
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    const tern_bitlinear_desc *d = (const tern_bitlinear_desc *)desc;
    struct job job = {.desc = d, .room = room_of(d)};
    job.ternary = (struct tern_cpu_ternary){
        .run = run,
        .weights = tern_op_weights(d->weights),
        .q = (const int8_t *)run->scratch,
        .q_stride = job.room.q_stride,
        .scale = (const float *)(const void *)(run->scratch + job.room.scale),
        .row_sums = (int32_t *)(void *)(run->scratch + job.room.row_sums),
        .task_room = run->scratch + job.room.tasks,
        .bias = &d->bias,
        .residual = &d->residual,
        .out = &d->out,
    };
    struct tern_cpu_work work = {run->rows, d->x.shape[1] / 2};
    tern_cpu_split(run, work, quantize_part, &job);
    tern_cpu_ternary_run(&job.ternary);
}

static uint64_t scratch(const tern_backend_device *device, const tern_op_header *desc) {
    struct room room = room_of((const tern_bitlinear_desc *)desc);
    return room.tasks + room.task_bytes * tern_cpu_max_tasks(device->pool);
}

static bool supports(const tern_op_header *desc) {
    const tern_bitlinear_desc *d = (const tern_bitlinear_desc *)desc;
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    return d->norm <= TERN_NORM_RMS && weights && weights->info.dtype == TERN_DTYPE_T2;
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    (void)desc;
    return TERN_CPU_PICK(kernels, gemv_t2);
}

const struct tern_cpu_op tern_cpu_op_bitlinear = {
    .desc_size = sizeof(tern_bitlinear_desc),
    .rows = offsetof(tern_bitlinear_desc, x),
    .supports = supports,
    .scratch = scratch,
    .run = run,
    .kernel = kernel,
};
