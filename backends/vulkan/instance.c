#include <string.h>

#include "backends/common/report.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/plan.h"
#include "backends/vulkan/validation.h"

static tern_status create_handle(tern_backend_instance *instance) {
    const tern_host *host = instance->host;
    tern_vk_validation validation;
    TERN_TRY(tern_vk_validation_prepare(host, &instance->loader, &validation));
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                     .pEngineName = "tern",
                                     .apiVersion = VK_API_VERSION_1_1};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                 .pNext = validation.chain,
                                 .pApplicationInfo = &application,
                                 .enabledLayerCount = validation.layer_count,
                                 .ppEnabledLayerNames = validation.layers,
                                 .enabledExtensionCount = validation.extension_count,
                                 .ppEnabledExtensionNames = validation.extensions};
    VkResult result = instance->loader.vk.CreateInstance(&info, NULL, &instance->handle);
    if (result != VK_SUCCESS) {
        instance->handle = VK_NULL_HANDLE;
        return tern_report_fail(host, TERN_STATUS_UNAVAILABLE,
                                result == VK_ERROR_INCOMPATIBLE_DRIVER
                                    ? "no vulkan driver is installed (vkCreateInstance: %s)"
                                    : "vkCreateInstance failed: %s",
                                tern_vk_result_name(result));
    }
    TERN_TRY(
        tern_vk_load_instance(host, instance->loader.get_proc, instance->handle, &instance->vk));
    return tern_vk_validation_start(instance, &validation);
}

static bool usable(tern_backend_instance *instance, VkPhysicalDevice physical) {
    VkPhysicalDeviceProperties2 properties = {.sType =
                                                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    instance->vk.GetPhysicalDeviceProperties2(physical, &properties);
    const VkPhysicalDeviceProperties *core = &properties.properties;
    bool new_enough = core->apiVersion >= VK_API_VERSION_1_1;
    bool computes = tern_vk_find_queue_family(&instance->vk, physical) != UINT32_MAX;
    bool binds = core->limits.maxPerStageDescriptorStorageBuffers >= TERN_VK_BINDINGS_LEAST;
    if (!new_enough || !computes || !binds) {
        tern_report_log(instance->host, TERN_LOG_INFO, "vulkan: %s is left out: %s",
                        core->deviceName,
                        !new_enough ? "it has no vulkan 1.1"
                        : !computes ? "it has no compute queue"
                                    : "a shader may have fewer than 8 storage buffers");
    }
    return new_enough && computes && binds;
}

static tern_status find_devices(tern_backend_instance *instance) {
    const tern_host *host = instance->host;
    uint32_t count = 0;
    VkResult result = instance->vk.EnumeratePhysicalDevices(instance->handle, &count, NULL);
    if (result == VK_SUCCESS && count) {
        instance->devices = tern_report_calloc(host, count, sizeof(VkPhysicalDevice));
        if (!instance->devices) {
            return tern_report_no_memory(host, count * sizeof(VkPhysicalDevice),
                                         "a list of vulkan devices");
        }
        result = instance->vk.EnumeratePhysicalDevices(instance->handle, &count, instance->devices);
    }
    if (result != VK_SUCCESS && result != VK_INCOMPLETE) {
        return tern_report_fail(host, TERN_STATUS_UNAVAILABLE,
                                "vkEnumeratePhysicalDevices failed: %s",
                                tern_vk_result_name(result));
    }
    for (uint32_t i = 0; i < count; i++) {
        if (usable(instance, instance->devices[i])) {
            instance->devices[instance->device_count++] = instance->devices[i];
        }
    }
    return instance->device_count
               ? TERN_STATUS_OK
               : tern_report_fail(host, TERN_STATUS_UNAVAILABLE,
                                  "no vulkan device with vulkan 1.1 and a compute queue (%u found)",
                                  count);
}

tern_status tern_vk_instance_create(const tern_host *host, tern_backend_instance **out_instance) {
    tern_backend_instance *instance = tern_report_calloc(host, 1, sizeof *instance);
    if (!instance) {
        return tern_report_no_memory(host, sizeof *instance, "a vulkan instance");
    }
    instance->host = host;
    tern_status status = tern_vk_loader_open(host, &instance->loader);
    if (status == TERN_STATUS_OK) {
        status = create_handle(instance);
    }
    if (status == TERN_STATUS_OK) {
        status = find_devices(instance);
    }
    if (status != TERN_STATUS_OK) {
        tern_vk_instance_destroy(instance);
        return status;
    }
    *out_instance = instance;
    return TERN_STATUS_OK;
}

void tern_vk_instance_destroy(tern_backend_instance *instance) {
    if (!instance) {
        return;
    }
    tern_vk_validation_stop(instance);
    if (instance->handle && instance->vk.DestroyInstance) {
        instance->vk.DestroyInstance(instance->handle, NULL);
    }
    tern_vk_loader_close(&instance->loader);
    instance->host->release(instance->host, instance->devices);
    instance->host->release(instance->host, instance);
}

uint32_t tern_vk_device_count(tern_backend_instance *instance) {
    return instance->device_count;
}
