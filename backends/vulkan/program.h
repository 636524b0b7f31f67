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

struct tern_backend_program {
    VkCommandBuffer commands;
    VkDescriptorPool sets;
    tern_backend_buffer scratch;
    tern_tensor params;
    tern_vk_block ring;  // parameters of the submits in flight, a piece for each slot
    uint64_t ring_piece; // its bytes
    tern_vk_kernel *kernels;
    size_t kernel_count;
};

int32_t tern_vk_supports(tern_backend_device *device, const tern_op_header *op);
tern_status tern_vk_compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                            tern_backend_program **out_program);
void tern_vk_program_destroy(tern_backend_device *device, tern_backend_program *program);
tern_status tern_vk_submit(tern_backend_device *device, tern_backend_program *program,
                           const tern_submit_desc *desc, uint64_t *out_ticket);
void tern_vk_program_kernel(tern_backend_device *device, tern_backend_program *program,
                            uint32_t index, char *out_name, uint32_t capacity);

#endif
