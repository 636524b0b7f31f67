// A compiled list: one command buffer that is submitted again and again.
#ifndef TERN_BACKENDS_VULKAN_PROGRAM_H_
#define TERN_BACKENDS_VULKAN_PROGRAM_H_

#include "backends/vulkan/plan.h"

// Which shader a step of an op ran, for program_kernel.
typedef struct tern_vk_kernel {
    uint32_t op;
    uint32_t op_count;
    tern_vk_shader shader;
} tern_vk_kernel;

// What timing keeps; all zero where ops are not timed.
typedef struct tern_vk_times {
    uint64_t *ns; // of each op; NULL: not timed
    uint32_t ops;
    uint64_t *stamps; // of one run, one before each step and one after the last
    VkQueryPool pool; // none: the host's clock
} tern_vk_times;

struct tern_backend_program {
    VkCommandBuffer *commands; // one; or one for each step, to be timed by the host's clock
    uint32_t command_count;
    tern_vk_times times;
    VkDescriptorPool sets;
    tern_backend_buffer scratch;
    tern_tensor params;
    tern_vk_block ring;  // parameters of the submits in flight, a piece for each slot
    uint64_t ring_piece; // its bytes
    tern_vk_kernel *kernels;
    size_t kernel_count;
};

// An empty program, whose scratch memory the steps of |plan| may use from then on.
tern_status tern_vk_program_create(tern_vk_plan *plan, tern_backend_program **out_program);
// Fills it with the steps of |plan|, which are those of |ops| ops.
tern_status tern_vk_program_build(tern_vk_plan *plan, uint32_t ops, tern_backend_program *program);

int32_t tern_vk_supports(tern_backend_device *device, const tern_op_header *op);
tern_status tern_vk_compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                            tern_backend_program **out_program);
void tern_vk_program_destroy(tern_backend_device *device, tern_backend_program *program);
tern_status tern_vk_submit(tern_backend_device *device, tern_backend_program *program,
                           const tern_submit_desc *desc, uint64_t *out_ticket);
void tern_vk_program_kernel(tern_backend_device *device, tern_backend_program *program,
                            uint32_t index, char *out_name, uint32_t capacity);

#endif
