#include "backends/vulkan/choice.h"

#include <stdio.h>

#include "backends/common/choice.h"
#include "backends/common/report.h"
#include "backends/vulkan/cache.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/measure.h"
#include "backends/vulkan/program.h"

typedef struct job {
    tern_backend_device *device;
    const tern_vk_trial *trial;
    tern_backend_program *program; // of the candidate that is measured
} job;

static tern_status make_program(const job *j, uint32_t index, tern_backend_program **out_program) {
    tern_backend_device *device = j->device;
    tern_vk_plan plan = {.device = device, .op_count = 1};
    tern_backend_program *program = NULL;
    TERN_TRY(tern_vk_program_create(&plan, &program));
    tern_status status = TERN_STATUS_OK;
    for (uint32_t i = 0; i < TERN_CHOICE_STEPS && status == TERN_STATUS_OK; i++) {
        plan.scratch_used = 0;
        status = j->trial->plan(&plan, j->trial->user, index);
    }
    *out_program = program;
    return tern_vk_time_build(&plan, status, program);
}

static tern_status run(void *user, uint64_t *out_ns) {
    const job *j = user;
    return tern_vk_time_run(j->device, j->program, out_ns);
}

static tern_status measure(void *user, uint32_t index, uint64_t *out_ns) {
    job *j = user;
    TERN_TRY(make_program(j, index, &j->program));
    tern_status status = tern_choice_time(run, j, out_ns);
    tern_vk_program_destroy(j->device, j->program);
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
