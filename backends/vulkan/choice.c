#include "backends/vulkan/choice.h"

#include <stdio.h>

#include "backends/common/choice.h"
#include "backends/common/report.h"
#include "backends/vulkan/cache.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/measure.h"
#include "backends/vulkan/program.h"

// A run is a list of so many, so that a submit weighs little; the best of some runs counts.
enum { STEPS = 16, RUNS = 5 };
#define LONG_ENOUGH_NS 50000000u // for all runs together

typedef struct job {
    tern_backend_device *device;
    const tern_vk_trial *trial;
} job;

static tern_status make_program(const job *j, uint32_t index, tern_backend_program **out_program) {
    tern_backend_device *device = j->device;
    tern_vk_plan plan = {.device = device, .op_count = 1};
    tern_backend_program *program = NULL;
    TERN_TRY(tern_vk_program_create(&plan, &program));
    tern_status status = TERN_STATUS_OK;
    for (uint32_t i = 0; i < STEPS && status == TERN_STATUS_OK; i++) {
        plan.scratch_used = 0;
        status = j->trial->plan(&plan, j->trial->user, index);
    }
    *out_program = program;
    return tern_vk_time_build(&plan, status, program);
}

static tern_status measure(void *user, uint32_t index, uint64_t *out_ns) {
    const job *j = user;
    tern_backend_program *program;
    TERN_TRY(make_program(j, index, &program));
    uint64_t ns = 0;
    uint64_t all = 0;
    *out_ns = UINT64_MAX;
    tern_status status = tern_vk_time_run(j->device, program, &ns); // warms up
    for (uint32_t i = 0; i < RUNS && all < LONG_ENOUGH_NS && status == TERN_STATUS_OK; i++) {
        status = tern_vk_time_run(j->device, program, &ns);
        *out_ns = ns < *out_ns ? ns : *out_ns;
        all += ns;
    }
    tern_vk_program_destroy(j->device, program);
    return status;
}

tern_status tern_vk_choose(tern_backend_device *device, const tern_vk_trial *trial,
                           uint32_t *out_index) {
    char kind[TERN_VK_CACHE_NAME];
    char name[TERN_VK_CACHE_NAME];
    if (!device->variant->measured) {
        return TERN_STATUS_OK;
    }
    snprintf(kind, sizeof kind, "kernel of %u for %s,", trial->count, trial->shape);
    tern_vk_cache_name(device, kind, name);
    job j = {device, trial};
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
