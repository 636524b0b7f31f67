// Kernel files compiled when an op first needs them, and kept as long as the device.
#ifndef TERN_OPENCL_KERNEL_H_
#define TERN_OPENCL_KERNEL_H_

#include "backends/opencl/device.h"

// Which kernel: a file of shaders/opencl without its ending, what is defined when it is compiled,
// and the function. All but the options are literals, whose pointers are kept.
typedef struct tern_cl_kernel_name {
    const char *source;
    const char *options;
    const char *function;
} tern_cl_kernel_name;

// A kernel object of its own, whose arguments stay as they are set. The caller releases it.
tern_status tern_cl_kernel_create(tern_backend_device *device, const tern_cl_kernel_name *name,
                                  cl_kernel *out_kernel);

// Of the text of kernel file |name|, with all that it includes.
uint64_t tern_cl_source_hash(const char *name);

// Releases every compiled file.
void tern_cl_programs_finish(tern_backend_device *device);

#endif
