#include "backends/vulkan/program.h"

#include <stdio.h>
#include <string.h>

#include "backends/common/report.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/fuse.h"
#include "backends/vulkan/ops/ops.h"
#include "backends/vulkan/record.h"

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

static tern_status build(tern_vk_plan *plan, const tern_backend_program_desc *desc,
                         tern_backend_program *program) {
    tern_backend_device *device = plan->device;
    TERN_TRY(plan_ops(plan, desc));
    TERN_TRY(keep_kernels(plan, program));
    TERN_TRY(make_memory(plan, program));
    VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = device->commands,
                                        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                        .commandBufferCount = 1};
    TERN_TRY(tern_vk_check(
        device, device->vk.AllocateCommandBuffers(device->handle, &info, &program->commands),
        "AllocateCommandBuffers"));
    return tern_vk_record(plan, program);
}

tern_status tern_vk_compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                            tern_backend_program **out_program) {
    const tern_host *host = device->host;
    TERN_TRY(tern_vk_check_lost(device));
    tern_backend_program *program = tern_report_calloc(host, 1, sizeof *program);
    if (!program) {
        return tern_report_no_memory(host, sizeof *program, "a program");
    }
    program->params = desc->params;
    tern_vk_plan plan = {.device = device, .params = desc->params, .scratch = &program->scratch};
    tern_status status = build(&plan, desc, program);
    host->release(host, plan.steps);
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
    if (program->commands) {
        device->vk.FreeCommandBuffers(device->handle, device->commands, 1, &program->commands);
    }
    if (program->sets) {
        device->vk.DestroyDescriptorPool(device->handle, program->sets, NULL);
    }
    tern_vk_block_destroy(device, &program->scratch.block);
    tern_vk_block_destroy(device, &program->ring);
    device->host->release(device->host, program->kernels);
    device->host->release(device->host, program);
}

tern_status tern_vk_submit(tern_backend_device *device, tern_backend_program *program,
                           const tern_submit_desc *desc, uint64_t *out_ticket) {
    tern_vk_slot *slot;
    TERN_TRY(tern_vk_ring_begin(device, &slot));
    if (desc && desc->params_words && program->ring.map) {
        VkBufferCopy copy = {slot->index * program->ring_piece, program->params.offset,
                             4 * (uint64_t)desc->params_words};
        memcpy(program->ring.map + copy.srcOffset, desc->params, (size_t)copy.size);
        device->vk.CmdCopyBuffer(slot->commands, program->ring.buffer,
                                 tern_op_buffer(&program->params)->block.buffer, 1, &copy);
    }
    return tern_vk_ring_end(device, slot, program->commands, out_ticket);
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
