#include <stdio.h>
#include <string.h>

#include "backends/common/report.h"
#include "backends/vulkan/device.h"

static bool has_extension(const VkExtensionProperties *list, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(list[i].extensionName, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_int_dot(const tern_vk_instance_functions *vk, VkPhysicalDevice physical) {
    VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR dot = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES_KHR};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &dot};
    vk->GetPhysicalDeviceFeatures2(physical, &features);
    return dot.shaderIntegerDotProduct;
}

tern_status tern_vk_find_features(const tern_host *host, const tern_vk_instance_functions *vk,
                                  VkPhysicalDevice physical, tern_vk_features *out_features) {
    tern_vk_features found = {0};
    uint32_t count = 0;
    vk->EnumerateDeviceExtensionProperties(physical, NULL, &count, NULL);
    VkExtensionProperties *list = tern_report_calloc(host, count, sizeof *list);
    if (!list) {
        return tern_report_no_memory(host, count * sizeof *list, "a list of vulkan extensions");
    }
    if (vk->EnumerateDeviceExtensionProperties(physical, NULL, &count, list) >= 0) {
        found.int_dot =
            has_extension(list, count, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME) &&
            has_int_dot(vk, physical);
        found.memory_budget = has_extension(list, count, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
        found.driver = has_extension(list, count, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME);
        found.maintenance4 = has_extension(list, count, VK_KHR_MAINTENANCE_4_EXTENSION_NAME);
    }
    host->release(host, list);
    *out_features = found;
    return TERN_STATUS_OK;
}

// llvmpipe leaves every loop once an invocation has gone through 65535 rounds (Mesa 22.3: a row of
// 65530 steps is right, one of 65536 is not). Others have no such limit.
static uint32_t most_loops(const VkPhysicalDeviceDriverPropertiesKHR *driver) {
    return driver->driverID == VK_DRIVER_ID_MESA_LLVMPIPE ? 65535 : UINT32_MAX;
}

void tern_vk_find_limits(const tern_vk_instance_functions *vk, VkPhysicalDevice physical,
                         const tern_vk_features *features, tern_vk_limits *out_limits) {
    VkPhysicalDeviceMaintenance4PropertiesKHR fourth = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES_KHR};
    VkPhysicalDeviceMaintenance3Properties third = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
        .pNext = features->maintenance4 ? &fourth : NULL};
    VkPhysicalDeviceDriverPropertiesKHR driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES_KHR, .pNext = &third};
    VkPhysicalDeviceProperties2 properties = {.sType =
                                                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                              .pNext = features->driver ? (void *)&driver : &third};
    vk->GetPhysicalDeviceProperties2(physical, &properties);
    const VkPhysicalDeviceLimits *core = &properties.properties.limits;
    tern_vk_limits limits = {.range = core->maxStorageBufferRange & ~3u,
                             .buffer = third.maxMemoryAllocationSize,
                             .alignment = core->minStorageBufferOffsetAlignment,
                             .shared = core->maxComputeSharedMemorySize,
                             .bindings = core->maxPerStageDescriptorStorageBuffers,
                             .groups = {core->maxComputeWorkGroupCount[0],
                                        core->maxComputeWorkGroupCount[1],
                                        core->maxComputeWorkGroupCount[2]},
                             .invocations = core->maxComputeWorkGroupInvocations,
                             .loops = most_loops(&driver)};
    if (features->maintenance4 && fourth.maxBufferSize < limits.buffer) {
        limits.buffer = fourth.maxBufferSize;
    }
    if (limits.alignment < 4) {
        limits.alignment = 4;
    }
    *out_limits = limits;
}

// No driver has more than a handful.
enum { FAMILIES_MAX = 16 };

static uint32_t find_families(const tern_vk_instance_functions *vk, VkPhysicalDevice physical,
                              VkQueueFamilyProperties *out_families) {
    uint32_t count = FAMILIES_MAX;
    vk->GetPhysicalDeviceQueueFamilyProperties(physical, &count, out_families);
    return count;
}

uint32_t tern_vk_find_queue_family(const tern_vk_instance_functions *vk,
                                   VkPhysicalDevice physical) {
    VkQueueFamilyProperties families[FAMILIES_MAX];
    uint32_t count = find_families(vk, physical, families);
    for (uint32_t i = 0; i < count; i++) {
        if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) {
            return i;
        }
    }
    return UINT32_MAX;
}

