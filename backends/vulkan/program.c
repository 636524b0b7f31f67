#include "backends/vulkan/program.h"

#include <stdio.h>
#include <string.h>

#include "backends/common/clock.h"
#include "backends/common/report.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/fuse.h"
#include "backends/vulkan/ops/ops.h"
#include "backends/vulkan/record.h"
#include "backends/vulkan/times.h"

int32_t tern_vk_supports(tern_backend_device *device, const tern_op_header *op) {
    const tern_vk_op *entry = tern_vk_op_find(op->kind);
    return entry && entry->supports(device, op) && tern_vk_plan_fits(device, op);
}

static tern_status plan_ops(tern_vk_plan *plan, const tern_backend_program_desc *desc) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < desc->count; i += count) {
        plan->op = i;
        plan->scratch_used = 0;
        TERN_TRY(tern_vk_plan_next(plan, desc->ops + i, desc->count - i, &count));
    }
    return TERN_STATUS_OK;
}

static tern_status keep_kernels(tern_vk_plan *plan, tern_backend_program *program) {
    const tern_host *host = plan->device->host;
    program->kernels = tern_report_calloc(host, plan->count, sizeof *program->kernels);
    if (!program->kernels) {
        return tern_report_no_memory(host, plan->count * sizeof *program->kernels,
                                     "a program's kernels");
    }
    for (size_t i = 0; i < plan->count; i++) {
        program->kernels[i] =
            (tern_vk_kernel){plan->steps[i].op, plan->steps[i].op_count, plan->steps[i].shader};
    }
    program->kernel_count = plan->count;
    return TERN_STATUS_OK;
}

static tern_status make_memory(tern_vk_plan *plan, tern_backend_program *program) {
    if (plan->scratch_size) {
        TERN_TRY(tern_vk_block_create(plan->device, plan->scratch_size, TERN_VK_MEMORY_DEVICE,
                                      &program->scratch.block));
    }
    if (program->params.buffer) {
        program->ring_piece = 4 * (uint64_t)program->params.shape[0];
        TERN_TRY(tern_vk_block_create(plan->device, TERN_VK_SLOTS * program->ring_piece,
                                      TERN_VK_MEMORY_STAGING, &program->ring));
    }
    return TERN_STATUS_OK;
}

// One command buffer, or one for each step where the host's clock times them.
static tern_status make_commands(tern_backend_device *device, tern_backend_program *program) {
    bool apart = program->times.ns && !program->times.pool;
    uint32_t count = apart ? (uint32_t)program->kernel_count : 1;
    program->commands = tern_report_calloc(device->host, count, sizeof *program->commands);
    if (!program->commands) {
        return tern_report_no_memory(device->host, count * sizeof *program->commands,
                                     "a program's command buffers");
    }
    VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = device->commands,
                                        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                        .commandBufferCount = count};
    TERN_TRY(tern_vk_check(
        device, device->vk.AllocateCommandBuffers(device->handle, &info, program->commands),
        "AllocateCommandBuffers"));
    program->command_count = count;
    return TERN_STATUS_OK;
}

tern_status tern_vk_program_build(tern_vk_plan *plan, uint32_t ops, tern_backend_program *program) {
    tern_backend_device *device = plan->device;
    TERN_TRY(keep_kernels(plan, program));
    TERN_TRY(make_memory(plan, program));
    TERN_TRY(tern_vk_times_init(device, program, ops));
    TERN_TRY(make_commands(device, program));
    return tern_vk_record(plan, program);
}

tern_status tern_vk_program_create(tern_vk_plan *plan, tern_backend_program **out_program) {
    const tern_host *host = plan->device->host;
    tern_backend_program *program = tern_report_calloc(host, 1, sizeof *program);
    if (!program) {
        return tern_report_no_memory(host, sizeof *program, "a program");
    }
    program->params = plan->params;
    plan->scratch = &program->scratch;
    *out_program = program;
    return TERN_STATUS_OK;
}

