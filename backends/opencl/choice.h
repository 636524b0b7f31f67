// The fastest of several kernels with the same bits, by running them once for each device, driver
// and shape (backends/common/choice.h).
#ifndef TERN_OPENCL_CHOICE_H_
#define TERN_OPENCL_CHOICE_H_

#include "backends/opencl/builder.h"

typedef struct tern_cl_trial {
    const char *shape; // what the choice depends on besides device and driver,
    uint64_t hash;     // of the candidates and their source
    uint32_t count;
    // Emits candidate |index|, which reads and writes scratch memory and weights only.
    void (*emit)(tern_cl_builder *builder, const void *user, uint32_t index);
    const void *user;
} tern_cl_trial;

// |*out_index| stays as it is where memory is too short to measure.
tern_status tern_cl_choose(tern_backend_device *device, const tern_cl_trial *trial,
                           uint32_t *out_index);

#endif
