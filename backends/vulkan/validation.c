#include "backends/vulkan/validation.h"

#include <string.h>

#include "backends/common/report.h"

static const char layer_name[] = "VK_LAYER_KHRONOS_validation";

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                 void *user) {
    (void)severity;
    // What the loader says while it looks for drivers and layers is about the machine, not about
    // us.
    if (types != VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT) {
        tern_report_log(user, TERN_LOG_WARNING, "vulkan validation: %s", data->pMessage);
    }
    return VK_FALSE;
}

static tern_status find_layer(const tern_host *host, const tern_vk_loader *loader,
                              bool *out_found) {
    uint32_t count = 0;
    loader->vk.EnumerateInstanceLayerProperties(&count, NULL);
    VkLayerProperties *layers = tern_report_calloc(host, count, sizeof *layers);
    if (!layers) {
        return tern_report_no_memory(host, count * sizeof *layers, "a list of vulkan layers");
    }
    if (loader->vk.EnumerateInstanceLayerProperties(&count, layers) >= 0) {
        for (uint32_t i = 0; i < count; i++) {
            *out_found = *out_found || strcmp(layers[i].layerName, layer_name) == 0;
        }
    }
    host->release(host, layers);
    return TERN_STATUS_OK;
}

tern_status tern_vk_validation_prepare(const tern_host *host, const tern_vk_loader *loader,
                                       tern_vk_validation *out_validation) {
    tern_vk_validation *v = out_validation;
    memset(v, 0, sizeof *v);
    const char *option = host->option(host, "TERN_VULKAN_VALIDATION");
    if (!option || strcmp(option, "1") != 0) {
        return TERN_STATUS_OK;
    }
    bool found = false;
    TERN_TRY(find_layer(host, loader, &found));
    if (!found) {
        return tern_report_fail(host, TERN_STATUS_UNAVAILABLE,
                                "TERN_VULKAN_VALIDATION=1, but the layer %s is not installed "
                                "(Debian: vulkan-validationlayers)",
                                layer_name);
    }
    v->messenger = (VkDebugUtilsMessengerCreateInfoEXT){
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                       VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                       VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = (void *)(uintptr_t)host};
    v->enabled[0] = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
    v->features = (VkValidationFeaturesEXT){.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                            .pNext = &v->messenger,
                                            .enabledValidationFeatureCount = 1,
                                            .pEnabledValidationFeatures = v->enabled};
    v->chain = &v->features;
    v->layers[v->layer_count++] = layer_name;
    v->extensions[v->extension_count++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    v->extensions[v->extension_count++] = VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME;
    return TERN_STATUS_OK;
}

tern_status tern_vk_validation_start(tern_backend_instance *instance,
                                     const tern_vk_validation *validation) {
    if (!validation->layer_count) {
        return TERN_STATUS_OK;
    }
    PFN_vkCreateDebugUtilsMessengerEXT create =
        (PFN_vkCreateDebugUtilsMessengerEXT)instance->loader.get_proc(
            instance->handle, "vkCreateDebugUtilsMessengerEXT");
    VkDebugUtilsMessengerCreateInfoEXT info = validation->messenger;
    if (!create || create(instance->handle, &info, NULL, &instance->messenger) != VK_SUCCESS) {
        return tern_report_fail(instance->host, TERN_STATUS_UNAVAILABLE,
                                "TERN_VULKAN_VALIDATION=1, but messages cannot be received");
    }
    return TERN_STATUS_OK;
}

void tern_vk_validation_stop(tern_backend_instance *instance) {
    if (instance->messenger) {
        PFN_vkDestroyDebugUtilsMessengerEXT destroy =
            (PFN_vkDestroyDebugUtilsMessengerEXT)instance->loader.get_proc(
                instance->handle, "vkDestroyDebugUtilsMessengerEXT");
        destroy(instance->handle, instance->messenger, NULL);
    }
}
