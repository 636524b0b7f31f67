#include "backends/cpu/ops/rows.h"

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct tern_cpu_rows *rows = user;
    const tern_rotary_desc *d = rows->desc;
    struct tern_cpu_rotary job = {
        .dims = d->table.shape[1], .head_dim = d->head_dim, .pairs = d->pairs};
    (void)task;
    for (uint32_t r = first; r < end; r++) {
        uint32_t position = tern_cpu_clamp(tern_cpu_i32(&d->positions)[r], d->table.shape[0]);
        job.table = tern_cpu_f32(&d->table, position);
        const float *x = tern_cpu_f32(&d->x, r);
        float *out = tern_cpu_f32(&d->out, r);
        for (uint32_t at = 0; at < d->x.shape[1]; at += d->head_dim) {
            rows->kernels->rotary.fn(&job, x + at, out + at);
        }
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    const tern_rotary_desc *d = (const tern_rotary_desc *)desc;
    tern_cpu_for_rows(run, desc, d->x.shape[1] / 2, part);
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    (void)desc;
    return TERN_CPU_PICK(kernels, rotary);
}

static bool supports(const tern_op_header *desc) {
    return ((const tern_rotary_desc *)desc)->pairs <= TERN_ROTARY_INTERLEAVED;
}

const struct tern_cpu_op tern_cpu_op_rotary = {
    .desc_size = sizeof(tern_rotary_desc),
    .rows = offsetof(tern_rotary_desc, x),
    .supports = supports,
    .run = run,
    .kernel = kernel,
};
