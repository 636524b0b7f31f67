#include "backends/common/sizes.h"
#include "backends/cpu/ops/rows.h"
#include "backends/cpu/weights.h"

struct job {
    const struct tern_cpu_run *run;
    const tern_embedding_desc *desc;
};

static const tern_backend_weights *weights_of(const tern_embedding_desc *d) {
    return tern_op_weights(d->weights);
}

static uint64_t scratch_per_task(const tern_embedding_desc *d) {
    return tern_round_up(weights_of(d)->layout.canonical_bytes, 64);
}

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct job *job = user;
    const tern_embedding_desc *d = job->desc;
    const tern_backend_weights *weights = weights_of(d);
    uint8_t *scratch = job->run->scratch + task * scratch_per_task(d);
    for (uint32_t r = first; r < end; r++) {
        uint32_t id = tern_cpu_clamp(tern_cpu_i32(&d->ids)[r], weights->info.rows);
        tern_cpu_weights_row(job->run->kernels, weights, id, scratch, tern_cpu_f32(&d->out, r));
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    struct job job = {run, (const tern_embedding_desc *)desc};
    struct tern_cpu_work work = {run->rows, job.desc->out.shape[1]};
    tern_cpu_split(run, work, part, &job);
}

static uint64_t scratch(const tern_backend_device *device, const tern_op_header *desc) {
    return tern_cpu_max_tasks(device->pool) * scratch_per_task((const tern_embedding_desc *)desc);
}

// Rows are unpacked by plain code.
static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    (void)kernels;
    (void)desc;
    return (struct tern_cpu_pick){"embedding", TERN_CPU_scalar};
}

const struct tern_cpu_op tern_cpu_op_embedding = {
    .desc_size = sizeof(tern_embedding_desc),
    .rows = offsetof(tern_embedding_desc, out),
    .scratch = scratch,
    .run = run,
    .kernel = kernel,
};
