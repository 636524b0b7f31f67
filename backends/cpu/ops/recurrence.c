#include <string.h>

#include "backends/cpu/ops/ops.h"

// Columns are independent, rows are not: threads share a row's columns, some at a time.
enum { COLUMNS = 64 };

struct job {
    const struct tern_cpu_run *run;
    const tern_recurrence_desc *desc;
};

static void step(const struct job *job, uint32_t row, uint32_t column, uint32_t count) {
    const tern_recurrence_desc *d = job->desc;
    uint32_t sequence = tern_cpu_clamp(tern_cpu_i32(&d->sequences)[row], d->state.shape[0]);
    float *state = tern_cpu_f32(&d->state, sequence) + column;
    if (tern_cpu_i32(&d->positions)[row] <= 0) {
        memset(state, 0, count * sizeof *state);
    }
    job->run->kernels->recurrence.fn(tern_cpu_f32(&d->f, row) + column,
                                     tern_cpu_f32(&d->i, row) + column, count, state,
                                     tern_cpu_f32(&d->out, row) + column);
}

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct job *job = user;
    (void)task;
    uint32_t cols = job->desc->f.shape[1];
    uint32_t column = first * COLUMNS;
    uint32_t past = end * COLUMNS < cols ? end * COLUMNS : cols;
    for (uint32_t row = 0; row < job->run->rows; row++) {
        step(job, row, column, past - column);
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    struct job job = {run, (const tern_recurrence_desc *)desc};
    uint32_t count = (job.desc->f.shape[1] + COLUMNS - 1) / COLUMNS;
    struct tern_cpu_work work = {count, (uint64_t)run->rows * COLUMNS / 2};
    tern_cpu_split(run, work, part, &job);
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    (void)desc;
    return TERN_CPU_PICK(kernels, recurrence);
}

const struct tern_cpu_op tern_cpu_op_recurrence = {
    .desc_size = sizeof(tern_recurrence_desc),
    .rows = offsetof(tern_recurrence_desc, f),
    .run = run,
    .kernel = kernel,
};
