#include "backends/cpu/kernels/kernels.h"

void tern_cpu_kernels_init(struct tern_cpu_kernels *kernels, tern_cpu_levels levels) {
    (void)levels; // with nothing but scalar kernels
#define TERN_CPU_SCALAR(slot, tile)                                                                \
    kernels->slot.fn = tern_cpu_##slot##__scalar;                                                  \
    kernels->slot.tile_rows = tile;                                                                \
    kernels->slot.level = TERN_CPU_scalar;
#define TERN_CPU_NO_SCALAR(slot)                                                                   \
    kernels->slot.fn = NULL;                                                                       \
    kernels->slot.tile_rows = 0;                                                                   \
    kernels->slot.level = TERN_CPU_scalar;
#include "backends/cpu/kernels/kernels.inc"

#define TERN_CPU_SIMD(slot, isa, tile)                                                             \
    if (tern_cpu_levels_have(levels, TERN_CPU_##isa)) {                                            \
        kernels->slot.fn = tern_cpu_##slot##__##isa;                                               \
        kernels->slot.tile_rows = tile;                                                            \
        kernels->slot.level = TERN_CPU_##isa;                                                      \
    }
#include "backends/cpu/kernels/kernels.inc"
}
