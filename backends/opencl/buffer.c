#include "backends/opencl/buffer.h"

#include "backends/common/report.h"

static tern_status no_memory(tern_backend_device *device, const char *what, uint64_t size) {
    uint64_t left =
        device->memory_bytes > device->allocated ? device->memory_bytes - device->allocated : 0;
    return tern_report_fail(device->host, TERN_STATUS_OUT_OF_MEMORY,
                            "opencl device '%s': %s needs %llu bytes; %llu of %llu are left, "
                            "at most %llu in one piece",
                            device->candidate->info.name, what, (unsigned long long)size,
                            (unsigned long long)left, (unsigned long long)device->memory_bytes,
                            (unsigned long long)device->max_buffer_bytes);
}

// Codes that mean that memory has run out when they come from an allocation.
static bool means_no_memory(cl_int code) {
    return code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES ||
           code == CL_OUT_OF_HOST_MEMORY || code == CL_INVALID_BUFFER_SIZE;
}

tern_status tern_cl_memory_create(tern_backend_device *device, uint64_t size, const char *what,
                                  tern_cl_memory *out_memory) {
    uint64_t bytes = (size + 63) & ~(uint64_t)63;
    if (bytes < size || bytes > SIZE_MAX || bytes > device->max_buffer_bytes ||
        bytes > device->memory_bytes - device->allocated) {
        return no_memory(device, what, size);
    }
    cl_int code = CL_SUCCESS;
    const uint32_t zero = 0;
    cl_mem mem =
        device->cl->clCreateBuffer(device->context, CL_MEM_READ_WRITE, (size_t)bytes, NULL, &code);
    if (code == CL_SUCCESS) {
        code = device->cl->clEnqueueFillBuffer(device->queue, mem, &zero, sizeof zero, 0,
                                               (size_t)bytes, 0, NULL, NULL);
    }
    if (code == CL_SUCCESS) {
        code = device->cl->clFinish(device->queue);
    }
    if (code != CL_SUCCESS) {
        if (mem) {
            device->cl->clReleaseMemObject(mem);
        }
        return means_no_memory(code) ? no_memory(device, what, size)
                                     : tern_cl_check(device, code, what);
    }
    device->allocated += bytes;
    out_memory->mem = mem;
    out_memory->size = bytes;
    return TERN_STATUS_OK;
}

void tern_cl_memory_destroy(tern_backend_device *device, tern_cl_memory *memory) {
    if (memory->mem) {
        device->cl->clReleaseMemObject(memory->mem);
        device->allocated -= memory->size;
        memory->mem = NULL;
    }
}

tern_status tern_cl_buffer_create(tern_backend_device *device, uint64_t size,
                                  tern_backend_buffer **out_buffer) {
    tern_backend_buffer *buffer = tern_report_calloc(device->host, 1, sizeof *buffer);
    if (!buffer) {
        return tern_report_fail(device->host, TERN_STATUS_OUT_OF_MEMORY,
                                "opencl: no host memory for a buffer: %zu bytes", sizeof *buffer);
    }
    tern_status status = tern_cl_memory_create(device, size, "a buffer", &buffer->memory);
    if (status != TERN_STATUS_OK) {
        device->host->release(device->host, buffer);
        return status;
    }
    *out_buffer = buffer;
    return TERN_STATUS_OK;
}

void tern_cl_buffer_destroy(tern_backend_device *device, tern_backend_buffer *buffer) {
    tern_cl_memory_destroy(device, &buffer->memory);
    device->host->release(device->host, buffer);
}

tern_status tern_cl_buffer_upload(tern_backend_device *device, tern_backend_buffer *buffer,
                                  uint64_t offset, const void *data, uint64_t size) {
    if (size == 0) {
        return TERN_STATUS_OK;
    }
    uint64_t start = tern_clock_ns();
    cl_int code =
        device->cl->clEnqueueWriteBuffer(device->queue, buffer->memory.mem, CL_TRUE, (size_t)offset,
                                         (size_t)size, data, 0, NULL, NULL);
    tern_meter_driver(&device->meter, start);
    return tern_cl_check(device, code, "clEnqueueWriteBuffer");
}

tern_status tern_cl_buffer_download(tern_backend_device *device, tern_backend_buffer *buffer,
                                    uint64_t offset, void *data, uint64_t size) {
    if (size == 0) {
        return TERN_STATUS_OK;
    }
    uint64_t start = tern_clock_ns();
    cl_int code =
        device->cl->clEnqueueReadBuffer(device->queue, buffer->memory.mem, CL_TRUE, (size_t)offset,
                                        (size_t)size, data, 0, NULL, NULL);
    tern_meter_driver(&device->meter, start);
    return tern_cl_check(device, code, "clEnqueueReadBuffer");
}
