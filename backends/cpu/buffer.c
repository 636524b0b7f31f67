#include "backends/cpu/buffer.h"

#include <string.h>

#include "backends/common/report.h"

// The struct comes first, then the data. Kernels read ternary activations in blocks of up to
// 80, so they may look past the end of a row, and of a buffer.
enum { HEADER = 64, SLACK = 128 };

tern_status tern_cpu_buffer_create(tern_backend_device *device, uint64_t size,
                                   tern_backend_buffer **out_buffer) {
    const tern_host *host = device->host;
    uint8_t *memory = NULL;
    if (size <= SIZE_MAX / 2) {
        memory = tern_report_calloc(host, 1, HEADER + (size_t)size + SLACK);
    }
    if (!memory) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                                "cpu: out of memory: %llu bytes for a buffer",
                                (unsigned long long)size);
    }
    tern_backend_buffer *buffer = (tern_backend_buffer *)memory;
    buffer->data = memory + HEADER;
    *out_buffer = buffer;
    return TERN_STATUS_OK;
}

void tern_cpu_buffer_destroy(tern_backend_device *device, tern_backend_buffer *buffer) {
    device->host->release(device->host, buffer);
}

tern_status tern_cpu_buffer_upload(tern_backend_device *device, tern_backend_buffer *buffer,
                                   uint64_t offset, const void *data, uint64_t size) {
    (void)device;
    memcpy(buffer->data + offset, data, (size_t)size);
    return TERN_STATUS_OK;
}

tern_status tern_cpu_buffer_download(tern_backend_device *device, tern_backend_buffer *buffer,
                                     uint64_t offset, void *data, uint64_t size) {
    (void)device;
    memcpy(data, buffer->data + offset, (size_t)size);
    return TERN_STATUS_OK;
}

void *tern_cpu_buffer_map(tern_backend_device *device, tern_backend_buffer *buffer) {
    (void)device;
    return buffer->data;
}
