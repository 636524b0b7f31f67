// Buffers of the device.
#ifndef TERN_BACKENDS_VULKAN_BUFFER_H_
#define TERN_BACKENDS_VULKAN_BUFFER_H_

#include "backends/vulkan/memory.h"

struct tern_backend_buffer {
    tern_vk_block block;
};

tern_status tern_vk_buffer_create(tern_backend_device *device, uint64_t size,
                                  tern_backend_buffer **out_buffer);
void tern_vk_buffer_destroy(tern_backend_device *device, tern_backend_buffer *buffer);
tern_status tern_vk_buffer_upload(tern_backend_device *device, tern_backend_buffer *buffer,
                                  uint64_t offset, const void *data, uint64_t size);
tern_status tern_vk_buffer_download(tern_backend_device *device, tern_backend_buffer *buffer,
                                    uint64_t offset, void *data, uint64_t size);
void *tern_vk_buffer_map(tern_backend_device *device, tern_backend_buffer *buffer);

#endif
