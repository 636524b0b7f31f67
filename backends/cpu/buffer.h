// Buffers: the host's memory.
#ifndef TERN_BACKENDS_CPU_BUFFER_H_
#define TERN_BACKENDS_CPU_BUFFER_H_

#include "backends/cpu/device.h"

struct tern_backend_buffer {
    uint8_t *data; // 64-aligned
};

tern_status tern_cpu_buffer_create(tern_backend_device *device, uint64_t size,
                                   tern_backend_buffer **out_buffer);
void tern_cpu_buffer_destroy(tern_backend_device *device, tern_backend_buffer *buffer);
tern_status tern_cpu_buffer_upload(tern_backend_device *device, tern_backend_buffer *buffer,
                                   uint64_t offset, const void *data, uint64_t size);
tern_status tern_cpu_buffer_download(tern_backend_device *device, tern_backend_buffer *buffer,
                                     uint64_t offset, void *data, uint64_t size);
void *tern_cpu_buffer_map(tern_backend_device *device, tern_backend_buffer *buffer);

#endif
