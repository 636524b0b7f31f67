#include "backends/cpu/ops/rows.h"

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct tern_cpu_rows *rows = user;
    const tern_layer_norm_desc *d = rows->desc;
    (void)task;
    for (uint32_t r = first; r < end; r++) {
        rows->kernels->layer_norm.fn(
            tern_cpu_f32(&d->x, r), d->x.shape[1], tern_cpu_f32_optional(&d->weight),
            tern_cpu_f32_optional(&d->bias), d->eps, tern_cpu_f32(&d->out, r));
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    const tern_layer_norm_desc *d = (const tern_layer_norm_desc *)desc;
    tern_cpu_for_rows(run, desc, d->out.shape[1], part);
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    (void)desc;
    return TERN_CPU_PICK(kernels, layer_norm);
}

const struct tern_cpu_op tern_cpu_op_layer_norm = {
    .desc_size = sizeof(tern_layer_norm_desc),
    .rows = offsetof(tern_layer_norm_desc, out),
    .run = run,
    .kernel = kernel,
};
