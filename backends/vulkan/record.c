#include "backends/vulkan/record.h"

#include "backends/common/report.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/times.h"

// What steps since the last barrier touched. When it is full a barrier empties it.
#define TOUCHED_MAX 64

typedef struct touched {
    const tern_vk_binding *items[TOUCHED_MAX];
    uint32_t count;
} touched;

static bool conflict(const tern_vk_binding *a, const tern_vk_binding *b) {
    return a->block == b->block && ((a->role | b->role) & TERN_OPERAND_OUT) &&
           a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static bool needs_barrier(const touched *before, const tern_vk_step *step) {
    if (before->count + step->binding_count > TOUCHED_MAX) {
        return true;
    }
    for (uint32_t i = 0; i < step->binding_count; i++) {
        for (uint32_t j = 0; j < before->count; j++) {
            if (conflict(&step->bindings[i], before->items[j])) {
                return true;
            }
        }
    }
    return false;
}

static void record_barrier(tern_backend_device *device, VkCommandBuffer commands) {
    VkMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                               .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
                               .dstAccessMask =
                                   VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT};
    device->vk.CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                                  VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0, NULL, 0,
                                  NULL);
}

static tern_status create_pool(tern_vk_plan *plan, VkDescriptorPool *out_pool) {
    uint32_t bindings = 0;
    for (size_t i = 0; i < plan->count; i++) {
        bindings += plan->steps[i].binding_count;
    }
    VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, bindings ? bindings : 1};
    VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                       .maxSets = plan->count ? (uint32_t)plan->count : 1,
                                       .poolSizeCount = 1,
                                       .pPoolSizes = &size};
    return tern_vk_check(
        plan->device,
        plan->device->vk.CreateDescriptorPool(plan->device->handle, &info, NULL, out_pool),
        "CreateDescriptorPool");
}

static tern_status make_set(tern_backend_device *device, const tern_vk_step *step,
                            VkDescriptorPool pool, VkDescriptorSet *out_set) {
    VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                        .descriptorPool = pool,
                                        .descriptorSetCount = 1,
                                        .pSetLayouts = &step->pipeline->set_layout};
    TERN_TRY(tern_vk_check(device,
                           device->vk.AllocateDescriptorSets(device->handle, &info, out_set),
                           "AllocateDescriptorSets"));
    VkDescriptorBufferInfo buffers[TERN_VK_BINDINGS_MAX];
    VkWriteDescriptorSet writes[TERN_VK_BINDINGS_MAX];
    for (uint32_t i = 0; i < step->binding_count; i++) {
        const tern_vk_binding *binding = &step->bindings[i];
        buffers[i] =
            (VkDescriptorBufferInfo){binding->block->buffer, binding->offset, binding->size};
        writes[i] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                           .dstSet = *out_set,
                                           .dstBinding = i,
                                           .descriptorCount = 1,
                                           .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                           .pBufferInfo = &buffers[i]};
    }
    device->vk.UpdateDescriptorSets(device->handle, step->binding_count, writes, 0, NULL);
    return TERN_STATUS_OK;
}

static tern_status record_step(tern_backend_device *device, const tern_vk_step *step,
                               VkDescriptorPool sets, VkCommandBuffer commands) {
    VkDescriptorSet set;
    TERN_TRY(make_set(device, step, sets, &set));
    device->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, step->pipeline->handle);
    device->vk.CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                                     step->pipeline->layout, 0, 1, &set, 0, NULL);
    device->vk.CmdPushConstants(commands, step->pipeline->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                                step->push_size, step->push);
    device->vk.CmdDispatch(commands, step->groups[0], step->groups[1], 1);
    return TERN_STATUS_OK;
}

static tern_status record_steps(tern_vk_plan *plan, tern_backend_program *program) {
    VkCommandBuffer commands = program->commands[0];
    touched before = {.count = 0};
    tern_vk_times_record_start(plan->device, program);
    for (size_t i = 0; i < plan->count; i++) {
        const tern_vk_step *step = &plan->steps[i];
        if (needs_barrier(&before, step) || (i && program->times.pool)) {
            record_barrier(plan->device, commands);
            before.count = 0;
        }
        TERN_TRY(record_step(plan->device, step, program->sets, commands));
        tern_vk_times_record_step(plan->device, program, (uint32_t)i);
        for (uint32_t b = 0; b < step->binding_count; b++) {
            before.items[before.count++] = &step->bindings[b];
        }
    }
    return TERN_STATUS_OK;
}

static bool steps_apart(const tern_backend_program *program) {
    return program->times.ns && !program->times.pool;
}

tern_status tern_vk_record(tern_vk_plan *plan, tern_backend_program *program) {
    tern_backend_device *device = plan->device;
    TERN_TRY(create_pool(plan, &program->sets));
    for (uint32_t i = 0; i < program->command_count; i++) {
        VkCommandBuffer commands = program->commands[i];
        VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                         .flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT};
        TERN_TRY(tern_vk_check(device, device->vk.BeginCommandBuffer(commands, &info),
                               "BeginCommandBuffer"));
        TERN_TRY(steps_apart(program)
                     ? record_step(device, &plan->steps[i], program->sets, commands)
                     : record_steps(plan, program));
        tern_vk_record_end_barrier(device, commands);
        TERN_TRY(tern_vk_check(device, device->vk.EndCommandBuffer(commands), "EndCommandBuffer"));
    }
    return TERN_STATUS_OK;
}
