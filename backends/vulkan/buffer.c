#include "backends/vulkan/buffer.h"

#include <string.h>

#include "backends/common/report.h"
#include "backends/vulkan/device.h"

tern_status tern_vk_buffer_create(tern_backend_device *device, uint64_t size,
                                  tern_backend_buffer **out_buffer) {
    tern_backend_buffer *buffer = tern_report_calloc(device->host, 1, sizeof *buffer);
    if (!buffer) {
        return tern_report_no_memory(device->host, sizeof *buffer, "a buffer");
    }
    tern_status status = tern_vk_block_create(device, size, TERN_VK_MEMORY_SHARED, &buffer->block);
    if (status == TERN_STATUS_OK && buffer->block.map) {
        memset(buffer->block.map, 0, (size_t)((size + 3) & ~(uint64_t)3));
    } else if (status == TERN_STATUS_OK) {
        status = tern_vk_fill_zero(device, &buffer->block);
    }
    if (status != TERN_STATUS_OK) {
        tern_vk_buffer_destroy(device, buffer);
        return status;
    }
    *out_buffer = buffer;
    return TERN_STATUS_OK;
}

void tern_vk_buffer_destroy(tern_backend_device *device, tern_backend_buffer *buffer) {
    if (!buffer) {
        return;
    }
    tern_vk_drain(device); // copies and fills may still be under way
    tern_vk_block_destroy(device, &buffer->block);
    device->host->release(device->host, buffer);
}

tern_status tern_vk_buffer_upload(tern_backend_device *device, tern_backend_buffer *buffer,
                                  uint64_t offset, const void *data, uint64_t size) {
    if (!buffer->block.map) {
        return tern_vk_upload(device, &buffer->block, offset, data, size);
    }
    TERN_TRY(tern_vk_wait_idle(device));
    memcpy(buffer->block.map + offset, data, (size_t)size);
    return TERN_STATUS_OK;
}

tern_status tern_vk_buffer_download(tern_backend_device *device, tern_backend_buffer *buffer,
                                    uint64_t offset, void *data, uint64_t size) {
    if (!buffer->block.map) {
        return tern_vk_download(device, &buffer->block, offset, data, size);
    }
    TERN_TRY(tern_vk_wait_idle(device));
    memcpy(data, buffer->block.map + offset, (size_t)size);
    return TERN_STATUS_OK;
}

void *tern_vk_buffer_map(tern_backend_device *device, tern_backend_buffer *buffer) {
    (void)device;
    return buffer->block.map;
}
