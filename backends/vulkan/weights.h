// Matrices on the device, cut by rows into segments that fit a binding and an allocation.
#ifndef TERN_BACKENDS_VULKAN_WEIGHTS_H_
#define TERN_BACKENDS_VULKAN_WEIGHTS_H_

#include "backends/vulkan/pack.h"
#include "backends/vulkan/memory.h"

// Rows [first, first + count) of a matrix: codes from the block's start, then scales.
typedef struct tern_vk_segment {
    uint32_t first;
    uint32_t count;
    tern_vk_block block;
    uint64_t code_bytes;
    uint64_t scale_offset;
    uint64_t scale_bytes; // 0: no scales per row
} tern_vk_segment;

struct tern_backend_weights {
    tern_weights_info info;
    tern_vk_layout layout;
    uint32_t segment_count;
    tern_vk_segment segments[];
};

tern_status tern_vk_weights_create(tern_backend_device *device,
                                   const tern_backend_weights_desc *desc,
                                   tern_backend_weights **out_weights);
void tern_vk_weights_destroy(tern_backend_device *device, tern_backend_weights *weights);
tern_status tern_vk_weights_export(tern_backend_device *device, tern_backend_weights *weights,
                                   uint32_t first, uint32_t count, void *codes, float *scales);

#endif
