#include <float.h>

#include "backends/cpu/ops/rows.h"

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct tern_cpu_rows *rows = user;
    const tern_gated_desc *d = rows->desc;
    (void)task;
    for (uint32_t r = first; r < end; r++) {
        rows->kernels->gated.fn(tern_cpu_f32(&d->gate, r), tern_cpu_f32(&d->up, r), d->activation,
                                d->limit != 0.0f ? d->limit : FLT_MAX, d->out.shape[1],
                                tern_cpu_f32(&d->out, r));
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    const tern_gated_desc *d = (const tern_gated_desc *)desc;
    tern_cpu_for_rows(run, desc, d->out.shape[1], part);
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    (void)desc;
    return TERN_CPU_PICK(kernels, gated);
}

static bool supports(const tern_op_header *desc) {
    return ((const tern_gated_desc *)desc)->activation < TERN_ACTIVATION_COUNT_;
}

const struct tern_cpu_op tern_cpu_op_gated = {
    .desc_size = sizeof(tern_gated_desc),
    .rows = offsetof(tern_gated_desc, out),
    .supports = supports,
    .run = run,
    .kernel = kernel,
};
