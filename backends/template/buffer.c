#include "backends/template/template.h"

#include <inttypes.h>
#include <string.h>

#include "backends/common/report.h"

// Zeroed, whatever the driver gives. What is asked for belongs in the message when it fails.
tern_status tern_tpl_buffer_create(tern_backend_device *device, uint64_t size,
                                   tern_backend_buffer **out_buffer) {
    const tern_host *host = device->host;
    tern_backend_buffer *buffer = tern_report_calloc(host, 1, sizeof *buffer);
    unsigned char *bytes =
        buffer && size <= SIZE_MAX ? tern_report_calloc(host, (size_t)size, 1) : NULL;
    if (!bytes) {
        host->release(host, buffer);
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                                "template: out of memory: a buffer of %" PRIu64 " bytes", size);
    }
    buffer->size = size;
    buffer->bytes = bytes;
    *out_buffer = buffer;
    return TERN_STATUS_OK;
}

void tern_tpl_buffer_destroy(tern_backend_device *device, tern_backend_buffer *buffer) {
    device->host->release(device->host, buffer->bytes);
    device->host->release(device->host, buffer);
}

// Both copies take their turn after the submits before them; the host has checked the range.
tern_status tern_tpl_buffer_upload(tern_backend_device *device, tern_backend_buffer *buffer,
                                   uint64_t offset, const void *data, uint64_t size) {
    (void)device;
    memcpy(buffer->bytes + offset, data, (size_t)size);
    return TERN_STATUS_OK;
}

tern_status tern_tpl_buffer_download(tern_backend_device *device, tern_backend_buffer *buffer,
                                     uint64_t offset, void *data, uint64_t size) {
    (void)device;
    memcpy(data, buffer->bytes + offset, (size_t)size);
    return TERN_STATUS_OK;
}

// Only where the host can really read and write the memory: it saves the copies of the fallback.
void *tern_tpl_buffer_map(tern_backend_device *device, tern_backend_buffer *buffer) {
    (void)device;
    return buffer->bytes;
}
