// Recording a plan: descriptor sets, barriers, dispatches.
#ifndef TERN_BACKENDS_VULKAN_RECORD_H_
#define TERN_BACKENDS_VULKAN_RECORD_H_

#include "backends/vulkan/program.h"

// Records |plan| into program->commands, with sets of a pool that becomes program->sets.
tern_status tern_vk_record(tern_vk_plan *plan, tern_backend_program *program);

#endif
