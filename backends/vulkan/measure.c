#include "backends/vulkan/measure.h"

#include <stdio.h>

#include "backends/common/clock.h"
#include "backends/common/report.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/program.h"

enum { GROUPS = 4096, RUNS = 5 };
#define READ_BYTES ((uint64_t)1 << 30) // at most: beyond the caches of any GPU
#define LONG_ENOUGH_NS 20000000u       // submitting, some 50 us, then hardly counts

typedef struct measure_job {
    tern_vk_shader shader;
    uint32_t groups;
    double each; // bytes or multiply-adds of all invocations together, each time
    tern_vk_block data;
    tern_vk_block result;
    const char *how;
} measure_job;

tern_status tern_vk_time_build(tern_vk_plan *plan, tern_status status,
                               tern_backend_program *program) {
    tern_backend_device *device = plan->device;
    if (status == TERN_STATUS_OK) {
        status = tern_vk_program_build(plan, 1, program);
    }
    device->host->release(device->host, plan->steps);
    if (status != TERN_STATUS_OK) {
        tern_vk_program_destroy(device, program);
    }
    return status;
}

static tern_status make_program(tern_backend_device *device, const measure_job *job, uint32_t times,
                                tern_backend_program **out_program) {
    tern_vk_plan plan = {.device = device, .op_count = 1};
    tern_op_header head = {.live = 0};
    tern_vk_step *step;
    tern_vk_push_measure push = {.count = (uint32_t)(job->data.size / 16), .times = times};
    tern_backend_program *program = NULL;
    TERN_TRY(tern_vk_program_create(&plan, &program));
    tern_status status = tern_vk_plan_step(&plan, &head, 1, &step, &push.rows);
    if (status == TERN_STATUS_OK) {
        tern_vk_step_block(step, &job->data, 0, job->data.size);
        tern_vk_step_block(step, &job->result, 0, job->result.size);
        status = tern_vk_plan_dispatch(&plan, step,
                                       &(tern_vk_dispatch){.shader = job->shader,
                                                           .push = &push,
                                                           .push_size = sizeof push,
                                                           .groups_x = job->groups,
                                                           .groups_y = 1});
    }
    *out_program = program;
    return tern_vk_time_build(&plan, status, program);
}

tern_status tern_vk_time_run(tern_backend_device *device, tern_backend_program *program,
                             uint64_t *out_ns) {
    uint64_t ticket;
    uint64_t start = tern_clock_ns();
    TERN_TRY(tern_vk_submit(device, program, NULL, &ticket));
    TERN_TRY(tern_vk_wait(device, ticket, UINT64_MAX));
    *out_ns = tern_clock_ns() - start;
    return TERN_STATUS_OK;
}

// The shortest of |runs| runs of |times| times; the first one, which warms up, does not count.
static tern_status time_best(tern_backend_device *device, const measure_job *job, uint32_t times,
                             uint32_t runs, uint64_t *out_ns) {
    tern_backend_program *program;
    TERN_TRY(make_program(device, job, times, &program));
    uint64_t ns = 0;
    uint64_t best = UINT64_MAX;
    tern_status status = tern_vk_time_run(device, program, &ns);
    for (uint32_t i = 0; i < runs && status == TERN_STATUS_OK; i++) {
        status = tern_vk_time_run(device, program, &ns);
        best = ns < best ? ns : best;
    }
    tern_vk_program_destroy(device, program);
    *out_ns = best ? best : 1;
    return status;
}

static tern_status find_rate(tern_backend_device *device, const measure_job *job,
                             double *out_rate) {
    uint64_t ns = 0;
    uint32_t times = 1;
    TERN_TRY(time_best(device, job, times, 1, &ns));
    while (ns < LONG_ENOUGH_NS && times < 1u << 20) {
        times *= 4;
        TERN_TRY(time_best(device, job, times, 1, &ns));
    }
    TERN_TRY(time_best(device, job, times, RUNS, &ns));
    *out_rate = job->each * times / (double)ns * 1e9;
    return TERN_STATUS_OK;
}

static uint64_t read_bytes(const tern_backend_device *device) {
    uint64_t bytes = READ_BYTES;
    bytes = device->limits.range < bytes ? device->limits.range : bytes;
    bytes = device->limits.buffer < bytes ? device->limits.buffer : bytes;
    uint64_t heap = device->memory.memoryHeaps[0].size / 4;
    return (heap < bytes ? heap : bytes) / 4096 * 4096;
}

static bool describe_job(const tern_backend_device *device, tern_measure_kind kind,
                         measure_job *job) {
    bool int_dot = device->variant->gemm.int_dot && device->features.int_dot;
    switch (kind) {
    case TERN_MEASURE_READ:
        *job = (measure_job){.shader = TERN_VK_SHADER_measure, .how = "loads of 128 bits"};
        return true;
    case TERN_MEASURE_INT8:
        *job = (measure_job){
            .shader = int_dot ? TERN_VK_SHADER_measure_int8_int_dot : TERN_VK_SHADER_measure_int8,
            .each = 64.0 * GROUPS * 8 * 16,
            .how = int_dot ? "packed integer dot products" : "two products a multiplication"};
        return true;
    case TERN_MEASURE_F32:
        *job = (measure_job){.shader = TERN_VK_SHADER_measure_f32,
                             .each = 64.0 * GROUPS * 8 * 4,
                             .how = "multiplications and additions apart"};
        return true;
    default:
        return false;
    }
}

static tern_status make_blocks(tern_backend_device *device, tern_measure_kind kind,
                               measure_job *job) {
    uint64_t bytes = kind == TERN_MEASURE_READ ? read_bytes(device) : 4096;
    job->groups = GROUPS;
    if (kind == TERN_MEASURE_READ) {
        job->each = (double)bytes;
    }
    TERN_TRY(tern_vk_block_create(device, bytes, TERN_VK_MEMORY_DEVICE, &job->data));
    TERN_TRY(tern_vk_block_create(device, 4 * 64 * (uint64_t)GROUPS, TERN_VK_MEMORY_DEVICE,
                                  &job->result));
    return tern_vk_fill_zero(device, &job->data);
}

tern_status tern_vk_measure(tern_backend_device *device, tern_measure_kind kind,
                            tern_measurement *out_measurement) {
    measure_job job;
    double rate = 0.0;
    TERN_TRY(tern_vk_check_lost(device));
    if (!describe_job(device, kind, &job)) {
        return tern_report_fail(device->host, TERN_STATUS_UNSUPPORTED,
                                "vulkan: nothing to measure of kind %u", kind);
    }
    tern_status status = make_blocks(device, kind, &job);
    if (status == TERN_STATUS_OK) {
        status = find_rate(device, &job, &rate);
    }
    uint64_t bytes = job.data.size;
    tern_vk_drain(device);
    tern_vk_block_destroy(device, &job.data);
    tern_vk_block_destroy(device, &job.result);
    TERN_TRY(status);
    out_measurement->rate = rate;
    out_measurement->bytes = kind == TERN_MEASURE_READ ? bytes : 0;
    snprintf(out_measurement->how, sizeof out_measurement->how, "%s", job.how);
    return TERN_STATUS_OK;
}

void tern_vk_counters(tern_backend_device *device, tern_counters *out_counters) {
    tern_meter_read(&device->meter, out_counters);
}
