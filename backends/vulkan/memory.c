#include "backends/vulkan/memory.h"

#include "backends/common/report.h"
#include "backends/vulkan/device.h"

enum {
    LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
    MAPPED = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
    CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT
};

// Bytes free in |heap|, or its size where the driver does not tell.
static uint64_t heap_free(tern_backend_device *device, uint32_t heap) {
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
    VkPhysicalDeviceMemoryProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, .pNext = &budget};
    if (!device->features.memory_budget) {
        return device->memory.memoryHeaps[heap].size;
    }
    device->instance_vk.GetPhysicalDeviceMemoryProperties2(device->physical, &properties);
    uint64_t used = budget.heapUsage[heap];
    return budget.heapBudget[heap] > used ? budget.heapBudget[heap] - used : 0;
}

static tern_status out_of_memory(tern_backend_device *device, uint64_t size, uint32_t heap) {
    return tern_report_fail(
        device->host, TERN_STATUS_OUT_OF_MEMORY,
        device->features.memory_budget
            ? "out of device memory: asked for %llu bytes, %llu bytes free"
            : "out of device memory: asked for %llu bytes of a heap of %llu bytes",
        (unsigned long long)size, (unsigned long long)heap_free(device, heap));
}

// The first memory type among |allowed| with all of |flags|, UINT32_MAX if there is none.
static uint32_t find_type(const tern_backend_device *device, uint32_t allowed, uint32_t flags) {
    for (uint32_t i = 0; i < device->memory.memoryTypeCount; i++) {
        if ((allowed >> i & 1) && (device->memory.memoryTypes[i].propertyFlags & flags) == flags) {
            return i;
        }
    }
    return UINT32_MAX;
}

// The id that a token gets, and what else is as small: read across the bus, it is there without the
// submit that copying it would take.
#define SMALL_BYTES 4096

// Reading memory that is mapped but not cached is so slow that copying by the device is better,
// unless it is small.
static uint32_t choose_type(const tern_backend_device *device, uint32_t allowed,
                            tern_vk_memory_kind kind, bool small) {
    const uint32_t device_order[] = {LOCAL, 0};
    const uint32_t shared_order[] = {LOCAL | MAPPED | CACHED, LOCAL, 0};
    const uint32_t small_order[] = {LOCAL | MAPPED, LOCAL, 0};
    const uint32_t staging_order[] = {MAPPED | CACHED, MAPPED};
    const uint32_t *order = device_order;
    size_t count = 2;
    if (kind == TERN_VK_MEMORY_SHARED && (small || !device->discrete)) {
        order = device->discrete ? small_order : shared_order;
        count = 3;
    } else if (kind == TERN_VK_MEMORY_STAGING) {
        order = staging_order;
    }
    uint32_t type = UINT32_MAX;
    for (size_t i = 0; i < count && type == UINT32_MAX; i++) {
        type = find_type(device, allowed, order[i]);
    }
    return type;
}

static tern_status allocate(tern_backend_device *device, tern_vk_memory_kind kind,
                            tern_vk_block *block) {
    VkMemoryRequirements needs;
    device->vk.GetBufferMemoryRequirements(device->handle, block->buffer, &needs);
    bool small = device->discrete && block->size <= SMALL_BYTES;
    uint32_t type = choose_type(device, needs.memoryTypeBits, kind, small);
    if (type == UINT32_MAX) {
        return tern_report_fail(device->host, TERN_STATUS_UNSUPPORTED,
                                "vulkan: no memory type suits buffers (types 0x%x)",
                                needs.memoryTypeBits);
    }
    uint32_t heap = device->memory.memoryTypes[type].heapIndex;
    if (needs.size > device->memory.memoryHeaps[heap].size) {
        return out_of_memory(device, needs.size, heap);
    }
    VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                 .allocationSize = needs.size,
                                 .memoryTypeIndex = type};
    VkResult result = device->vk.AllocateMemory(device->handle, &info, NULL, &block->memory);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY) {
        return out_of_memory(device, needs.size, heap);
    }
    TERN_TRY(tern_vk_check(device, result, "AllocateMemory"));
    TERN_TRY(tern_vk_check(
        device, device->vk.BindBufferMemory(device->handle, block->buffer, block->memory, 0),
        "BindBufferMemory"));
    uint32_t wanted = small ? MAPPED : MAPPED | CACHED;
    bool mappable = (device->memory.memoryTypes[type].propertyFlags & wanted) == wanted;
    if (kind == TERN_VK_MEMORY_STAGING || (kind == TERN_VK_MEMORY_SHARED && mappable)) {
        void *map;
        TERN_TRY(tern_vk_check(
            device, device->vk.MapMemory(device->handle, block->memory, 0, VK_WHOLE_SIZE, 0, &map),
            "MapMemory"));
        block->map = map;
    }
    return TERN_STATUS_OK;
}

tern_status tern_vk_block_create(tern_backend_device *device, uint64_t size,
                                 tern_vk_memory_kind kind, tern_vk_block *out_block) {
    TERN_TRY(tern_vk_check_lost(device));
    if (size > device->limits.buffer) {
        return tern_report_fail(device->host, TERN_STATUS_OUT_OF_MEMORY,
                                "out of device memory: asked for %llu bytes, one buffer may have "
                                "%llu bytes",
                                (unsigned long long)size,
                                (unsigned long long)device->limits.buffer);
    }
    tern_vk_block block = {.size = size};
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                               .size = (size + 3) & ~(uint64_t)3,
                               .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                        VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                        VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    TERN_TRY(tern_vk_check(device,
                           device->vk.CreateBuffer(device->handle, &info, NULL, &block.buffer),
                           "CreateBuffer"));
    tern_status status = allocate(device, kind, &block);
    if (status != TERN_STATUS_OK) {
        tern_vk_block_destroy(device, &block);
        return status;
    }
    *out_block = block;
    return TERN_STATUS_OK;
}

void tern_vk_block_destroy(tern_backend_device *device, tern_vk_block *block) {
    if (block->buffer) {
        device->vk.DestroyBuffer(device->handle, block->buffer, NULL);
    }
    if (block->memory) {
        device->vk.FreeMemory(device->handle, block->memory, NULL);
    }
    *block = (tern_vk_block){0};
}
