#include "backends/cpu/ops/ternary.h"
#include "backends/cpu/ops/ternary_way.h"

static void sum_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    (void)task;
    for (uint32_t row = first; row < end; row++) {
        tern_cpu_ternary_sum_row(user, row);
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    static const tern_tensor absent;
    const tern_ternary_matmul_desc *d = (const tern_ternary_matmul_desc *)desc;
    const tern_backend_weights *weights = tern_op_weights(d->weights);
    struct tern_cpu_ternary job = {.run = run,
                                   .weights = weights,
                                   .q = (const int8_t *)tern_cpu_tensor_data(&d->q),
                                   .q_stride = d->q.strides[0],
                                   .scale = tern_cpu_f32(&d->scale, 0),
                                   .room = run->scratch,
                                   .bias = &d->bias,
                                   .residual = &absent,
                                   .out = &d->out};
    tern_cpu_split(run, (struct tern_cpu_work){run->rows, weights->info.cols / 16}, sum_part, &job);
    tern_cpu_ternary_run(&job);
}

static uint64_t scratch(const tern_backend_device *device, const tern_op_header *desc) {
    const tern_ternary_matmul_desc *d = (const tern_ternary_matmul_desc *)desc;
    return tern_cpu_ternary_bytes(device, tern_op_weights(d->weights), d->q.shape[0]);
}

static bool supports(const tern_op_header *desc) {
    const tern_backend_weights *weights =
        tern_op_weights(((const tern_ternary_matmul_desc *)desc)->weights);
    return weights && weights->info.dtype == TERN_DTYPE_T2;
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    const tern_ternary_matmul_desc *d = (const tern_ternary_matmul_desc *)desc;
    return tern_cpu_ternary_kernel(kernels, tern_op_weights(d->weights), d->q.shape[0]);
}

const struct tern_cpu_op tern_cpu_op_ternary_matmul = {
    .desc_size = sizeof(tern_ternary_matmul_desc),
    .rows = offsetof(tern_ternary_matmul_desc, q),
    .supports = supports,
    .scratch = scratch,
    .run = run,
    .kernel = kernel,
};
