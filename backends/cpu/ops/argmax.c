#include "backends/cpu/ops/rows.h"

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct tern_cpu_rows *rows = user;
    const tern_argmax_desc *d = rows->desc;
    (void)task;
    for (uint32_t r = first; r < end; r++) {
        uint32_t best = rows->kernels->argmax.fn(tern_cpu_f32(&d->x, r), d->x.shape[1]);
        tern_cpu_i32(&d->out)[r] = (int32_t)best;
        if (d->positions.buffer) {
            uint32_t *position = (uint32_t *)tern_cpu_i32(&d->positions) + r;
            *position += 1; // wraps, where int32 may not
        }
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    const tern_argmax_desc *d = (const tern_argmax_desc *)desc;
    tern_cpu_for_rows(run, desc, d->x.shape[1] / 2, part);
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    (void)desc;
    return TERN_CPU_PICK(kernels, argmax);
}

const struct tern_cpu_op tern_cpu_op_argmax = {
    .desc_size = sizeof(tern_argmax_desc),
    .rows = offsetof(tern_argmax_desc, x),
    .run = run,
    .kernel = kernel,
};
