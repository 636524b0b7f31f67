// The queue's timeline: a ring of four submissions, each with a command buffer, a fence and a piece
// of staging memory. Every command buffer that we submit ends with a barrier from all that it did
// to all that follows, on the device and on the host; so none needs one at its start.
#ifndef TERN_BACKENDS_VULKAN_TIMELINE_H_
#define TERN_BACKENDS_VULKAN_TIMELINE_H_

#include <stdatomic.h>

#include "backends/vulkan/memory.h"

#define TERN_VK_SLOTS 4
// Bytes of staging memory of a slot.
#define TERN_VK_STAGING ((uint64_t)2 << 20)

typedef struct tern_vk_slot {
    uint32_t index;
    VkCommandBuffer commands;
    VkFence fence;
    uint64_t ticket;     // last submitted with it; 0: none
    atomic_uint waiters; // threads that may be looking at the fence
    unsigned char *staging;
    uint64_t staging_offset; // in the ring's block
} tern_vk_slot;

typedef struct tern_vk_ring {
    tern_vk_slot slots[TERN_VK_SLOTS];
    tern_vk_block staging;
    _Atomic uint64_t issued;    // last ticket
    _Atomic uint64_t completed; // every ticket up to here is done
} tern_vk_ring;

tern_status tern_vk_ring_init(tern_backend_device *device);
void tern_vk_ring_finish(tern_backend_device *device);

// Takes the next slot, waiting until its last submission is done, and begins its command buffer.
tern_status tern_vk_ring_begin(tern_backend_device *device, tern_vk_slot **out_slot);
// Records a copy into it.
void tern_vk_ring_copy(tern_backend_device *device, tern_vk_slot *slot, VkBuffer from, VkBuffer to,
                       const VkBufferCopy *copy);
// Ends and submits what was recorded, followed by |program| of |dispatches| unless that is NULL.
tern_status tern_vk_ring_end(tern_backend_device *device, tern_vk_slot *slot,
                             VkCommandBuffer program, uint32_t dispatches, uint64_t *out_ticket);

// As the slot `wait` of the backend table: any thread.
tern_status tern_vk_wait(tern_backend_device *device, uint64_t ticket, uint64_t timeout_ns);
tern_status tern_vk_wait_idle(tern_backend_device *device);
// The same before something is destroyed: silent, and no wait on a lost device.
void tern_vk_drain(tern_backend_device *device);

// The barrier that ends every command buffer.
void tern_vk_record_end_barrier(tern_backend_device *device, VkCommandBuffer commands);

// Copies of any size through staging memory, in order with everything submitted.
tern_status tern_vk_upload(tern_backend_device *device, const tern_vk_block *block, uint64_t offset,
                           const void *data, uint64_t size);
tern_status tern_vk_download(tern_backend_device *device, const tern_vk_block *block,
                             uint64_t offset, void *data, uint64_t size);
tern_status tern_vk_fill_zero(tern_backend_device *device, const tern_vk_block *block);

#endif
