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
    uint8_t *room;      // tern_cpu_ternary_bytes()
    const tern_tensor *bias;
    const tern_tensor *residual;
    const tern_tensor *out;
};

// Scratch for up to |rows| rows; a multiple of 64.
uint64_t tern_cpu_ternary_bytes(const struct tern_cpu_pool *pool,
                                const tern_backend_weights *weights, uint32_t rows);

// Sums the activations of row |row| by groups, for tern_cpu_ternary_run.
void tern_cpu_ternary_sum_row(const struct tern_cpu_ternary *job, uint32_t row);

// All outputs of the live rows, whose sums must be there.
void tern_cpu_ternary_run(const struct tern_cpu_ternary *job);

// The kernel that multiplies |rows| rows.
struct tern_cpu_pick tern_cpu_ternary_kernel(const struct tern_cpu_kernels *kernels,
                                             const tern_backend_weights *weights, uint32_t rows);

#endif
