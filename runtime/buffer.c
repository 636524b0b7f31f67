#include "runtime/buffer.h"

#include <inttypes.h>

#include "runtime/allocator.h"
#include "runtime/status.h"

static tern_status fail_null(tern_context *context, const char *call, const char *what) {
    return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "buffer %s: %s is NULL", call, what);
}

static tern_status check_create(tern_device *device, uint64_t size) {
    if (size == 0) {
        return tern__fail(device->context, TERN_STATUS_INVALID_ARGUMENT,
                          "buffer create: size is 0");
    }
    uint64_t limit = device->info.max_buffer_bytes ? device->info.max_buffer_bytes : UINT64_MAX - 3;
    if (size > limit) {
        return tern__fail(device->context, TERN_STATUS_OUT_OF_MEMORY,
                          "buffer create: %" PRIu64 " bytes asked for, the largest buffer of %s:%u "
                          "(%s) is %" PRIu64,
                          size, device->info.backend, (unsigned)device->info.index,
                          device->info.name, limit);
    }
    return TERN_STATUS_OK;
}

static tern_status create_handle(tern_buffer *buffer) {
    tern_device *device = buffer->device;
    tern__mutex_lock(&device->lock);
    tern_status status = tern__device_alive(device);
    if (status == TERN_STATUS_OK) {
        // Whole words, because rows of narrow types own their padding. check_create left room.
        uint64_t words = (buffer->size + 3) / 4;
        status = device->entry->ops.buffer_create(device->handle, words * 4, &buffer->handle);
        tern__device_check(device, status);
    }
    tern__mutex_unlock(&device->lock);
    if (status == TERN_STATUS_OK && !buffer->handle) {
        return tern__fail(device->context, TERN_STATUS_INTERNAL,
                          "backend %s: buffer_create succeeded without a buffer",
                          device->info.backend);
    }
    return status;
}

tern_status tern_buffer_create(tern_device *device, uint64_t size, tern_buffer **out_buffer) {
    if (!device || !out_buffer) {
        return fail_null(device ? device->context : NULL, "create",
                         device ? "out_buffer" : "device");
    }
    *out_buffer = NULL;
    TERN_TRY(check_create(device, size));
    tern_buffer *buffer = tern__calloc(device->context, 1, sizeof *buffer);
    if (!buffer) {
        return tern__fail_memory(device->context, sizeof *buffer, "a buffer's handle");
    }
    buffer->device = device;
    buffer->size = size;
    tern_status status = create_handle(buffer);
    if (status != TERN_STATUS_OK) {
        tern__free(device->context, buffer);
        return status;
    }
    *out_buffer = buffer;
    return TERN_STATUS_OK;
}

void tern_buffer_destroy(tern_buffer *buffer) {
    if (!buffer) {
        return;
    }
    tern_device *device = buffer->device;
    tern__mutex_lock(&device->lock);
    device->entry->ops.buffer_destroy(device->handle, buffer->handle);
    tern__mutex_unlock(&device->lock);
    tern__free(device->context, buffer);
}

uint64_t tern_buffer_size(const tern_buffer *buffer) {
    return buffer ? buffer->size : 0;
}

static tern_status check_copy(const tern_buffer *buffer, const char *call, uint64_t offset,
                              uint64_t size) {
    tern_context *context = buffer->device->context;
    if (offset > buffer->size || size > buffer->size - offset) {
        return tern__fail(context, TERN_STATUS_OUT_OF_RANGE,
                          "buffer %s: %" PRIu64 " bytes at %" PRIu64 ", the buffer has %" PRIu64,
                          call, size, offset, buffer->size);
    }
    if (offset % 4 || (size % 4 && offset + size != buffer->size)) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "buffer %s: %" PRIu64 " bytes at %" PRIu64
                          ", both must be multiples of 4",
                          call, size, offset);
    }
    return TERN_STATUS_OK;
}

tern_status tern_buffer_upload(tern_buffer *buffer, uint64_t offset, const void *data,
                               uint64_t size) {
    if (!buffer || (!data && size)) {
        return fail_null(buffer ? buffer->device->context : NULL, "upload",
                         buffer ? "data" : "buffer");
    }
    TERN_TRY(check_copy(buffer, "upload", offset, size));
    if (size == 0) {
        return TERN_STATUS_OK;
    }
    tern_device *device = buffer->device;
    tern__mutex_lock(&device->lock);
    tern_status status = tern__device_alive(device);
    if (status == TERN_STATUS_OK) {
        status = tern__device_check(
            device,
            device->entry->ops.buffer_upload(device->handle, buffer->handle, offset, data, size));
    }
    tern__mutex_unlock(&device->lock);
    return status;
}

tern_status tern_buffer_download(tern_buffer *buffer, uint64_t offset, void *data, uint64_t size) {
    if (!buffer || (!data && size)) {
        return fail_null(buffer ? buffer->device->context : NULL, "download",
                         buffer ? "data" : "buffer");
    }
    TERN_TRY(check_copy(buffer, "download", offset, size));
    if (size == 0) {
        return TERN_STATUS_OK;
    }
    tern_device *device = buffer->device;
    tern__mutex_lock(&device->lock);
    tern_status status = tern__device_alive(device);
    if (status == TERN_STATUS_OK) {
        status = tern__device_check(
            device,
            device->entry->ops.buffer_download(device->handle, buffer->handle, offset, data, size));
    }
    tern__mutex_unlock(&device->lock);
    return status;
}
