#include "backends/vulkan/cache.h"

#include <stdio.h>

#include "backends/common/cache.h"
#include "backends/common/choice.h"
#include "backends/common/report.h"
#include "backends/vulkan/device.h"

// What every driver's data begins with (VkPipelineCacheHeaderVersionOne); a driver that keeps
// nothing gives no more.
enum { HEADER_BYTES = 32 };

static uint64_t hash_shaders(void) {
    uint64_t hash = TERN_CHOICE_HASH;
    for (size_t i = 0; i < TERN_VK_SHADER_COUNT; i++) {
        hash = tern_choice_hash(hash, tern_vk_modules[i].words, tern_vk_modules[i].size);
    }
    return hash;
}

// "vulkan pipelines 10de:2204, driver 1234, 0123...cdef, shaders 89ab...": the driver's own mark
// for what it can read (its UUID) is among them.
void tern_vk_cache_name(tern_backend_device *device, const char *kind,
                        char out_name[TERN_VK_CACHE_NAME]) {
    VkPhysicalDeviceProperties2 properties = {.sType =
                                                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    device->instance_vk.GetPhysicalDeviceProperties2(device->physical, &properties);
    const VkPhysicalDeviceProperties *core = &properties.properties;
    char uuid[2 * VK_UUID_SIZE + 1];
    for (size_t i = 0; i < VK_UUID_SIZE; i++) {
        snprintf(uuid + 2 * i, 3, "%02x", core->pipelineCacheUUID[i]);
    }
    snprintf(out_name, TERN_VK_CACHE_NAME, "vulkan %s %x:%x, driver %u, %s, shaders %016llx", kind,
             core->vendorID, core->deviceID, core->driverVersion, uuid,
             (unsigned long long)hash_shaders());
}

static VkResult create(tern_backend_device *device, const void *data, size_t size) {
    VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                      .initialDataSize = size,
                                      .pInitialData = data};
    return device->vk.CreatePipelineCache(device->handle, &info, NULL, &device->pipelines.cache);
}

tern_status tern_vk_cache_open(tern_backend_device *device) {
    const tern_host *host = device->host;
    char name[TERN_VK_CACHE_NAME];
    void *data = NULL;
    size_t size = 0;
    VkResult result = VK_INCOMPLETE;
    tern_vk_cache_name(device, "pipelines", name);
    if (tern_cache_is_there(host) && host->cache_read(host, name, &data, &size)) {
        result = create(device, data, size);
        device->pipelines.kept = size;
        device->pipelines.kept_hash = tern_choice_hash(0, data, size);
        host->release(host, data);
    }
    if (result != VK_SUCCESS) { // nothing was kept, or the driver does not want it
        result = create(device, NULL, 0);
    }
    return tern_vk_check(device, result, "CreatePipelineCache");
}

static void keep(tern_backend_device *device) {
    const tern_host *host = device->host;
    tern_vk_pipelines *pipelines = &device->pipelines;
    size_t size = 0;
    if (!tern_cache_is_there(host) || atomic_load(&device->lost) ||
        device->vk.GetPipelineCacheData(device->handle, pipelines->cache, &size, NULL) !=
            VK_SUCCESS ||
        size <= HEADER_BYTES) {
        return;
    }
    void *data = tern_report_calloc(host, 1, size);
    if (!data) {
        return;
    }
    VkResult result =
        device->vk.GetPipelineCacheData(device->handle, pipelines->cache, &size, data);
    if (result == VK_SUCCESS &&
        (size != pipelines->kept || tern_choice_hash(0, data, size) != pipelines->kept_hash)) {
        char name[TERN_VK_CACHE_NAME];
        tern_vk_cache_name(device, "pipelines", name);
        host->cache_write(host, name, data, size);
    }
    host->release(host, data);
}

void tern_vk_cache_close(tern_backend_device *device) {
    if (device->pipelines.cache) {
        keep(device);
        device->vk.DestroyPipelineCache(device->handle, device->pipelines.cache, NULL);
    }
}
