// Which of the ternary kernels a device runs.
#ifndef TERN_BACKENDS_VULKAN_VARIANT_H_
#define TERN_BACKENDS_VULKAN_VARIANT_H_

#include <stdbool.h>

#include "backends/vulkan/loader.h"

typedef struct tern_vk_variant {
    const char *name;
    uint32_t slices;           // invocations that share out one row of weights (bitlinear.comp)
    uint32_t tiles;            // outputs of each invocation there
    uint32_t gemm_rows;        // rows of a workgroup (ternary_gemm.comp),
    uint32_t gemm_tiles;       // outputs of each invocation for each of them,
    uint32_t gemm_groups;      // and the workgroup's y
    uint32_t attention_groups; // fewer heads of all rows than this share out the cache's blocks
    bool int_dot;              // by packed integer dot products, where the device has them
} tern_vk_variant;

// By the option TERN_VULKAN_KERNELS, or by the kind of device.
const tern_vk_variant *tern_vk_variant_pick(const tern_host *host, VkPhysicalDeviceType type);

#endif