bool tern_vk_queue_family_computes(const tern_vk_instance_functions *vk, VkPhysicalDevice physical,
                                   uint32_t family) {
    VkQueueFamilyProperties families[FAMILIES_MAX];
    return family < find_families(vk, physical, families) &&
           families[family].queueFlags & VK_QUEUE_COMPUTE_BIT;
}

uint32_t tern_vk_find_timestamp_bits(const tern_vk_instance_functions *vk,
                                     VkPhysicalDevice physical, uint32_t family) {
    VkQueueFamilyProperties families[FAMILIES_MAX];
    return family < find_families(vk, physical, families) ? families[family].timestampValidBits : 0;
}

static tern_device_type device_type(VkPhysicalDeviceType type) {
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return TERN_DEVICE_DISCRETE;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return TERN_DEVICE_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return TERN_DEVICE_SOFTWARE;
    default:
        return TERN_DEVICE_OTHER;
    }
}

static uint64_t largest_heap(const tern_vk_instance_functions *vk, VkPhysicalDevice physical) {
    VkPhysicalDeviceMemoryProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
    vk->GetPhysicalDeviceMemoryProperties2(physical, &properties);
    uint64_t largest = 0;
    for (uint32_t i = 0; i < properties.memoryProperties.memoryHeapCount; i++) {
        const VkMemoryHeap *heap = &properties.memoryProperties.memoryHeaps[i];
        if ((heap->flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) && heap->size > largest) {
            largest = heap->size;
        }
    }
    return largest;
}

// "llvmpipe Mesa 22.3.6"; the version in numbers where the driver does not put it in words.
static void describe_driver(const VkPhysicalDeviceProperties *core,
                            const VkPhysicalDeviceDriverPropertiesKHR *driver, char *out_text,
                            size_t capacity) {
    char version[VK_MAX_DRIVER_INFO_SIZE];
    uint32_t number = core->driverVersion;
    snprintf(version, sizeof version, "%u.%u.%u", VK_API_VERSION_MAJOR(number),
             VK_API_VERSION_MINOR(number), VK_API_VERSION_PATCH(number));
    const char *info = driver->driverInfo[0] ? driver->driverInfo : version;
    char text[VK_MAX_DRIVER_NAME_SIZE + VK_MAX_DRIVER_INFO_SIZE + 32];
    if (driver->driverName[0]) {
        snprintf(text, sizeof text, "%s %s", driver->driverName, info);
    } else {
        snprintf(text, sizeof text, "vendor 0x%x %s", core->vendorID, info);
    }
    snprintf(out_text, capacity, "%.*s", (int)capacity - 1, text);
}

static void describe(const tern_vk_instance_functions *vk, VkPhysicalDevice physical,
                     const tern_vk_features *features, tern_device_info *out_info) {
    tern_vk_limits limits;
    tern_vk_find_limits(vk, physical, features, &limits);
    VkPhysicalDeviceDriverPropertiesKHR driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES_KHR};
    VkPhysicalDeviceProperties2 properties = {.sType =
                                                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                              .pNext = features->driver ? &driver : NULL};
    vk->GetPhysicalDeviceProperties2(physical, &properties);
    out_info->type = device_type(properties.properties.deviceType);
    out_info->memory_bytes = largest_heap(vk, physical);
    out_info->max_buffer_bytes = limits.buffer;
    snprintf(out_info->name, sizeof out_info->name, "%.*s", (int)sizeof out_info->name - 1,
             properties.properties.deviceName);
    describe_driver(&properties.properties, &driver, out_info->driver, sizeof out_info->driver);
    snprintf(out_info->features, sizeof out_info->features, "%s",
             features->int_dot ? "int_dot" : "");
}

tern_status tern_vk_device_describe(tern_backend_instance *instance, uint32_t index,
                                    tern_device_info *out_info) {
    if (index >= instance->device_count) {
        return tern_report_fail(instance->host, TERN_STATUS_OUT_OF_RANGE,
                                "vulkan: no device %u, there are %u", index,
                                instance->device_count);
    }
    VkPhysicalDevice physical = instance->devices[index];
    tern_vk_features features;
    TERN_TRY(tern_vk_find_features(instance->host, &instance->vk, physical, &features));
    out_info->index = index;
    describe(&instance->vk, physical, &features, out_info);
    return TERN_STATUS_OK;
}

tern_status tern_vk_device_info(tern_backend_device *device, tern_device_info *out_info) {
    describe(&device->instance_vk, device->physical, &device->features, out_info);
    return TERN_STATUS_OK;
}
