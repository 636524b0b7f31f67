// The instance and the device: what everything else hangs on.
#ifndef TERN_BACKENDS_VULKAN_DEVICE_H_
#define TERN_BACKENDS_VULKAN_DEVICE_H_

#include <stdatomic.h>
#include <stdbool.h>

#include "backends/common/choice.h"
#include "backends/common/meter.h"
#include "backends/vulkan/loader.h"
#include "backends/vulkan/memory.h"
#include "backends/vulkan/pipeline.h"
#include "backends/vulkan/timeline.h"
#include "backends/vulkan/variant.h"

#include <tern/vulkan.h>

struct tern_backend_instance {
    const tern_host *host;
    tern_vk_loader loader;
    VkInstance handle;
    tern_vk_instance_functions vk;
    VkDebugUtilsMessengerEXT messenger; // with TERN_VULKAN_VALIDATION=1
    uint32_t device_count;
    VkPhysicalDevice *devices; // those of Vulkan 1.1 with a compute queue
};

// What a physical device has that we make use of.
typedef struct tern_vk_features {
    bool int_dot;       // VK_KHR_shader_integer_dot_product
    bool memory_budget; // VK_EXT_memory_budget
    bool driver;        // VK_KHR_driver_properties
    bool maintenance4;  // VK_KHR_maintenance4, for the largest buffer
} tern_vk_features;

typedef struct tern_vk_limits {
    uint64_t range;       // largest range of a storage buffer binding
    uint64_t buffer;      // largest buffer that one allocation can hold
    uint64_t alignment;   // of binding offsets
    uint32_t shared;      // bytes of a workgroup's shared memory
    uint32_t bindings;    // storage buffers of a shader
    uint32_t groups[3];   // workgroups of a dispatch
    uint32_t invocations; // of a workgroup
    uint32_t loops;       // rounds of all loops of an invocation, together
} tern_vk_limits;

struct tern_backend_device {
    const tern_host *host;
    tern_vk_instance_functions instance_vk;
    tern_vk_device_functions vk;
    VkPhysicalDevice physical;
    VkDevice handle;
    bool owned; // false: the host's own device
    VkQueue queue;
    uint32_t queue_family;
    void (*lock_queue)(void *user); // the host's, NULL if the queue is ours alone
    void (*unlock_queue)(void *user);
    void *lock_user;
    tern_vk_features features;
    tern_vk_limits limits;
    bool discrete;
    const tern_vk_variant *variant;
    tern_choices choices;    // by measurement
    bool profile;            // ops are timed
    uint32_t timestamp_bits; // of the queue; 0: it has no timestamps
    float timestamp_period;  // nanoseconds
    VkPhysicalDeviceMemoryProperties memory;
    atomic_bool lost;
    tern_meter meter;
    VkCommandPool commands;
    tern_vk_ring ring;
    tern_vk_pipelines pipelines;
    tern_vk_block null_block; // bound where an optional operand is absent
};

// instance.c
tern_status tern_vk_instance_create(const tern_host *host, tern_backend_instance **out_instance);
void tern_vk_instance_destroy(tern_backend_instance *instance);
uint32_t tern_vk_device_count(tern_backend_instance *instance);

// describe.c
tern_status tern_vk_device_info(tern_backend_device *device, tern_device_info *out_info);
tern_status tern_vk_device_describe(tern_backend_instance *instance, uint32_t index,
                                    tern_device_info *out_info);
// Features that a physical device offers, and its limits. OUT_OF_MEMORY.
tern_status tern_vk_find_features(const tern_host *host, const tern_vk_instance_functions *vk,
                                  VkPhysicalDevice physical, tern_vk_features *out_features);
void tern_vk_find_limits(const tern_vk_instance_functions *vk, VkPhysicalDevice physical,
                         const tern_vk_features *features, tern_vk_limits *out_limits);
// Valid bits of a queue family's timestamps, 0: it has none.
uint32_t tern_vk_find_timestamp_bits(const tern_vk_instance_functions *vk,
                                     VkPhysicalDevice physical, uint32_t family);
// The first queue family with compute, UINT32_MAX if there is none.
uint32_t tern_vk_find_queue_family(const tern_vk_instance_functions *vk, VkPhysicalDevice physical);
// Whether there is a queue family |family| with compute.
bool tern_vk_queue_family_computes(const tern_vk_instance_functions *vk, VkPhysicalDevice physical,
                                   uint32_t family);

// device.c
tern_status tern_vk_device_open(tern_backend_instance *instance, uint32_t index,
                                const tern_native *native, tern_backend_device **out_device);
void tern_vk_device_close(tern_backend_device *device);
tern_status tern_vk_device_status(tern_backend_device *device);

// Reports a failed Vulkan call, remembers a lost device, and returns the matching status; OK for
// VK_SUCCESS. |call| is the function's name without its prefix.
tern_status tern_vk_check(tern_backend_device *device, VkResult result, const char *call);
// The name of a result code, or its number in words. Static.
const char *tern_vk_result_name(VkResult result);
// DEVICE_LOST, reported, once the device is lost.
tern_status tern_vk_check_lost(tern_backend_device *device);

#endif
