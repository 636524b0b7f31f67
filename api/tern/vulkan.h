// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_VULKAN_H_
#define TERN_VULKAN_H_

#include <vulkan/vulkan_core.h>

#include <tern/device.h>

/**
 * Running tern on a Vulkan device that the host already has, such as a game's: pass a
 * tern_vulkan_native as tern_device_desc.native with backends "vulkan". tern creates its own pools,
 * buffers and pipelines on the device, submits to the one queue given, and destroys only what it
 * created. The one header that names another API's types.
 */

#define TERN_NATIVE_VULKAN 0x4e4b5654u /* "TVKN" */

typedef struct tern_vulkan_native {
    tern_native head; /**< {sizeof(tern_vulkan_native), TERN_NATIVE_VULKAN} */
    PFN_vkGetInstanceProcAddr get_instance_proc_addr; /**< NULL: tern loads the system's loader */
    VkInstance instance;
    VkPhysicalDevice physical_device;
    VkDevice device;
    VkQueue queue; /**< of a family with compute */
    uint32_t queue_family;
    uint32_t api_version; /**< of the instance and device, at least VK_API_VERSION_1_1 */
    /** Device extensions and the feature chain with which |device| was created; what is not here is
     * not used. */
    const char *const *extensions;
    uint32_t extension_count;
    uint32_t reserved;
    const VkPhysicalDeviceFeatures2 *features; /**< NULL: none */
    /** Called around every use of |queue|, if the host uses it too; both NULL: tern has it alone.
     */
    void (*lock_queue)(void *user);
    void (*unlock_queue)(void *user);
    void *user;
} tern_vulkan_native;

#endif
