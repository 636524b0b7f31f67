#include "backends/cpu/ops/ternary.h"

// Outputs that scale_t2 makes in one call.
enum { LANES = 8 };

uint64_t tern_cpu_ternary_sums_bytes(const tern_backend_weights *weights, uint32_t rows) {
    return tern_cpu_round_up((uint64_t)rows * weights->groups * sizeof(int32_t), 64);
}

uint64_t tern_cpu_ternary_task_bytes(const tern_backend_weights *weights) {
    return tern_cpu_ternary_sums_bytes(weights, TERN_CPU_T2_ROWS * weights->layout.tile_rows);
}

void tern_cpu_ternary_sum_row(const struct tern_cpu_ternary *job, uint32_t row) {
    const tern_backend_weights *weights = job->weights;
    const int8_t *q = job->q + row * job->q_stride;
    int32_t *sums = job->row_sums + (size_t)row * weights->groups;
    uint32_t size = tern_cpu_group_cols(weights);
    for (uint32_t g = 0; g < weights->groups; g++) {
        uint32_t left = weights->info.cols - g * size;
        sums[g] = job->run->kernels->sum_i8.fn(q + (size_t)g * size, left < size ? left : size);
    }
}

// One row's outputs of one tile.
static void finish(const struct tern_cpu_ternary *job, uint32_t tile, uint32_t row,
                   const int32_t *sums) {
    const tern_backend_weights *weights = job->weights;
    const struct tern_cpu_layout *layout = &weights->layout;
    const float *bias = tern_cpu_f32_optional(job->bias);
    const float *residual = job->residual->buffer ? tern_cpu_f32(job->residual, row) : NULL;
    float *out = tern_cpu_f32(job->out, row);
    struct tern_cpu_scale_t2 scale = {.stride = layout->tile_rows,
                                      .groups = weights->groups,
                                      .grouped = weights->info.scale_kind == TERN_SCALE_GROUP,
                                      .row_sums = job->row_sums + (size_t)row * weights->groups,
                                      .act_scale = job->scale[row]};
    for (uint32_t i = 0; i < layout->tile_rows; i += LANES) {
        uint32_t n = tile * layout->tile_rows + i;
        if (n >= layout->rows) {
            break;
        }
        scale.sums = sums + i;
        scale.weight_scale = weights->scales + tern_cpu_scale_index(weights, n, 0);
        scale.bias = bias ? bias + n : NULL;
        scale.residual = residual ? residual + n : NULL;
        scale.count = layout->rows - n < LANES ? layout->rows - n : LANES;
        job->run->kernels->scale_t2.fn(&scale, out + n);
    }
}

static void part(const void *user, uint32_t first, uint32_t end, uint32_t task) {
    const struct tern_cpu_ternary *job = user;
    const tern_backend_weights *weights = job->weights;
    int32_t *sums =
        (int32_t *)(void *)(job->task_room + task * tern_cpu_ternary_task_bytes(weights));
    uint32_t per_row = weights->groups * weights->layout.tile_rows;
    struct tern_cpu_gemv_t2 gemv = {.blocks = weights->layout.padded_cols / TERN_CPU_T2_BLOCK,
                                    .q_stride = job->q_stride};
    gemv.group_blocks = weights->info.scale_kind == TERN_SCALE_GROUP
                            ? weights->info.group_size / TERN_CPU_T2_BLOCK
                            : gemv.blocks;
    for (uint32_t tile = first; tile < end; tile++) {
        gemv.tile = weights->tiles + tile * weights->layout.tile_bytes;
        for (uint32_t row = 0; row < job->run->rows; row += TERN_CPU_T2_ROWS) {
            uint32_t left = job->run->rows - row;
            gemv.rows = left < TERN_CPU_T2_ROWS ? left : TERN_CPU_T2_ROWS;
            gemv.q = job->q + row * job->q_stride;
            job->run->kernels->gemv_t2.fn(&gemv, sums);
            for (uint32_t i = 0; i < gemv.rows; i++) {
                finish(job, tile, row + i, sums + (size_t)i * per_row);
            }
        }
    }
}

void tern_cpu_ternary_run(const struct tern_cpu_ternary *job) {
    // About 16 bytes of a tile in a nanosecond, and 10 ns to finish 8 outputs.
    const struct tern_cpu_layout *layout = &job->weights->layout;
    uint64_t row_ns = layout->tile_bytes / 16 + 10;
    tern_cpu_split(job->run, (struct tern_cpu_work){layout->tiles, row_ns * job->run->rows}, part,
                   job);
}
