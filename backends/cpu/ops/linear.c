#include <string.h>

#include "backends/cpu/ops/ops.h"
#include "backends/cpu/weights.h"
#include "shaders/common/float.h"

// Activations are rounded and padded first: [R][padded K] floats of scratch.
struct job {
    const struct tern_cpu_run *run;
    const tern_linear_desc *desc;
    const tern_backend_weights *weights;
    tern_cpu_linear_f32_fn *fn;
    float *x;
};

static void prepare_part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct job *job = user;
    uint32_t cols = job->weights->info.cols;
    uint32_t padded = job->weights->layout.padded_cols;
    (void)task;
    for (uint32_t row = first; row < end; row++) {
        const float *from = tern_cpu_f32(&job->desc->x, row);
        float *to = job->x + (size_t)row * padded;
        if (job->weights->info.dtype == TERN_DTYPE_F32) {
            memcpy(to, from, cols * sizeof *to);
        } else {
            job->run->kernels->round_f16.fn(from, cols, to);
        }
        memset(to + cols, 0, (padded - cols) * sizeof *to);
    }
}

static void finish(const struct job *job, uint32_t tile, uint32_t row, const float *sums) {
    const struct tern_cpu_layout *layout = &job->weights->layout;
    uint32_t n = tile * layout->tile_rows;
    uint32_t count = layout->rows - n < layout->tile_rows ? layout->rows - n : layout->tile_rows;
    const float *bias = tern_cpu_f32_optional(&job->desc->bias);
    float *out = tern_cpu_f32(&job->desc->out, row) + n;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = t_flush(bias ? sums[i] + bias[n + i] : sums[i]);
    }
}

// A tile by as many rows of activations as a kernel takes, from |row| on.
static void multiply(const struct job *job, uint32_t tile, uint32_t row) {
    const struct tern_cpu_layout *layout = &job->weights->layout;
    uint32_t left = job->run->rows - row;
    const uint8_t *at = job->weights->tiles + tile * layout->tile_bytes;
    struct tern_cpu_linear rows = {.tile = at + layout->scale_bytes,
                                   .row_bytes = (size_t)layout->row_bytes,
                                   .scales = (const uint16_t *)(const void *)at,
                                   .x = job->x + (size_t)row * layout->padded_cols,
                                   .cols = layout->padded_cols,
                                   .rows =
                                       left < TERN_CPU_LINEAR_ROWS ? left : TERN_CPU_LINEAR_ROWS,
                                   .ahead = at + layout->tile_bytes};
    float sums[TERN_CPU_LINEAR_ROWS * TERN_CPU_MAX_TILE];
    job->fn(&rows, sums);
    for (uint32_t i = 0; i < rows.rows; i++) {
        finish(job, tile, row + i, sums + (size_t)i * layout->tile_rows);
    }
}

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct job *job = user;
    (void)task;
    for (uint32_t tile = first; tile < end; tile++) {
        for (uint32_t row = 0; row < job->run->rows; row += TERN_CPU_LINEAR_ROWS) {
            multiply(job, tile, row);
        }
    }
}

static tern_cpu_linear_f32_fn *kernel_fn(const struct tern_cpu_kernels *kernels, tern_dtype dtype) {
    switch (dtype) {
    case TERN_DTYPE_F16:
        return kernels->linear_f16.fn;
    case TERN_DTYPE_BF16:
        return kernels->linear_bf16.fn;
    case TERN_DTYPE_Q8_0:
        return kernels->linear_q8_0.fn;
    default:
        return kernels->linear_f32.fn;
    }
}

static void run(const struct tern_cpu_run *run, const tern_op_header *desc) {
    const tern_linear_desc *d = (const tern_linear_desc *)desc;
    struct job job = {.run = run,
                      .desc = d,
                      .weights = tern_op_weights(d->weights),
                      .x = (float *)(void *)run->scratch};
    job.fn = kernel_fn(run->kernels, job.weights->info.dtype);
    const struct tern_cpu_layout *layout = &job.weights->layout;
    tern_cpu_split(run, (struct tern_cpu_work){run->rows, layout->padded_cols / 8}, prepare_part,
                   &job);
    uint64_t tile_ns = (uint64_t)layout->padded_cols * layout->tile_rows / 8 + 10;
    tern_cpu_split(run, (struct tern_cpu_work){layout->tiles, tile_ns * run->rows}, part, &job);
}

static uint64_t scratch(const tern_backend_device *device, const tern_op_header *desc) {
    const tern_linear_desc *d = (const tern_linear_desc *)desc;
    (void)device;
    return (uint64_t)d->x.shape[0] * tern_op_weights(d->weights)->layout.padded_cols *
           sizeof(float);
}

static bool supports(const tern_op_header *desc) {
    const tern_backend_weights *weights =
        tern_op_weights(((const tern_linear_desc *)desc)->weights);
    return weights && weights->info.dtype != TERN_DTYPE_T2;
}

static struct tern_cpu_pick kernel(const struct tern_cpu_kernels *kernels,
                                   const tern_op_header *desc) {
    switch (tern_op_weights(((const tern_linear_desc *)desc)->weights)->info.dtype) {
    case TERN_DTYPE_F16:
        return TERN_CPU_PICK(kernels, linear_f16);
    case TERN_DTYPE_BF16:
        return TERN_CPU_PICK(kernels, linear_bf16);
    case TERN_DTYPE_Q8_0:
        return TERN_CPU_PICK(kernels, linear_q8_0);
    default:
        return TERN_CPU_PICK(kernels, linear_f32);
    }
}

const struct tern_cpu_op tern_cpu_op_linear = {
    .desc_size = sizeof(tern_linear_desc),
    .rows = offsetof(tern_linear_desc, x),
    .supports = supports,
    .scratch = scratch,
    .run = run,
    .kernel = kernel,
};
