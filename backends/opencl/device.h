// Platforms and devices of one loader, and a device opened: its context, in-order queue and the
// timeline of its submits.
#ifndef TERN_OPENCL_DEVICE_H_
#define TERN_OPENCL_DEVICE_H_

#include <stdatomic.h>
#include <stdbool.h>

#include "backends/common/choice.h"
#include "backends/common/meter.h"
#include "backends/opencl/loader.h"
#include "backends/opencl/variant.h"

#define TERN_CL_MAX_DEVICES 32
#define TERN_CL_MAX_PROGRAMS 256
// Bytes of what is defined when a kernel file is compiled.
#define TERN_CL_OPTIONS 160
// Submits in flight; the next one waits for the oldest.
#define TERN_CL_IN_FLIGHT 8
// Work-items of a work-group: one for each partial sum of the numbers contract, rule 4.
#define TERN_CL_GROUP 64

typedef struct tern_cl_candidate {
    cl_platform_id platform;
    cl_device_id id;
    tern_device_info info;
    char version[64];      // of OpenCL, with what the driver adds
    uint32_t vector_width; // of int, in the native sense: 1 where work-items are the vectors
    uint32_t vector_bytes; // the widest vector instructions that kernels may name
    uint32_t compute_units;
    uint32_t group_items; // of the largest work-group
    uint64_t local_bytes; // of a work-group's local memory
    bool clockless;       // its events' times are not those of the run
    bool processor;       // runs on the host's processor, where barriers cost most
    bool integer_dot;     // cl_khr_integer_dot_product, in OpenCL C 3.0
} tern_cl_candidate;

struct tern_backend_instance {
    const tern_host *host;
    tern_cl_library cl;
    uint32_t count;
    tern_cl_candidate devices[TERN_CL_MAX_DEVICES];
};

// A kernel file compiled with some options.
typedef struct tern_cl_program {
    const char *source;
    char options[TERN_CL_OPTIONS];
    cl_program program;
} tern_cl_program;

// What was submitted and when it ends. |lock| is held for a few instructions only: wait may be
// called from any thread.
typedef struct tern_cl_timeline {
    atomic_flag lock;
    uint64_t last;                      // newest ticket
    atomic_uint_least64_t done;         // every ticket up to here has ended
    cl_event events[TERN_CL_IN_FLIGHT]; // of ticket t at t % TERN_CL_IN_FLIGHT
} tern_cl_timeline;

struct tern_backend_device {
    const tern_host *host;
    const tern_cl_library *cl;
    const tern_cl_candidate *candidate;
    cl_context context;
    cl_command_queue queue;
    cl_mem nothing; // bound in place of absent operands
    uint64_t memory_bytes;
    uint64_t max_buffer_bytes; // of one cl_mem
    tern_cl_variant variant;
    tern_choices choices; // of kernels
    uint64_t allocated;
    tern_cl_timeline timeline;
    atomic_bool lost;
    tern_meter meter;
    bool timed; // opened under TERN_PROFILE=1
    uint32_t program_count;
    tern_cl_program programs[TERN_CL_MAX_PROGRAMS];
};

// Finds every usable device of every platform. A platform or device that is of no use is logged and
// left out.
tern_status tern_cl_devices_find(tern_backend_instance *instance);

tern_status tern_cl_device_describe(tern_backend_instance *instance, uint32_t index,
                                    tern_device_info *out_info);
tern_status tern_cl_device_open(tern_backend_instance *instance, uint32_t index,
                                const tern_native *native, tern_backend_device **out_device);
void tern_cl_device_close(tern_backend_device *device);
tern_status tern_cl_device_status(tern_backend_device *device);

// OK for CL_SUCCESS; otherwise reports what failed. A code that means the device has stopped marks
// it lost.
tern_status tern_cl_check(tern_backend_device *device, cl_int code, const char *what);

// Name of an OpenCL error code, for messages.
const char *tern_cl_error_name(cl_int code);

#endif
