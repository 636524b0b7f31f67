#include "tests/vulkan/shim.h"

#include <dlfcn.h>
#include <string.h>

#define VK_NO_PROTOTYPES 1
#include <vulkan/vulkan_core.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT shim shim_state;
EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vkGetInstanceProcAddr(VkInstance instance,
                                                                      const char *name);

static PFN_vkGetInstanceProcAddr real_instance_proc;
static PFN_vkGetDeviceProcAddr real_device_proc;
static PFN_vkGetPhysicalDeviceQueueFamilyProperties real_families;
static PFN_vkCreatePipelineCache real_create;

static VKAPI_ATTR void VKAPI_CALL families(VkPhysicalDevice physical, uint32_t *count,
                                           VkQueueFamilyProperties *out) {
    real_families(physical, count, out);
    for (uint32_t i = 0; out && shim_state.no_timestamps && i < *count; i++) {
        out[i].timestampValidBits = 0;
    }
}

// The real driver never sees data that is not its own.
static VKAPI_ATTR VkResult VKAPI_CALL create_cache(VkDevice device,
                                                   const VkPipelineCacheCreateInfo *info,
                                                   const VkAllocationCallbacks *allocator,
                                                   VkPipelineCache *out) {
    VkPipelineCacheCreateInfo plain = {.sType = info->sType};
    shim_state.given_size = info->initialDataSize;
    if (info->initialDataSize <= sizeof shim_state.given && info->initialDataSize) {
        memcpy(shim_state.given, info->pInitialData, info->initialDataSize);
    }
    return real_create(device, &plain, allocator, out);
}

static VKAPI_ATTR VkResult VKAPI_CALL get_cache(VkDevice device, VkPipelineCache cache,
                                                size_t *size, void *out) {
    (void)device, (void)cache;
    *size = sizeof shim_state.kept;
    if (out) {
        memcpy(out, shim_state.kept, sizeof shim_state.kept);
    }
    return VK_SUCCESS;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_proc(VkDevice device, const char *name) {
    PFN_vkVoidFunction real = real_device_proc(device, name);
    if (strcmp(name, "vkCreatePipelineCache") == 0) {
        real_create = (PFN_vkCreatePipelineCache)real;
        return (PFN_vkVoidFunction)create_cache;
    }
    return strcmp(name, "vkGetPipelineCacheData") == 0 ? (PFN_vkVoidFunction)get_cache : real;
}

PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance instance, const char *name) {
    if (!real_instance_proc) {
        void *library = dlopen("libvulkan.so.1", RTLD_NOW);
        if (!library) {
            return NULL;
        }
        *(void **)&real_instance_proc = dlsym(library, "vkGetInstanceProcAddr");
    }
    PFN_vkVoidFunction real = real_instance_proc(instance, name);
    if (strcmp(name, "vkGetDeviceProcAddr") == 0) {
        real_device_proc = (PFN_vkGetDeviceProcAddr)real;
        return (PFN_vkVoidFunction)device_proc;
    }
    if (strcmp(name, "vkGetPhysicalDeviceQueueFamilyProperties") == 0) {
        real_families = (PFN_vkGetPhysicalDeviceQueueFamilyProperties)real;
        return (PFN_vkVoidFunction)families;
    }
    return real;
}
