#include "backends/vulkan/timeline.h"

#include <string.h>

#include "backends/common/report.h"
#include "backends/vulkan/device.h"

tern_status tern_vk_ring_init(tern_backend_device *device) {
    tern_vk_ring *ring = &device->ring;
    TERN_TRY(tern_vk_block_create(device, TERN_VK_SLOTS * TERN_VK_STAGING, TERN_VK_MEMORY_STAGING,
                                  &ring->staging));
    VkCommandBuffer commands[TERN_VK_SLOTS];
    VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = device->commands,
                                        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                        .commandBufferCount = TERN_VK_SLOTS};
    TERN_TRY(tern_vk_check(device,
                           device->vk.AllocateCommandBuffers(device->handle, &info, commands),
                           "AllocateCommandBuffers"));
    for (uint32_t i = 0; i < TERN_VK_SLOTS; i++) {
        tern_vk_slot *slot = &ring->slots[i];
        slot->index = i;
        slot->commands = commands[i];
        slot->staging_offset = i * TERN_VK_STAGING;
        slot->staging = ring->staging.map + slot->staging_offset;
        VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
        TERN_TRY(tern_vk_check(device,
                               device->vk.CreateFence(device->handle, &fence, NULL, &slot->fence),
                               "CreateFence"));
    }
    return TERN_STATUS_OK;
}

void tern_vk_ring_finish(tern_backend_device *device) {
    for (uint32_t i = 0; i < TERN_VK_SLOTS; i++) {
        if (device->ring.slots[i].fence) {
            device->vk.DestroyFence(device->handle, device->ring.slots[i].fence, NULL);
        }
    }
    tern_vk_block_destroy(device, &device->ring.staging);
}

static void raise_completed(tern_vk_ring *ring, uint64_t ticket) {
    uint64_t seen = atomic_load(&ring->completed);
    while (seen < ticket && !atomic_compare_exchange_weak(&ring->completed, &seen, ticket)) {
    }
}

static VkResult wait(tern_backend_device *device, const tern_vk_slot *slot, uint64_t timeout_ns) {
    uint64_t start = tern_clock_ns();
    VkResult result =
        device->vk.WaitForFences(device->handle, 1, &slot->fence, VK_TRUE, timeout_ns);
    tern_meter_driver(&device->meter, start);
    return result;
}

tern_status tern_vk_wait(tern_backend_device *device, uint64_t ticket, uint64_t timeout_ns) {
    tern_vk_ring *ring = &device->ring;
    tern_vk_slot *slot = &ring->slots[ticket % TERN_VK_SLOTS];
    if (ticket > atomic_load(&ring->issued)) {
        return tern_report_fail(device->host, TERN_STATUS_INVALID_ARGUMENT,
                                "wait: ticket %llu was never given, the last is %llu",
                                (unsigned long long)ticket,
                                (unsigned long long)atomic_load(&ring->issued));
    }
    // Announced before |completed| is read: ring_begin, which raises |completed| first and resets
    // the fence only when nobody is announced, then never pulls it from under us.
    atomic_fetch_add(&slot->waiters, 1);
    VkResult result = VK_SUCCESS;
    if (ticket > atomic_load(&ring->completed)) {
        result = atomic_load(&device->lost) ? VK_ERROR_DEVICE_LOST : wait(device, slot, timeout_ns);
        if (result == VK_SUCCESS) {
            raise_completed(ring, ticket);
        }
    }
    atomic_fetch_sub(&slot->waiters, 1);
    if (result == VK_TIMEOUT) {
        return TERN_STATUS_TIMEOUT;
    }
    return tern_vk_check(device, result, "WaitForFences");
}

tern_status tern_vk_wait_idle(tern_backend_device *device) {
    return tern_vk_wait(device, atomic_load(&device->ring.issued), UINT64_MAX);
}

void tern_vk_drain(tern_backend_device *device) {
    if (!atomic_load(&device->lost)) {
        tern_vk_wait_idle(device);
    }
}

tern_status tern_vk_ring_begin(tern_backend_device *device, tern_vk_slot **out_slot) {
    tern_vk_ring *ring = &device->ring;
    TERN_TRY(tern_vk_check_lost(device));
    tern_vk_slot *slot = &ring->slots[(atomic_load(&ring->issued) + 1) % TERN_VK_SLOTS];
    TERN_TRY(tern_vk_wait(device, slot->ticket, UINT64_MAX));
    // The fence is signalled, so whoever still waits for it is on the way out.
    while (atomic_load(&slot->waiters)) {
    }
    uint64_t start = tern_clock_ns();
    TERN_TRY(tern_vk_check(device, device->vk.ResetFences(device->handle, 1, &slot->fence),
                           "ResetFences"));
    VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                     .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    TERN_TRY(tern_vk_check(device, device->vk.BeginCommandBuffer(slot->commands, &info),
                           "BeginCommandBuffer"));
    tern_meter_driver(&device->meter, start);
    *out_slot = slot;
    return TERN_STATUS_OK;
}

