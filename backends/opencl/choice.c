#include "backends/opencl/choice.h"

#include <stdio.h>

#include "backends/common/choice.h"
#include "backends/common/clock.h"
#include "backends/common/report.h"
#include "backends/opencl/binary.h"
#include "backends/opencl/timeline.h"

typedef struct job {
    tern_backend_device *device;
    const tern_cl_trial *trial;
    tern_backend_program *program; // of the candidate that is measured
} job;

// A kernel may need more of the device than work-groups of its size leave it. No device here has
// groups under 64: rusticl 22.3 says 32, and runs 256.
static bool fits(const tern_backend_device *device, const tern_cl_step *step) {
    size_t items = 0;
    cl_int code = device->cl->clGetKernelWorkGroupInfo(
        step->kernel, device->candidate->id, CL_KERNEL_WORK_GROUP_SIZE, sizeof items, &items, NULL);
    return code != CL_SUCCESS || items < TERN_CL_GROUP || items >= step->local[0];
}

static tern_status make_program(job *j, uint32_t index) {
    tern_backend_device *device = j->device;
    TERN_TRY(tern_cl_program_create(device, &j->program));
    tern_cl_builder builder = {.device = device, .program = j->program};
    for (uint32_t i = 0; i < TERN_CHOICE_STEPS; i++) {
        tern_cl_builder_next(&builder, 0, 1);
        j->trial->emit(&builder, j->trial->user, index);
    }
    tern_status status = tern_cl_builder_finish(&builder);
    if (status == TERN_STATUS_OK && !fits(device, &j->program->steps[0])) {
        status = TERN_STATUS_UNSUPPORTED;
    }
    if (status != TERN_STATUS_OK) {
        tern_cl_program_destroy(device, j->program);
    }
    return status;
}

static tern_status run(void *user, uint64_t *out_ns) {
    const job *j = user;
    uint64_t ticket;
    uint64_t start = tern_clock_ns();
    TERN_TRY(tern_cl_submit(j->device, j->program, NULL, &ticket));
    TERN_TRY(tern_cl_wait(j->device, ticket, UINT64_MAX));
    *out_ns = tern_clock_ns() - start;
    return TERN_STATUS_OK;
}

static tern_status measure(void *user, uint32_t index, uint64_t *out_ns) {
    job *j = user;
    TERN_TRY(make_program(j, index));
    tern_status status = tern_choice_time(run, j, out_ns);
    tern_cl_program_destroy(j->device, j->program);
    return status;
}

tern_status tern_cl_choose(tern_backend_device *device, const tern_cl_trial *trial,
                           uint32_t *out_index) {
    char kind[256];
    char name[TERN_CL_BINARY_NAME];
    snprintf(kind, sizeof kind, "kernel of %u for %s", trial->count, trial->shape);
    tern_cl_binary_name(device, kind, trial->hash, name);
    job j = {device, trial, NULL};
    tern_status status = tern_choose(&(tern_choice){.host = device->host,
                                                    .made = &device->choices,
                                                    .name = name,
                                                    .count = trial->count,
                                                    .measure = measure,
                                                    .user = &j},
                                     out_index);
    bool without = status == TERN_STATUS_OUT_OF_MEMORY || status == TERN_STATUS_UNSUPPORTED;
    return without ? TERN_STATUS_OK : status;
}
