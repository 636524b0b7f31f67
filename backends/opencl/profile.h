// What each op took, of devices opened under TERN_PROFILE=1.
#ifndef TERN_OPENCL_PROFILE_H_
#define TERN_OPENCL_PROFILE_H_

#include "backends/opencl/program.h"

typedef struct tern_cl_profile {
    uint32_t op_count;
    tern_clock clock; // the device's, until an event has no times
    uint64_t ns[];    // of each op
} tern_cl_profile;

// NULL in |out_profile| for a device whose ops are not timed.
tern_status tern_cl_profile_create(tern_backend_device *device, uint32_t op_count,
                                   tern_cl_profile **out_profile);
// Runs |step| and waits for it, so that what it took is known.
tern_status tern_cl_profile_run(tern_backend_device *device, tern_cl_profile *profile,
                                const tern_cl_step *step);
tern_status tern_cl_program_times(tern_backend_device *device, tern_backend_program *program,
                                  uint64_t *out_ns, tern_clock *out_clock);

#endif
