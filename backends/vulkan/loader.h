// The Vulkan loader, opened while running, and the tables of functions got from it.
#ifndef TERN_BACKENDS_VULKAN_LOADER_H_
#define TERN_BACKENDS_VULKAN_LOADER_H_

#define VK_NO_PROTOTYPES 1
#include <vulkan/vulkan_core.h>

#include <tern/backend.h>

typedef struct tern_vk_global_functions {
#define TERN_VK_GLOBAL(name) PFN_vk##name name;
#include "backends/vulkan/functions.inc"
} tern_vk_global_functions;

typedef struct tern_vk_instance_functions {
#define TERN_VK_INSTANCE(name) PFN_vk##name name;
#include "backends/vulkan/functions.inc"
} tern_vk_instance_functions;

typedef struct tern_vk_device_functions {
#define TERN_VK_DEVICE(name) PFN_vk##name name;
#include "backends/vulkan/functions.inc"
} tern_vk_device_functions;

typedef struct tern_vk_loader {
    void *library;
    PFN_vkGetInstanceProcAddr get_proc;
    tern_vk_global_functions vk;
} tern_vk_loader;

// Opens TERN_VULKAN_LIBRARY or the system's loader. UNAVAILABLE says why not.
tern_status tern_vk_loader_open(const tern_host *host, tern_vk_loader *out_loader);
void tern_vk_loader_close(tern_vk_loader *loader);

// INCOMPATIBLE names the first function that is missing.
tern_status tern_vk_load_instance(const tern_host *host, PFN_vkGetInstanceProcAddr get_proc,
                                  VkInstance instance, tern_vk_instance_functions *out_vk);
tern_status tern_vk_load_device(const tern_host *host, const tern_vk_instance_functions *vk,
                                VkDevice device, tern_vk_device_functions *out_vk);

#endif
