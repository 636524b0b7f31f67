#include "backends/reference/reference.h"

#include <string.h>

tern_status tern_ref_buffer_create(tern_backend_device *device, uint64_t size,
                                   tern_backend_buffer **out_buffer) {
    const tern_host *host = device->host;
    void *buffer = NULL;
    void *data = NULL;
    TERN_TRY(tern_ref_allocate(host, sizeof(tern_backend_buffer), "a buffer", &buffer));
    tern_status status = tern_ref_allocate(host, size, "a buffer", &data);
    if (status != TERN_STATUS_OK) {
        host->release(host, buffer);
        return status;
    }
    *out_buffer = buffer;
    **out_buffer = (tern_backend_buffer){.data = data, .size = size};
    return TERN_STATUS_OK;
}

tern_status tern_ref_buffer_wrap(tern_backend_device *device, void *memory, uint64_t size,
                                 tern_backend_buffer **out_buffer) {
    void *buffer = NULL;
    TERN_TRY(tern_ref_allocate(device->host, sizeof(tern_backend_buffer), "a buffer", &buffer));
    *out_buffer = buffer;
    **out_buffer = (tern_backend_buffer){.data = memory, .size = size, .wrapped = true};
    return TERN_STATUS_OK;
}

void tern_ref_buffer_destroy(tern_backend_device *device, tern_backend_buffer *buffer) {
    if (buffer) {
        if (!buffer->wrapped) {
            device->host->release(device->host, buffer->data);
        }
        device->host->release(device->host, buffer);
    }
}

tern_status tern_ref_buffer_upload(tern_backend_device *device, tern_backend_buffer *buffer,
                                   uint64_t offset, const void *data, uint64_t size) {
    (void)device;
    memcpy(buffer->data + offset, data, (size_t)size);
    return TERN_STATUS_OK;
}

tern_status tern_ref_buffer_download(tern_backend_device *device, tern_backend_buffer *buffer,
                                     uint64_t offset, void *data, uint64_t size) {
    (void)device;
    memcpy(data, buffer->data + offset, (size_t)size);
    return TERN_STATUS_OK;
}

void *tern_ref_buffer_map(tern_backend_device *device, tern_backend_buffer *buffer) {
    (void)device;
    return buffer->data;
}
