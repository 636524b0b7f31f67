// The fastest of several plans with the same bits, by running them once for each device, driver and
// shape (backends/common/choice.h).
#ifndef TERN_BACKENDS_VULKAN_CHOICE_H_
#define TERN_BACKENDS_VULKAN_CHOICE_H_

#include "backends/vulkan/plan.h"

typedef struct tern_vk_trial {
    const char *shape; // what the choice depends on besides device, driver and shaders
    uint32_t count;
    // Plans candidate |index|, which reads and writes scratch memory and weights only. UNSUPPORTED,
    // without a report, where this device cannot run it.
    tern_status (*plan)(tern_vk_plan *plan, const void *user, uint32_t index);
    const void *user;
} tern_vk_trial;

// |*out_index| stays as it is on a device that does not measure, and where memory is too short to.
tern_status tern_vk_choose(tern_backend_device *device, const tern_vk_trial *trial,
                           uint32_t *out_index);

#endif
