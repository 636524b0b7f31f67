#include "backends/vulkan/variant.h"

#include <string.h>

// A GPU hides the latency of memory behind many invocations: four share a row of weights, and the
// sums meet in shared memory. No GPU was at hand to measure one: it measures itself.
#define GPU                                                                                        \
    .row = {.slices = 4, .tiles = 1, .int_dot = true},                                             \
    .gemm = {.rows = 8, .tiles = 2, .slices = 4, .int_dot = true}, .attention_groups = 512

// Figures: one row, 4096 x 14336, median of 30 runs, 2 cores of a Xeon at 2.5 GHz that others use
// too, 2026-11-21. Before, one invocation an output with its activations in a storage buffer:
// 36.8 ms on lavapipe (Mesa 22.3.6), 148 ms on SwiftShader; eight rows 326 ms on lavapipe.
static const tern_vk_variant table[] = {
    {.name = "measured", GPU, .measured = true},
    // A driver that runs on the processor has no lanes to spare. One invocation makes four outputs
    // from what it reads of the activations, and multiplies in pairs: 5.4 to 8.4 ms on lavapipe (8
    // outputs no better), 62 ms on SwiftShader. Eight rows: 34 ms on lavapipe, and 41 to 62 a day
    // later, in turn with 51 to 71 of the kernel before. It does not measure: to compile a kernel
    // takes it longer than a token.
    {.name = "processor",
     .row = {.slices = 1, .tiles = 4, .int_dot = false},
     .gemm = {.rows = 4, .tiles = 4, .slices = 1, .int_dot = false}},
    {.name = "gpu", GPU},
};

const tern_vk_row_kernel tern_vk_row_kernels[TERN_VK_ROW_KERNELS] = {
    {4, 1, true}, {1, 1, true},  {8, 1, true},  {16, 1, true},
    {4, 2, true}, {4, 1, false}, {1, 4, false},
};

// Slices for few rows, tiles for many.
const tern_vk_gemm_kernel tern_vk_gemm_kernels[TERN_VK_GEMM_KERNELS] = {
    {8, 2, 4, true}, {8, 1, 16, true}, {4, 1, 8, true},  {8, 4, 1, true},
    {8, 4, 4, true}, {16, 2, 2, true}, {8, 2, 4, false}, {4, 4, 1, false},
};

const tern_vk_variant *tern_vk_variant_pick(const tern_host *host, VkPhysicalDeviceType type) {
    const char *wanted = host->option(host, "TERN_VULKAN_KERNELS");
    for (size_t i = 0; wanted && i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(wanted, table[i].name) == 0) {
            return &table[i];
        }
    }
    return &table[type == VK_PHYSICAL_DEVICE_TYPE_CPU];
}
