// Device memory: cl_mem objects, counted against what the device has.
#ifndef TERN_OPENCL_BUFFER_H_
#define TERN_OPENCL_BUFFER_H_

#include "backends/opencl/device.h"

typedef struct tern_cl_memory {
    cl_mem mem; // NULL: none
    uint64_t size;
} tern_cl_memory;

struct tern_backend_buffer {
    tern_cl_memory memory;
};

// |size| zeroed bytes for |what|. Filling them makes a driver that allocates lazily fail here, not
// in the middle of a run.
tern_status tern_cl_memory_create(tern_backend_device *device, uint64_t size, const char *what,
                                  tern_cl_memory *out_memory);
// Accepts none.
void tern_cl_memory_destroy(tern_backend_device *device, tern_cl_memory *memory);

tern_status tern_cl_buffer_create(tern_backend_device *device, uint64_t size,
                                  tern_backend_buffer **out_buffer);
void tern_cl_buffer_destroy(tern_backend_device *device, tern_backend_buffer *buffer);
tern_status tern_cl_buffer_upload(tern_backend_device *device, tern_backend_buffer *buffer,
                                  uint64_t offset, const void *data, uint64_t size);
tern_status tern_cl_buffer_download(tern_backend_device *device, tern_backend_buffer *buffer,
                                    uint64_t offset, void *data, uint64_t size);

#endif
