// TERN_VULKAN_VALIDATION=1: the Khronos validation layer with synchronization validation, its
// messages logged as warnings (an error is a call that failed).
#ifndef TERN_BACKENDS_VULKAN_VALIDATION_H_
#define TERN_BACKENDS_VULKAN_VALIDATION_H_

#include "backends/vulkan/device.h"

// What an instance is created with; must stay where it is until then. All empty without validation.
typedef struct tern_vk_validation {
    const void *chain;
    const char *layers[1];
    const char *extensions[2];
    uint32_t layer_count;
    uint32_t extension_count;
    VkDebugUtilsMessengerCreateInfoEXT messenger;
    VkValidationFeaturesEXT features;
    VkValidationFeatureEnableEXT enabled[1];
} tern_vk_validation;

// UNAVAILABLE if validation is asked for and the layer is not installed.
tern_status tern_vk_validation_prepare(const tern_host *host, const tern_vk_loader *loader,
                                       tern_vk_validation *out_validation);
tern_status tern_vk_validation_start(tern_backend_instance *instance,
                                     const tern_vk_validation *validation);
void tern_vk_validation_stop(tern_backend_instance *instance);

#endif
