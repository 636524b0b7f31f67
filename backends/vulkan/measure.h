// What a device can do at most, by kernels of its own (measure.comp).
#ifndef TERN_BACKENDS_VULKAN_MEASURE_H_
#define TERN_BACKENDS_VULKAN_MEASURE_H_

#include "backends/vulkan/plan.h"

// Ends the plan of a |program| that is to be timed, of one op, where planning came to |status|. If
// it fails there is neither plan nor program any more.
tern_status tern_vk_time_build(tern_vk_plan *plan, tern_status status,
                               tern_backend_program *program);
// Submits |program|, waits for it, and says how long that took.
tern_status tern_vk_time_run(tern_backend_device *device, tern_backend_program *program,
                             uint64_t *out_ns);

void tern_vk_counters(tern_backend_device *device, tern_counters *out_counters);

tern_status tern_vk_measure(tern_backend_device *device, tern_measure_kind kind,
                            tern_measurement *out_measurement);

#endif
