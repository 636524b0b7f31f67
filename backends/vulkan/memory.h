// Device memory: one VkBuffer with an allocation of its own.
#ifndef TERN_BACKENDS_VULKAN_MEMORY_H_
#define TERN_BACKENDS_VULKAN_MEMORY_H_

#include "backends/vulkan/loader.h"

typedef struct tern_vk_block {
    VkBuffer buffer;
    VkDeviceMemory memory;
    uint64_t size;
    unsigned char *map; // NULL: not visible to the host
} tern_vk_block;

typedef enum tern_vk_memory_kind {
    TERN_VK_MEMORY_DEVICE, // the device's own, never mapped
    TERN_VK_MEMORY_SHARED, // the device's own, mapped where that costs nothing
    TERN_VK_MEMORY_STAGING // mapped and coherent
} tern_vk_memory_kind;

// |size| bytes, content undefined. OUT_OF_MEMORY says how much was asked for and is there.
tern_status tern_vk_block_create(tern_backend_device *device, uint64_t size,
                                 tern_vk_memory_kind kind, tern_vk_block *out_block);
// Accepts a block of zeros, and leaves one.
void tern_vk_block_destroy(tern_backend_device *device, tern_vk_block *block);

#endif
