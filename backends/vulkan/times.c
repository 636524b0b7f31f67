#include "backends/vulkan/times.h"

#include <string.h>

#include "backends/common/report.h"
#include "backends/vulkan/device.h"

tern_status tern_vk_times_init(tern_backend_device *device, tern_backend_program *program,
                               uint32_t ops) {
    tern_vk_times *times = &program->times;
    if (!device->profile) {
        return TERN_STATUS_OK;
    }
    size_t stamps = program->kernel_count + 1;
    size_t bytes = (ops + stamps) * sizeof *times->ns;
    times->ns = tern_report_calloc(device->host, 1, bytes);
    if (!times->ns) {
        return tern_report_no_memory(device->host, bytes, "the times of a program");
    }
    times->ops = ops;
    times->stamps = times->ns + ops;
    if (!device->timestamp_bits) {
        return TERN_STATUS_OK;
    }
    VkQueryPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                  .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                  .queryCount = (uint32_t)stamps};
    return tern_vk_check(device,
                         device->vk.CreateQueryPool(device->handle, &info, NULL, &times->pool),
                         "CreateQueryPool");
}

void tern_vk_times_finish(tern_backend_device *device, tern_backend_program *program) {
    if (program->times.pool) {
        device->vk.DestroyQueryPool(device->handle, program->times.pool, NULL);
    }
    device->host->release(device->host, program->times.ns);
}

void tern_vk_times_record_start(tern_backend_device *device, tern_backend_program *program) {
    tern_vk_times *times = &program->times;
    if (times->pool) {
        device->vk.CmdResetQueryPool(program->commands[0], times->pool, 0,
                                     (uint32_t)program->kernel_count + 1);
        device->vk.CmdWriteTimestamp(program->commands[0], VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
                                     times->pool, 0);
    }
}

void tern_vk_times_record_step(tern_backend_device *device, tern_backend_program *program,
                               uint32_t step) {
    if (program->times.pool) {
        device->vk.CmdWriteTimestamp(program->commands[0], VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
                                     program->times.pool, step + 1);
    }
}

tern_status tern_vk_times_add(tern_backend_device *device, tern_backend_program *program) {
    tern_vk_times *times = &program->times;
    size_t count = program->kernel_count + 1;
    TERN_TRY(tern_vk_check(device,
                           device->vk.GetQueryPoolResults(
                               device->handle, times->pool, 0, (uint32_t)count,
                               count * sizeof *times->stamps, times->stamps, sizeof *times->stamps,
                               VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
                           "GetQueryPoolResults"));
    uint32_t bits = device->timestamp_bits;
    uint64_t mask = bits < 64 ? ((uint64_t)1 << bits) - 1 : UINT64_MAX;
    for (size_t i = 0; i + 1 < count; i++) {
        uint64_t ticks = (times->stamps[i + 1] - times->stamps[i]) & mask;
        times->ns[program->kernels[i].op] +=
            (uint64_t)((double)ticks * (double)device->timestamp_period);
    }
    return TERN_STATUS_OK;
}

tern_status tern_vk_program_times(tern_backend_device *device, tern_backend_program *program,
                                  uint64_t *out_ns, tern_clock *out_clock) {
    const tern_vk_times *times = &program->times;
    (void)device;
    if (times->ns) {
        memcpy(out_ns, times->ns, times->ops * sizeof *out_ns);
    }
    *out_clock = !times->ns ? TERN_CLOCK_NONE : times->pool ? TERN_CLOCK_DEVICE : TERN_CLOCK_HOST;
    return TERN_STATUS_OK;
}
