#include "backends/vulkan/device.h"

#include <string.h>

#include "backends/common/report.h"
#include "backends/vulkan/cache.h"
#include "backends/vulkan/plan.h"

const char *tern_vk_result_name(VkResult result) {
#define NAME(code)                                                                                 \
    case code:                                                                                     \
        return #code
    switch (result) {
        NAME(VK_SUCCESS);
        NAME(VK_NOT_READY);
        NAME(VK_TIMEOUT);
        NAME(VK_INCOMPLETE);
        NAME(VK_ERROR_OUT_OF_HOST_MEMORY);
        NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY);
        NAME(VK_ERROR_INITIALIZATION_FAILED);
        NAME(VK_ERROR_DEVICE_LOST);
        NAME(VK_ERROR_MEMORY_MAP_FAILED);
        NAME(VK_ERROR_LAYER_NOT_PRESENT);
        NAME(VK_ERROR_EXTENSION_NOT_PRESENT);
        NAME(VK_ERROR_FEATURE_NOT_PRESENT);
        NAME(VK_ERROR_INCOMPATIBLE_DRIVER);
        NAME(VK_ERROR_TOO_MANY_OBJECTS);
        NAME(VK_ERROR_FRAGMENTED_POOL);
        NAME(VK_ERROR_OUT_OF_POOL_MEMORY);
    default:
        return "an unknown result";
    }
#undef NAME
}

tern_status tern_vk_check(tern_backend_device *device, VkResult result, const char *call) {
    switch (result) {
    case VK_SUCCESS:
        return TERN_STATUS_OK;
    case VK_ERROR_DEVICE_LOST:
        atomic_store(&device->lost, true);
        return tern_report_fail(device->host, TERN_STATUS_DEVICE_LOST,
                                "vulkan: the device is lost (vk%s)", call);
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_FRAGMENTED_POOL:
    case VK_ERROR_TOO_MANY_OBJECTS:
        return tern_report_fail(device->host, TERN_STATUS_OUT_OF_MEMORY,
                                "out of device memory: vk%s failed: %s", call,
                                tern_vk_result_name(result));
    default:
        return tern_report_fail(device->host, TERN_STATUS_INTERNAL, "vk%s failed: %s (%d)", call,
                                tern_vk_result_name(result), (int)result);
    }
}

tern_status tern_vk_check_lost(tern_backend_device *device) {
    if (!atomic_load(&device->lost)) {
        return TERN_STATUS_OK;
    }
    return tern_report_fail(device->host, TERN_STATUS_DEVICE_LOST,
                            "vulkan: the device was lost earlier");
}

tern_status tern_vk_device_status(tern_backend_device *device) {
    return atomic_load(&device->lost) ? TERN_STATUS_DEVICE_LOST : TERN_STATUS_OK;
}

static tern_status create_handle(tern_backend_device *device) {
    device->queue_family = tern_vk_find_queue_family(&device->instance_vk, device->physical);
    float priority = 1.0f;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueFamilyIndex = device->queue_family,
                                     .queueCount = 1,
                                     .pQueuePriorities = &priority};
    VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR dot = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES_KHR,
        .shaderIntegerDotProduct = VK_TRUE};
    const char *extensions[] = {VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME};
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                               .pNext = device->features.int_dot ? &dot : NULL,
                               .queueCreateInfoCount = 1,
                               .pQueueCreateInfos = &queue,
                               .enabledExtensionCount = device->features.int_dot ? 1 : 0,
                               .ppEnabledExtensionNames = extensions};
    VkResult result =
        device->instance_vk.CreateDevice(device->physical, &info, NULL, &device->handle);
    if (result != VK_SUCCESS) {
        device->handle = VK_NULL_HANDLE;
        return tern_report_fail(device->host, TERN_STATUS_UNAVAILABLE,
                                "the driver fails to start: vkCreateDevice: %s",
                                tern_vk_result_name(result));
    }
    device->owned = true;
    TERN_TRY(tern_vk_load_device(device->host, &device->instance_vk, device->handle, &device->vk));
    device->vk.GetDeviceQueue(device->handle, device->queue_family, 0, &device->queue);
    return TERN_STATUS_OK;
}

