#include "backends/cpu/ops/rows.h"

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct tern_cpu_rows *rows = user;
    const tern_rms_norm_desc *d = rows->desc;
    (void)task;
    uint32_t cols = d->x.shape[1];
    uint32_t each = cols / (d->heads ? d->heads : 1);
    for (uint32_t r = first; r < end; r++) {
        for (uint32_t at = 0; at < cols; at += each) {
            rows->kernels->rms_norm.fn(tern_cpu_f32(&d->x, r) + at, each,
                                       tern_cpu_f32_optional(&d->weight), d->eps,
                                       tern_cpu_f32(&d->out, r) + at);
        }
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    const tern_rms_norm_desc *d = (const tern_rms_norm_desc *)desc;
    tern_cpu_for_rows(run, desc, d->out.shape[1] / 2, part);
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    (void)desc;
    return TERN_CPU_PICK(kernels, rms_norm);
}

const struct tern_cpu_op tern_cpu_op_rms_norm = {
    .desc_size = sizeof(tern_rms_norm_desc),
    .rows = offsetof(tern_rms_norm_desc, out),
    .run = run,
    .kernel = kernel,
};
