// The part that ternary_matmul and bitlinear share: int8 rows times a t2 matrix.
#ifndef TERN_BACKENDS_CPU_OPS_TERNARY_H_
#define TERN_BACKENDS_CPU_OPS_TERNARY_H_

#include "backends/cpu/ops/ops.h"
#include "backends/cpu/weights.h"

struct tern_cpu_ternary {
    const struct tern_cpu_run *run;
    const tern_backend_weights *weights;
    const int8_t *q; // readable to the end of the last block of columns
    size_t q_stride;
    const float *scale; // of each row
    int32_t *row_sums;  // [R][groups]
    uint8_t *task_room; // tern_cpu_ternary_task_bytes() for each task
    const tern_tensor *bias;
    const tern_tensor *residual;
    const tern_tensor *out;
};

// Columns that share a scale.
static inline uint32_t tern_cpu_group_cols(const tern_backend_weights *weights) {
    return weights->info.scale_kind == TERN_SCALE_GROUP ? weights->info.group_size
                                                        : weights->info.cols;
}

// Scratch for the sums of |rows| rows, and for each task; multiples of 64.
uint64_t tern_cpu_ternary_sums_bytes(const tern_backend_weights *weights, uint32_t rows);
uint64_t tern_cpu_ternary_task_bytes(const tern_backend_weights *weights);

// Sums the activations of row |row| by groups, into row_sums.
void tern_cpu_ternary_sum_row(const struct tern_cpu_ternary *job, uint32_t row);

// All outputs of the live rows; row_sums must be there.
void tern_cpu_ternary_run(const struct tern_cpu_ternary *job);

#endif
