// A list of ops made into kernel launches whose arguments are set once.
#ifndef TERN_OPENCL_PROGRAM_H_
#define TERN_OPENCL_PROGRAM_H_

#include "backends/opencl/buffer.h"
#include "backends/opencl/kernel.h"

enum { TERN_CL_STEP_NAME = TERN_CL_KERNEL_NAME };

// One launch. Its kernel object is its own, so that arguments never change.
typedef struct tern_cl_step {
    cl_kernel kernel;
    char name[TERN_CL_STEP_NAME];
    uint32_t op;       // index in the list of the first op it is for
    uint32_t op_count; // more than 1 for a fused group
    size_t global[3];
    size_t local[3];
    uint64_t scratch_args; // bit i: argument i is the program's scratch, set when its size is known
} tern_cl_step;

struct tern_cl_profile;

struct tern_backend_program {
    tern_backend_buffer scratch; // shared by all steps, which run one after the other
    tern_cl_step *steps;
    uint32_t step_count;
    uint32_t step_capacity;
    cl_mem params; // NULL: there is no parameter block
    uint64_t params_offset;
    uint32_t params_words;
    int32_t *slots; // TERN_CL_IN_FLIGHT copies of the block on their way to the device
    uint64_t slot_tickets[TERN_CL_IN_FLIGHT];
    uint32_t next_slot;
    struct tern_cl_profile *profile; // NULL: not timed
};

// An empty one, for a builder to fill.
tern_status tern_cl_program_create(tern_backend_device *device, tern_backend_program **out_program);
tern_status tern_cl_compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                            tern_backend_program **out_program);
void tern_cl_program_destroy(tern_backend_device *device, tern_backend_program *program);
tern_status tern_cl_submit(tern_backend_device *device, tern_backend_program *program,
                           const tern_submit_desc *desc, uint64_t *out_ticket);
void tern_cl_program_kernel(tern_backend_device *device, tern_backend_program *program,
                            uint32_t index, char *out_name, uint32_t capacity);

#endif
