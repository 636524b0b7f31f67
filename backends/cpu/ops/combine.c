#include "backends/cpu/ops/rows.h"

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct tern_cpu_rows *rows = user;
    const tern_combine_desc *d = rows->desc;
    (void)task;
    for (uint32_t r = first; r < end; r++) {
        struct tern_cpu_combine job = {
            .x = tern_cpu_f32(&d->x, r),
            .weights = tern_cpu_f32(&d->weights, r),
            .slots = d->weights.shape[1],
            .residual = d->residual.buffer ? tern_cpu_f32(&d->residual, r) : NULL};
        rows->kernels->combine.fn(&job, d->out.shape[1], tern_cpu_f32(&d->out, r));
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    const tern_combine_desc *d = (const tern_combine_desc *)desc;
    tern_cpu_for_rows(run, desc, d->x.shape[1] / 4, part);
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    (void)desc;
    return TERN_CPU_PICK(kernels, combine);
}

const struct tern_cpu_op tern_cpu_op_combine = {
    .desc_size = sizeof(tern_combine_desc),
    .rows = offsetof(tern_combine_desc, out),
    .run = run,
    .kernel = kernel,
};