void tern_vk_record_end_barrier(tern_backend_device *device, VkCommandBuffer commands) {
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                         VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT |
                         VK_ACCESS_HOST_READ_BIT};
    VkPipelineStageFlags work =
        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    device->vk.CmdPipelineBarrier(commands, work, work | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier,
                                  0, NULL, 0, NULL);
}

void tern_vk_ring_copy(tern_backend_device *device, tern_vk_slot *slot, VkBuffer from, VkBuffer to,
                       const VkBufferCopy *copy) {
    uint64_t start = tern_clock_ns();
    device->vk.CmdCopyBuffer(slot->commands, from, to, 1, copy);
    tern_meter_driver(&device->meter, start);
}

static VkResult submit(tern_backend_device *device, const VkSubmitInfo *info, VkFence fence) {
    if (device->lock_queue) {
        device->lock_queue(device->lock_user);
    }
    VkResult result = device->vk.QueueSubmit(device->queue, 1, info, fence);
    if (device->unlock_queue) {
        device->unlock_queue(device->lock_user);
    }
    return result;
}

tern_status tern_vk_ring_end(tern_backend_device *device, tern_vk_slot *slot,
                             VkCommandBuffer program, uint32_t dispatches, uint64_t *out_ticket) {
    uint64_t start = tern_clock_ns();
    tern_vk_record_end_barrier(device, slot->commands);
    TERN_TRY(
        tern_vk_check(device, device->vk.EndCommandBuffer(slot->commands), "EndCommandBuffer"));
    VkCommandBuffer commands[] = {slot->commands, program};
    VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                         .commandBufferCount = program ? 2 : 1,
                         .pCommandBuffers = commands};
    TERN_TRY(tern_vk_check(device, submit(device, &info, slot->fence), "QueueSubmit"));
    tern_meter_driver(&device->meter, start);
    tern_meter_submit(&device->meter, dispatches);
    slot->ticket = atomic_load(&device->ring.issued) + 1;
    atomic_store(&device->ring.issued, slot->ticket);
    *out_ticket = slot->ticket;
    return TERN_STATUS_OK;
}

static uint64_t chunk_of(uint64_t left) {
    return left < TERN_VK_STAGING ? left : TERN_VK_STAGING;
}

tern_status tern_vk_upload(tern_backend_device *device, const tern_vk_block *block, uint64_t offset,
                           const void *data, uint64_t size) {
    for (uint64_t done = 0; done < size;) {
        uint64_t chunk = chunk_of(size - done);
        tern_vk_slot *slot;
        uint64_t ticket;
        TERN_TRY(tern_vk_ring_begin(device, &slot));
        memcpy(slot->staging, (const unsigned char *)data + done, (size_t)chunk);
        VkBufferCopy copy = {slot->staging_offset, offset + done, chunk};
        tern_vk_ring_copy(device, slot, device->ring.staging.buffer, block->buffer, &copy);
        TERN_TRY(tern_vk_ring_end(device, slot, NULL, 0, &ticket));
        done += chunk;
    }
    return TERN_STATUS_OK;
}

tern_status tern_vk_download(tern_backend_device *device, const tern_vk_block *block,
                             uint64_t offset, void *data, uint64_t size) {
    for (uint64_t done = 0; done < size;) {
        uint64_t chunk = chunk_of(size - done);
        tern_vk_slot *slot;
        uint64_t ticket;
        TERN_TRY(tern_vk_ring_begin(device, &slot));
        VkBufferCopy copy = {offset + done, slot->staging_offset, chunk};
        tern_vk_ring_copy(device, slot, block->buffer, device->ring.staging.buffer, &copy);
        TERN_TRY(tern_vk_ring_end(device, slot, NULL, 0, &ticket));
        TERN_TRY(tern_vk_wait(device, ticket, UINT64_MAX));
        memcpy((unsigned char *)data + done, slot->staging, (size_t)chunk);
        done += chunk;
    }
    return TERN_STATUS_OK;
}

tern_status tern_vk_fill_zero(tern_backend_device *device, const tern_vk_block *block) {
    tern_vk_slot *slot;
    uint64_t ticket;
    TERN_TRY(tern_vk_ring_begin(device, &slot));
    device->vk.CmdFillBuffer(slot->commands, block->buffer, 0, VK_WHOLE_SIZE, 0);
    return tern_vk_ring_end(device, slot, NULL, 0, &ticket);
}
