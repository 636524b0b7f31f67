// What compile makes of a list before it records it: steps, each one dispatch with what it binds.
// ops/<op>.c append steps; program.c records them.
#ifndef TERN_BACKENDS_VULKAN_PLAN_H_
#define TERN_BACKENDS_VULKAN_PLAN_H_

#include <stdbool.h>

#include "backends/vulkan/buffer.h"
#include "backends/vulkan/pipeline.h"

// Storage buffers that any op may need, and that the fused ones may.
#define TERN_VK_BINDINGS_LEAST 8
#define TERN_VK_BINDINGS_MAX 16

typedef struct tern_vk_binding {
    const tern_vk_block *block; // its buffer may still be missing: scratch
    uint64_t offset;            // aligned for binding
    uint64_t size;
    tern_operand_role role;
} tern_vk_binding;

typedef struct tern_vk_step {
    uint32_t op;       // the first it belongs to, in the list
    uint32_t op_count; // of a fused group
    const tern_vk_pipeline *pipeline;
    tern_vk_shader shader;
    uint32_t groups[2];
    uint32_t binding_count;
    tern_vk_binding bindings[TERN_VK_BINDINGS_MAX];
    uint32_t push_size;
    uint32_t push[TERN_VK_PUSH_MAX / 4];
} tern_vk_step;

typedef struct tern_vk_plan {
    tern_backend_device *device;
    tern_tensor params; // of the list
    tern_vk_step *steps;
    size_t count;
    size_t capacity;
    uint32_t op;                  // the first op being planned
    uint32_t op_count;            // and how many with it
    tern_backend_buffer *scratch; // block made once its size is known
    uint64_t scratch_size;        // the most that an op needs
    uint64_t scratch_used;        // by the op being planned
} tern_vk_plan;

// What a finished step runs.
typedef struct tern_vk_dispatch {
    tern_vk_shader shader;
    uint32_t spec[TERN_VK_SPEC_MAX];
    const void *push;
    uint32_t push_size;
    uint64_t groups_x; // cut to the device's limit: shaders stride, but over tiles of outputs
    uint64_t groups_y;
} tern_vk_dispatch;

// Begins a step with the parameter block in binding 0; |out_rows| is filled for |rows| rows.
tern_status tern_vk_plan_step(tern_vk_plan *plan, const tern_op_header *head, uint32_t rows,
                              tern_vk_step **out_step, tern_vk_rows *out_rows);

// Binds a tensor next and says where it lies. An absent tensor binds a few dead words.
tern_vk_view tern_vk_step_tensor(tern_vk_plan *plan, tern_vk_step *step, const tern_tensor *tensor,
                                 tern_operand_role role);
// Binds [offset, offset + size) of a weights block next; |offset| is aligned.
void tern_vk_step_block(tern_vk_step *step, const tern_vk_block *block, uint64_t offset,
                        uint64_t size);

// Ends the step: finds its pipeline.
tern_status tern_vk_plan_dispatch(tern_vk_plan *plan, tern_vk_step *step,
                                  const tern_vk_dispatch *dispatch);

// A packed [rows, cols] tensor in scratch memory, for this op alone.
tern_tensor tern_vk_plan_scratch(tern_vk_plan *plan, tern_dtype dtype, uint32_t rows,
                                 uint32_t cols);

// Bytes from a tensor's first element to past its last, whole words.
uint64_t tern_vk_tensor_span(const tern_tensor *tensor);
// Whether every tensor of an op can be bound.
bool tern_vk_plan_fits(tern_backend_device *device, const tern_op_header *op);

#endif
