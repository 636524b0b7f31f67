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
static PFN_vkGetPhysicalDeviceProperties2 real_properties;
static PFN_vkGetPhysicalDeviceMemoryProperties2 real_memory;
static PFN_vkGetBufferMemoryRequirements real_requirements;
static PFN_vkAllocateMemory real_allocate;

static VKAPI_ATTR void VKAPI_CALL families(VkPhysicalDevice physical, uint32_t *count,
                                           VkQueueFamilyProperties *out) {
    real_families(physical, count, out);
    for (uint32_t i = 0; out && shim_state.no_timestamps && i < *count; i++) {
        out[i].timestampValidBits = 0;
    }
}

static VKAPI_ATTR void VKAPI_CALL properties(VkPhysicalDevice physical,
                                             VkPhysicalDeviceProperties2 *out) {
    real_properties(physical, out);
    if (shim_state.discrete) {
        out->properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    }
}

// The three kinds of memory that such a GPU has; really they are all the first type.
static VKAPI_ATTR void VKAPI_CALL memory(VkPhysicalDevice physical,
                                         VkPhysicalDeviceMemoryProperties2 *out) {
    enum {
        LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
        SEEN = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
        CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT
    };
    real_memory(physical, out);
    if (shim_state.discrete) {
        out->memoryProperties.memoryTypeCount = 3;
        out->memoryProperties.memoryTypes[0] = (VkMemoryType){LOCAL, 0};
        out->memoryProperties.memoryTypes[1] = (VkMemoryType){SEEN | CACHED, 0};
        out->memoryProperties.memoryTypes[2] = (VkMemoryType){LOCAL | SEEN, 0};
    }
}

static VKAPI_ATTR void VKAPI_CALL requirements(VkDevice device, VkBuffer buffer,
                                               VkMemoryRequirements *out) {
    real_requirements(device, buffer, out);
    if (shim_state.discrete) {
        out->memoryTypeBits = 7;
    }
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate(VkDevice device, const VkMemoryAllocateInfo *info,
                                               const VkAllocationCallbacks *allocator,
                                               VkDeviceMemory *out) {
    VkMemoryAllocateInfo really = *info;
    if (shim_state.discrete) {
        shim_state.allocated[info->memoryTypeIndex]++;
        really.memoryTypeIndex = 0;
    }
    return real_allocate(device, &really, allocator, out);
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
    if (strcmp(name, "vkGetBufferMemoryRequirements") == 0) {
        real_requirements = (PFN_vkGetBufferMemoryRequirements)real;
        return (PFN_vkVoidFunction)requirements;
    }
    if (strcmp(name, "vkAllocateMemory") == 0) {
        real_allocate = (PFN_vkAllocateMemory)real;
        return (PFN_vkVoidFunction)allocate;
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
    if (strcmp(name, "vkGetPhysicalDeviceProperties2") == 0) {
        real_properties = (PFN_vkGetPhysicalDeviceProperties2)real;
        return (PFN_vkVoidFunction)properties;
    }
    if (strcmp(name, "vkGetPhysicalDeviceMemoryProperties2") == 0) {
        real_memory = (PFN_vkGetPhysicalDeviceMemoryProperties2)real;
        return (PFN_vkVoidFunction)memory;
    }
    return real;
}
