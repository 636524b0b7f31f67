// The part that ternary_matmul and bitlinear share: int8 rows times a t2 matrix.
#ifndef TERN_BACKENDS_CPU_OPS_TERNARY_H_
#define TERN_BACKENDS_CPU_OPS_TERNARY_H_

#include "backends/cpu/ops/ops.h"
#include "backends/cpu/weights.h"

// Products that meet the same rows of weights: all of an op, or those of one expert.
struct tern_cpu_batch {
    uint32_t first; // of the products, in |order|
    uint32_t count;
    uint32_t begin; // of the weights' rows
    uint32_t outputs;
};

struct tern_cpu_ternary {
    const struct tern_cpu_run *run;
    const tern_backend_weights *weights;
    const int8_t *q; // readable to the end of the last block of columns
    size_t q_stride;
    const float *scale; // of each row of q
    uint8_t *room;      // tern_cpu_ternary_bytes()
    const tern_tensor *bias;
    const tern_tensor *residual;
    const tern_tensor *out;

    // Only where a row of out is |slots| > 1 products side by side.
    uint32_t slots;
    uint32_t shared;       // products that one row of q is for
    const uint32_t *order; // of the products, by batches
    const struct tern_cpu_batch *batches;
    uint32_t batch_count;
};

// Scratch for up to |rows| products; a multiple of 64.
uint64_t tern_cpu_ternary_bytes(const tern_backend_device *device,
                                const tern_backend_weights *weights, uint32_t rows);

// Sums the activations of row |row| of q by groups, for tern_cpu_ternary_run.
void tern_cpu_ternary_sum_row(const struct tern_cpu_ternary *job, uint32_t row);

// All outputs of the live rows, whose sums must be there; of the batches, if there are any.
void tern_cpu_ternary_run(const struct tern_cpu_ternary *job);

#endif