tern_status tern_vk_compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                            tern_backend_program **out_program) {
    TERN_TRY(tern_vk_check_lost(device));
    tern_vk_plan plan = {.device = device, .params = desc->params};
    tern_backend_program *program = NULL;
    TERN_TRY(tern_vk_program_create(&plan, &program));
    tern_status status = plan_ops(&plan, desc);
    if (status == TERN_STATUS_OK) {
        status = tern_vk_program_build(&plan, desc->count, program);
    }
    device->host->release(device->host, plan.steps);
    if (status != TERN_STATUS_OK) {
        tern_vk_program_destroy(device, program);
        return status;
    }
    *out_program = program;
    return TERN_STATUS_OK;
}

void tern_vk_program_destroy(tern_backend_device *device, tern_backend_program *program) {
    if (!program) {
        return;
    }
    tern_vk_drain(device);
    if (program->command_count) {
        device->vk.FreeCommandBuffers(device->handle, device->commands, program->command_count,
                                      program->commands);
    }
    device->host->release(device->host, program->commands);
    tern_vk_times_finish(device, program);
    if (program->sets) {
        device->vk.DestroyDescriptorPool(device->handle, program->sets, NULL);
    }
    tern_vk_block_destroy(device, &program->scratch.block);
    tern_vk_block_destroy(device, &program->ring);
    device->host->release(device->host, program->kernels);
    device->host->release(device->host, program);
}

// Waits for the first command buffer, submitted since |start|, and runs those after it.
static tern_status finish_timed(tern_backend_device *device, tern_backend_program *program,
                                uint64_t start, uint64_t *ticket) {
    TERN_TRY(tern_vk_wait(device, *ticket, UINT64_MAX));
    if (program->times.pool) {
        return tern_vk_times_add(device, program);
    }
    program->times.ns[program->kernels[0].op] += tern_clock_ns() - start;
    for (uint32_t i = 1; i < program->command_count; i++) {
        tern_vk_slot *slot;
        start = tern_clock_ns();
        TERN_TRY(tern_vk_ring_begin(device, &slot));
        TERN_TRY(tern_vk_ring_end(device, slot, program->commands[i], 1, ticket));
        TERN_TRY(tern_vk_wait(device, *ticket, UINT64_MAX));
        program->times.ns[program->kernels[i].op] += tern_clock_ns() - start;
    }
    return TERN_STATUS_OK;
}

tern_status tern_vk_submit(tern_backend_device *device, tern_backend_program *program,
                           const tern_submit_desc *desc, uint64_t *out_ticket) {
    tern_vk_slot *slot;
    uint64_t start = program->times.ns ? tern_clock_ns() : 0;
    TERN_TRY(tern_vk_ring_begin(device, &slot));
    if (desc && desc->params_words && program->ring.map) {
        VkBufferCopy copy = {slot->index * program->ring_piece, program->params.offset,
                             4 * (uint64_t)desc->params_words};
        memcpy(program->ring.map + copy.srcOffset, desc->params, (size_t)copy.size);
        tern_vk_ring_copy(device, slot, program->ring.buffer,
                          tern_op_buffer(&program->params)->block.buffer, &copy);
    }
    uint32_t dispatches = program->command_count > 1 ? 1 : (uint32_t)program->kernel_count;
    TERN_TRY(tern_vk_ring_end(device, slot, program->commands[0], dispatches, out_ticket));
    return program->times.ns ? finish_timed(device, program, start, out_ticket) : TERN_STATUS_OK;
}

void tern_vk_program_kernel(tern_backend_device *device, tern_backend_program *program,
                            uint32_t index, char *out_name, uint32_t capacity) {
    (void)device;
    uint32_t used = 0;
    tern_vk_shader last = TERN_VK_SHADER_COUNT; // one per segment of weights is one name
    if (capacity) {
        out_name[0] = '\0';
    }
    for (size_t i = 0; i < program->kernel_count && used < capacity; i++) {
        const tern_vk_kernel *kernel = &program->kernels[i];
        if (index - kernel->op < kernel->op_count && kernel->shader != last) {
            const char *before = index > kernel->op ? "in " : used ? "+" : "";
            int written = snprintf(out_name + used, capacity - used, "%s%s", before,
                                   tern_vk_modules[kernel->shader].name);
            used += written > 0 ? (uint32_t)written : 0;
            last = kernel->shader;
        }
    }
}
