#include "backends/opencl/profile.h"

#include <string.h>

#include "backends/common/clock.h"
#include "backends/common/report.h"

tern_status tern_cl_profile_create(tern_backend_device *device, uint32_t op_count,
                                   tern_cl_profile **out_profile) {
    *out_profile = NULL;
    if (!device->timed) {
        return TERN_STATUS_OK;
    }
    size_t bytes = sizeof(tern_cl_profile) + op_count * sizeof(uint64_t);
    tern_cl_profile *profile = tern_report_calloc(device->host, 1, bytes);
    if (!profile) {
        return tern_report_fail(device->host, TERN_STATUS_OUT_OF_MEMORY,
                                "opencl: no host memory for the times of %u ops: %zu bytes",
                                op_count, bytes);
    }
    profile->op_count = op_count;
    profile->clock = device->candidate->clockless ? TERN_CLOCK_HOST : TERN_CLOCK_DEVICE;
    *out_profile = profile;
    return TERN_STATUS_OK;
}

// Nanoseconds between the start and the end of a launch by the device's clock; 0 if it has none.
static uint64_t device_ns(const tern_cl_library *cl, cl_event event) {
    cl_ulong start = 0;
    cl_ulong end = 0;
    if (cl->clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start,
                                    NULL) != CL_SUCCESS ||
        cl->clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL) !=
            CL_SUCCESS) {
        return 0;
    }
    return end > start ? end - start : 0;
}

static void add(tern_cl_profile *profile, uint32_t op, uint64_t device_time, uint64_t host_time) {
    if (device_time == 0) {
        profile->clock = TERN_CLOCK_HOST;
    }
    profile->ns[op] += profile->clock == TERN_CLOCK_DEVICE ? device_time : host_time;
}

tern_status tern_cl_profile_run(tern_backend_device *device, tern_cl_profile *profile,
                                const tern_cl_step *step) {
    const tern_cl_library *cl = device->cl;
    cl_event event = NULL;
    TERN_TRY(tern_cl_check(device, cl->clFinish(device->queue), "clFinish"));
    uint64_t start = tern_clock_ns();
    cl_int code = cl->clEnqueueNDRangeKernel(device->queue, step->kernel, 3, NULL, step->global,
                                             step->local, 0, NULL, &event);
    TERN_TRY(tern_cl_check(device, code, step->name));
    code = cl->clWaitForEvents(1, &event);
    uint64_t host_time = tern_clock_ns() - start;
    if (code == CL_SUCCESS) {
        add(profile, step->op, device_ns(cl, event), host_time);
    }
    cl->clReleaseEvent(event);
    return tern_cl_check(device, code, step->name);
}

tern_status tern_cl_program_times(tern_backend_device *device, tern_backend_program *program,
                                  uint64_t *out_ns, tern_clock *out_clock) {
    (void)device;
    const tern_cl_profile *profile = program->profile;
    *out_clock = profile ? profile->clock : TERN_CLOCK_NONE;
    if (profile) {
        memcpy(out_ns, profile->ns, profile->op_count * sizeof *out_ns);
    }
    return TERN_STATUS_OK;
}
