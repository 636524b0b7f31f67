#include <string.h>

#include "backends/common/sizes.h"
#include "backends/cpu/ops/rows.h"

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct tern_cpu_rows *rows = user;
    const tern_quantize_act_desc *d = rows->desc;
    uint32_t k = d->x.shape[1];
    (void)task;
    for (uint32_t r = first; r < end; r++) {
        int8_t *q = (int8_t *)tern_cpu_tensor_data(&d->q) + (size_t)r * d->q.strides[0];
        float scale = rows->kernels->quantize_act.fn(tern_cpu_f32(&d->x, r), k, q);
        memset(q + k, 0, tern_round_up(k, 4) - k);
        tern_cpu_f32(&d->scale, 0)[r] = scale;
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    const tern_quantize_act_desc *d = (const tern_quantize_act_desc *)desc;
    tern_cpu_for_rows(run, desc, d->x.shape[1] / 4, part);
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    (void)desc;
    return TERN_CPU_PICK(kernels, quantize_act);
}

const struct tern_cpu_op tern_cpu_op_quantize_act = {
    .desc_size = sizeof(tern_quantize_act_desc),
    .rows = offsetof(tern_quantize_act_desc, x),
    .run = run,
    .kernel = kernel,
};
