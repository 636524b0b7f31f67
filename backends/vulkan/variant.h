// Which of the ternary kernels a device runs. All of them give the same bits.
#ifndef TERN_BACKENDS_VULKAN_VARIANT_H_
#define TERN_BACKENDS_VULKAN_VARIANT_H_

#include <stdbool.h>

#include "backends/vulkan/loader.h"

// How bitlinear.comp makes one row.
typedef struct tern_vk_row_kernel {
    uint32_t slices; // invocations that share out one row of weights
    uint32_t tiles;  // outputs of each invocation
    bool int_dot;    // by packed integer dot products, where the device has them
} tern_vk_row_kernel;

// How ternary_gemm.comp makes several.
typedef struct tern_vk_gemm_kernel {
    uint32_t rows;   // of a workgroup,
    uint32_t tiles;  // outputs of each invocation for each of them,
    uint32_t slices; // and invocations that share out the words of a row
    bool int_dot;    // as above
} tern_vk_gemm_kernel;

typedef struct tern_vk_variant {
    const char *name;
    tern_vk_row_kernel row;
    tern_vk_gemm_kernel gemm;
    uint32_t attention_groups; // fewer heads of all rows than this share out the cache's blocks
    bool measured;             // row and gemm are only what is taken where nothing can be measured
} tern_vk_variant;

// By the option TERN_VULKAN_KERNELS, or by the kind of device.
const tern_vk_variant *tern_vk_variant_pick(const tern_host *host, VkPhysicalDeviceType type);

// What a device that measures chooses from, for each shape.
enum { TERN_VK_ROW_KERNELS = 7, TERN_VK_GEMM_KERNELS = 8 };
extern const tern_vk_row_kernel tern_vk_row_kernels[TERN_VK_ROW_KERNELS];
extern const tern_vk_gemm_kernel tern_vk_gemm_kernels[TERN_VK_GEMM_KERNELS];

#endif
