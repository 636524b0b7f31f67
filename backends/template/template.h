// A backend to copy: one device that keeps memory and weights on the host and does no op yet, so
// that all ops of a list run in fallback on the reference backend.
//
// To make it yours: copy the folder, replace tern_tpl_ and "template" everywhere, then let supports
// in program.c accept one kind of op, and compile and submit run it. backends/README.md has the
// order of the steps.
#ifndef TERN_BACKENDS_TEMPLATE_TEMPLATE_H_
#define TERN_BACKENDS_TEMPLATE_TEMPLATE_H_

#include <tern/backend.h>

// What belongs to one context: the driver that was loaded, the devices that it found.
struct tern_backend_instance {
    const tern_host *host; // valid until instance_destroy
};

// What belongs to one open device: its queue, pools and compiled kernels.
struct tern_backend_device {
    const tern_host *host;
};

struct tern_backend_buffer {
    uint64_t size;
    unsigned char *bytes;
};

// A matrix in the layout that the kernels like. Here it is the canonical one.
struct tern_backend_weights {
    tern_weights_info info;
    size_t row_bytes;  // of canonical codes
    size_t row_scales; // 0 unless there is a scale per row or per group
    unsigned char *codes;
    float *scales;
};

// instance and device: device.c
tern_status tern_tpl_instance_create(const tern_host *host, tern_backend_instance **out_instance);
void tern_tpl_instance_destroy(tern_backend_instance *instance);
uint32_t tern_tpl_device_count(tern_backend_instance *instance);
tern_status tern_tpl_device_describe(tern_backend_instance *instance, uint32_t index,
                                     tern_device_info *out_info);
tern_status tern_tpl_device_open(tern_backend_instance *instance, uint32_t index,
                                 const tern_native *native, tern_backend_device **out_device);
void tern_tpl_device_close(tern_backend_device *device);

// buffer.c
tern_status tern_tpl_buffer_create(tern_backend_device *device, uint64_t size,
                                   tern_backend_buffer **out_buffer);
void tern_tpl_buffer_destroy(tern_backend_device *device, tern_backend_buffer *buffer);
tern_status tern_tpl_buffer_upload(tern_backend_device *device, tern_backend_buffer *buffer,
                                   uint64_t offset, const void *data, uint64_t size);
tern_status tern_tpl_buffer_download(tern_backend_device *device, tern_backend_buffer *buffer,
                                     uint64_t offset, void *data, uint64_t size);
void *tern_tpl_buffer_map(tern_backend_device *device, tern_backend_buffer *buffer);

// weights.c
tern_status tern_tpl_weights_create(tern_backend_device *device,
                                    const tern_backend_weights_desc *desc,
                                    tern_backend_weights **out_weights);
void tern_tpl_weights_destroy(tern_backend_device *device, tern_backend_weights *weights);
tern_status tern_tpl_weights_export(tern_backend_device *device, tern_backend_weights *weights,
                                    uint32_t first, uint32_t count, void *codes, float *scales);

// program.c
int32_t tern_tpl_supports(tern_backend_device *device, const tern_op_header *op);
tern_status tern_tpl_compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                             tern_backend_program **out_program);
void tern_tpl_program_destroy(tern_backend_device *device, tern_backend_program *program);
tern_status tern_tpl_submit(tern_backend_device *device, tern_backend_program *program,
                            const tern_submit_desc *desc, uint64_t *out_ticket);
tern_status tern_tpl_wait(tern_backend_device *device, uint64_t ticket, uint64_t timeout_ns);

#endif
