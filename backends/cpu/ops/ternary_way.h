// How rows of activations meet ternary weights: by which kernels, and in panels of which shape.
#ifndef TERN_BACKENDS_CPU_OPS_TERNARY_WAY_H_
#define TERN_BACKENDS_CPU_OPS_TERNARY_WAY_H_

#include "backends/cpu/ops/ops.h"
#include "backends/cpu/weights.h"

// A few rows meet each tile as it comes from memory. More of them meet a few tiles that are
// unpacked once for all panels, as long as what is unpacked stays in a cache. Where the processor
// multiplies matrices, more than one or two rows go that way.
enum tern_cpu_way { TERN_CPU_WAY_GEMV, TERN_CPU_WAY_GEMM, TERN_CPU_WAY_MATRIX };

enum tern_cpu_way tern_cpu_way_of(const struct tern_cpu_kernels *kernels,
                                  const tern_backend_weights *weights, uint32_t rows);

// Rows of a panel at most, its columns side by side, and tiles that meet it in one call.
struct tern_cpu_way_shape {
    uint32_t rows, cols, tiles;
};

struct tern_cpu_way_shape tern_cpu_way_shape(const tern_backend_weights *weights,
                                             enum tern_cpu_way way, uint32_t rows);

// Sums of one call at most, whichever way.
uint64_t tern_cpu_way_sums(const struct tern_cpu_kernels *kernels,
                           const tern_backend_weights *weights);

// The kernel of a way that takes packed tiles: all but GEMM.
tern_cpu_gemv_t2_fn *tern_cpu_way_fn(const struct tern_cpu_kernels *kernels,
                                     const tern_backend_weights *weights, enum tern_cpu_way way);

// The kernel that multiplies |rows| rows.
struct tern_cpu_pick tern_cpu_ternary_kernel(const struct tern_cpu_kernels *kernels,
                                             const tern_backend_weights *weights, uint32_t rows);

#endif
