// How long ops take, on a device that was opened under TERN_PROFILE=1: by timestamps that the
// device writes between steps, or, where its queue has none, by the host's clock around a submit
// of each step alone. Either way steps no longer overlap and a submit waits for its run.
#ifndef TERN_BACKENDS_VULKAN_TIMES_H_
#define TERN_BACKENDS_VULKAN_TIMES_H_

#include "backends/vulkan/program.h"

// Makes program->times for |ops| ops and the kernels that are known already. Nothing where ops are
// not timed.
tern_status tern_vk_times_init(tern_backend_device *device, tern_backend_program *program,
                               uint32_t ops);
void tern_vk_times_finish(tern_backend_device *device, tern_backend_program *program);

// Record what stands before the first step, and after step |step|, of a program with timestamps.
void tern_vk_times_record_start(tern_backend_device *device, tern_backend_program *program);
void tern_vk_times_record_step(tern_backend_device *device, tern_backend_program *program,
                               uint32_t step);
// Adds what the run took that has just ended, by timestamps.
tern_status tern_vk_times_add(tern_backend_device *device, tern_backend_program *program);

tern_status tern_vk_program_times(tern_backend_device *device, tern_backend_program *program,
                                  uint64_t *out_ns, tern_clock *out_clock);

#endif
