// Constant matrices, packed once for the kernels in use; the same form serves lookups and export.
#ifndef TERN_BACKENDS_CPU_WEIGHTS_H_
#define TERN_BACKENDS_CPU_WEIGHTS_H_

#include "backends/cpu/device.h"
#include "backends/cpu/pack.h"

struct tern_backend_weights {
    tern_weights_info info;
    struct tern_cpu_layout layout;
    uint32_t groups; // of columns that share a scale; 1 unless TERN_SCALE_GROUP, 0 for dense
    uint8_t *tiles;  // 64-aligned
    float *scales;   // [tiles][groups][tile_rows]; NULL for dense; a scale per tensor: see below
};

// Outputs that one call of scale_t2 makes at most. A scale per tensor stands there so many times,
// whatever the matrix: one for each row were a miss of the cache for each tile. 2560 x 6912 by two
// bits, the loops alone: 123 us, 127 to 131 with a scale a row (two threads, Xeon, November 2026).
enum { TERN_CPU_SCALED_ROWS = TERN_CPU_GEMV_ROWS * TERN_CPU_MAX_TILE };

tern_status tern_cpu_weights_create(tern_backend_device *device,
                                    const tern_backend_weights_desc *desc,
                                    tern_backend_weights **out_weights);
void tern_cpu_weights_destroy(tern_backend_device *device, tern_backend_weights *weights);
tern_status tern_cpu_weights_export(tern_backend_device *device, tern_backend_weights *weights,
                                    uint32_t first, uint32_t count, void *codes, float *scales);

// Row |row| as float32, as tern_embedding_desc says. |scratch| holds layout.canonical_bytes.
void tern_cpu_weights_row(const struct tern_cpu_kernels *kernels,
                          const tern_backend_weights *weights, uint32_t row, uint8_t *scratch,
                          float *out);

// Where the scale of row |row| and group |group| is.
static inline size_t tern_cpu_scale_index(const tern_backend_weights *weights, uint32_t row,
                                          uint32_t group) {
    uint32_t tile_rows = weights->layout.tile_rows;
    if (weights->info.scale_kind == TERN_SCALE_TENSOR) {
        return row % tile_rows;
    }
    return ((size_t)(row / tile_rows) * weights->groups + group) * tile_rows + row % tile_rows;
}

#endif
