// The objects of the reference backend. It defines what every op computes, so nothing here is
// clever: host memory, no threads, an op at a time.
#ifndef TERN_BACKENDS_REFERENCE_REFERENCE_H_
#define TERN_BACKENDS_REFERENCE_REFERENCE_H_

#include <stdbool.h>

#include <tern/backend.h>

#include "backends/common/report.h"

struct tern_backend_instance {
    const tern_host *host;
};

struct tern_backend_device {
    const tern_host *host;
    uint64_t ticket; // of the last submit, which has finished
    bool timed;      // TERN_PROFILE
};

struct tern_backend_buffer {
    uint8_t *data;
    uint64_t size;
    bool wrapped; // the host's memory
};

// Canonical rows and their scales, as delivered.
struct tern_backend_weights {
    tern_weights_info info;
    uint64_t row_bytes;
    uint32_t row_scales; // 0, 1, or the number of groups
    uint8_t *codes;
    float *scales;
};

// Zeroed memory; a failure names |what|.
tern_status tern_ref_allocate(const tern_host *host, uint64_t bytes, const char *what, void **out);

tern_status tern_ref_instance_create(const tern_host *host, tern_backend_instance **out_instance);
void tern_ref_instance_destroy(tern_backend_instance *instance);
uint32_t tern_ref_device_count(tern_backend_instance *instance);
tern_status tern_ref_device_describe(tern_backend_instance *instance, uint32_t index,
                                     tern_device_info *out_info);
tern_status tern_ref_device_open(tern_backend_instance *instance, uint32_t index,
                                 const tern_native *native, tern_backend_device **out_device);
void tern_ref_device_close(tern_backend_device *device);

tern_status tern_ref_buffer_create(tern_backend_device *device, uint64_t size,
                                   tern_backend_buffer **out_buffer);
void tern_ref_buffer_destroy(tern_backend_device *device, tern_backend_buffer *buffer);
tern_status tern_ref_buffer_upload(tern_backend_device *device, tern_backend_buffer *buffer,
                                   uint64_t offset, const void *data, uint64_t size);
tern_status tern_ref_buffer_download(tern_backend_device *device, tern_backend_buffer *buffer,
                                     uint64_t offset, void *data, uint64_t size);
tern_status tern_ref_buffer_wrap(tern_backend_device *device, void *memory, uint64_t size,
                                 tern_backend_buffer **out_buffer);
void *tern_ref_buffer_map(tern_backend_device *device, tern_backend_buffer *buffer);

tern_status tern_ref_weights_create(tern_backend_device *device,
                                    const tern_backend_weights_desc *desc,
                                    tern_backend_weights **out_weights);
void tern_ref_weights_destroy(tern_backend_device *device, tern_backend_weights *weights);
tern_status tern_ref_weights_export(tern_backend_device *device, tern_backend_weights *weights,
                                    uint32_t first, uint32_t count, void *codes, float *scales);

int32_t tern_ref_supports(tern_backend_device *device, const tern_op_header *op);
tern_status tern_ref_compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                             tern_backend_program **out_program);
void tern_ref_program_destroy(tern_backend_device *device, tern_backend_program *program);
tern_status tern_ref_submit(tern_backend_device *device, tern_backend_program *program,
                            const tern_submit_desc *desc, uint64_t *out_ticket);
tern_status tern_ref_wait(tern_backend_device *device, uint64_t ticket, uint64_t timeout_ns);
tern_status tern_ref_program_times(tern_backend_device *device, tern_backend_program *program,
                                   uint64_t *out_ns, tern_clock *out_clock);

#endif