static bool host_has_extension(const tern_vulkan_native *native, const char *name) {
    for (uint32_t i = 0; i < native->extension_count; i++) {
        if (strcmp(native->extensions[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool host_has_int_dot(const tern_vulkan_native *native) {
    const VkBaseInStructure *next = (const VkBaseInStructure *)native->features;
    for (; next; next = next->pNext) {
        if (next->sType ==
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES_KHR) {
            return ((const VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR *)next)
                ->shaderIntegerDotProduct;
        }
        if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES) {
            return ((const VkPhysicalDeviceVulkan13Features *)next)->shaderIntegerDotProduct;
        }
    }
    return false;
}

// What is not enabled on the host's device is not used, whatever the hardware has.
static void keep_host_features(const tern_vulkan_native *native, tern_vk_features *features) {
    bool extension = native->api_version >= VK_API_VERSION_1_3 ||
                     host_has_extension(native, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
    features->int_dot = features->int_dot && extension && host_has_int_dot(native);
    features->memory_budget =
        features->memory_budget && host_has_extension(native, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
}

static tern_status check_native(const tern_backend_device *device,
                                const tern_vulkan_native *native) {
    if (native->head.struct_size < sizeof *native || !native->instance ||
        !native->physical_device || !native->device || !native->queue) {
        return tern_report_fail(device->host, TERN_STATUS_INVALID_ARGUMENT,
                                "vulkan: the host's device lacks an instance, a physical device, a "
                                "device or a queue (struct of %u bytes, %zu expected)",
                                native->head.struct_size, sizeof *native);
    }
    if (native->api_version < VK_API_VERSION_1_1) {
        return tern_report_fail(device->host, TERN_STATUS_INCOMPATIBLE,
                                "vulkan: the host's device is of vulkan %u.%u, 1.1 is needed",
                                VK_API_VERSION_MAJOR(native->api_version),
                                VK_API_VERSION_MINOR(native->api_version));
    }
    if (native->reserved) {
        return tern_report_fail(device->host, TERN_STATUS_INVALID_ARGUMENT,
                                "vulkan: tern_vulkan_native: reserved is %u, must be 0",
                                native->reserved);
    }
    return TERN_STATUS_OK;
}

static tern_status adopt_handle(tern_backend_instance *instance, tern_backend_device *device,
                                const tern_vulkan_native *native) {
    TERN_TRY(check_native(device, native));
    PFN_vkGetInstanceProcAddr get_proc =
        native->get_instance_proc_addr ? native->get_instance_proc_addr : instance->loader.get_proc;
    TERN_TRY(tern_vk_load_instance(device->host, get_proc, native->instance, &device->instance_vk));
    if (!tern_vk_queue_family_computes(&device->instance_vk, native->physical_device,
                                       native->queue_family)) {
        return tern_report_fail(device->host, TERN_STATUS_INVALID_ARGUMENT,
                                "vulkan: the host's queue family %u computes nothing, or the "
                                "device has none of that number",
                                native->queue_family);
    }
    device->physical = native->physical_device;
    device->handle = native->device;
    device->queue = native->queue;
    device->queue_family = native->queue_family;
    device->lock_queue = native->unlock_queue ? native->lock_queue : NULL;
    device->unlock_queue = native->lock_queue ? native->unlock_queue : NULL;
    device->lock_user = native->user;
    TERN_TRY(tern_vk_find_features(device->host, &device->instance_vk, device->physical,
                                   &device->features));
    keep_host_features(native, &device->features);
    return tern_vk_load_device(device->host, &device->instance_vk, device->handle, &device->vk);
}

static tern_status get_handle(tern_backend_instance *instance, uint32_t index,
                              const tern_native *native, tern_backend_device *device) {
    if (native && native->kind != TERN_NATIVE_VULKAN) {
        return tern_report_fail(device->host, TERN_STATUS_UNSUPPORTED,
                                "vulkan: a host's device of kind 0x%x, not 0x%x", native->kind,
                                TERN_NATIVE_VULKAN);
    }
    if (native) {
        return adopt_handle(instance, device, (const tern_vulkan_native *)native);
    }
    if (index >= instance->device_count) {
        return tern_report_fail(device->host, TERN_STATUS_OUT_OF_RANGE,
                                "vulkan: no device %u, there are %u", index,
                                instance->device_count);
    }
    device->instance_vk = instance->vk;
    device->physical = instance->devices[index];
    TERN_TRY(tern_vk_find_features(device->host, &device->instance_vk, device->physical,
                                   &device->features));
    return create_handle(device);
}

static void read_properties(tern_backend_device *device) {
    VkPhysicalDeviceMemoryProperties2 memory = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
    VkPhysicalDeviceProperties2 properties = {.sType =
                                                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    device->instance_vk.GetPhysicalDeviceMemoryProperties2(device->physical, &memory);
    device->instance_vk.GetPhysicalDeviceProperties2(device->physical, &properties);
    device->memory = memory.memoryProperties;
    device->variant = tern_vk_variant_pick(device->host, properties.properties.deviceType);
    const char *profile = device->host->option(device->host, "TERN_PROFILE");
    device->profile = profile && strcmp(profile, "1") == 0;
    device->timestamp_bits =
        tern_vk_find_timestamp_bits(&device->instance_vk, device->physical, device->queue_family);
    device->timestamp_period = properties.properties.limits.timestampPeriod;
    device->discrete = properties.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    tern_vk_find_limits(&device->instance_vk, device->physical, &device->features, &device->limits);
}

static tern_status start(tern_backend_device *device) {
    read_properties(device);
    if (device->limits.bindings < TERN_VK_BINDINGS_LEAST) {
        return tern_report_fail(device->host, TERN_STATUS_UNAVAILABLE,
                                "vulkan: a shader may have %u storage buffers, %u are needed",
                                device->limits.bindings, TERN_VK_BINDINGS_LEAST);
    }
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                    .queueFamilyIndex = device->queue_family};
    TERN_TRY(tern_vk_check(
        device, device->vk.CreateCommandPool(device->handle, &pool, NULL, &device->commands),
        "CreateCommandPool"));
    TERN_TRY(tern_vk_ring_init(device));
    TERN_TRY(tern_vk_cache_open(device));
    TERN_TRY(tern_vk_block_create(device, 256, TERN_VK_MEMORY_DEVICE, &device->null_block));
    return tern_vk_fill_zero(device, &device->null_block);
}

tern_status tern_vk_device_open(tern_backend_instance *instance, uint32_t index,
                                const tern_native *native, tern_backend_device **out_device) {
    tern_backend_device *device = tern_report_calloc(instance->host, 1, sizeof *device);
    if (!device) {
        return tern_report_no_memory(instance->host, sizeof *device, "a vulkan device");
    }
    device->host = instance->host;
    tern_status status = get_handle(instance, index, native, device);
    if (status == TERN_STATUS_OK) {
        status = start(device);
    }
    if (status != TERN_STATUS_OK) {
        tern_vk_device_close(device);
        return status;
    }
    *out_device = device;
    return TERN_STATUS_OK;
}

void tern_vk_device_close(tern_backend_device *device) {
    if (!device) {
        return;
    }
    // Nothing of ours exists on a device whose functions could not be loaded.
    if (device->commands) {
        tern_vk_drain(device);
        tern_vk_block_destroy(device, &device->null_block);
        tern_vk_pipelines_finish(device);
        tern_vk_ring_finish(device);
        device->vk.DestroyCommandPool(device->handle, device->commands, NULL);
    }
    if (device->owned && device->vk.DestroyDevice) {
        device->vk.DestroyDevice(device->handle, NULL);
    }
    device->host->release(device->host, device);
}
