// Compute pipelines, made when first needed and kept as long as the device.
#ifndef TERN_BACKENDS_VULKAN_PIPELINE_H_
#define TERN_BACKENDS_VULKAN_PIPELINE_H_

#include "backends/vulkan/loader.h"
#include "backends/vulkan/shaders.h"

#define TERN_VK_SPEC_MAX 6

// What tells one pipeline from another.
typedef struct tern_vk_pipeline_key {
    tern_vk_shader shader;
    uint32_t spec[TERN_VK_SPEC_MAX]; // specialisation constants from 0 on; 0 where unused
} tern_vk_pipeline_key;

typedef struct tern_vk_pipeline {
    tern_vk_pipeline_key key;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipeline handle;
} tern_vk_pipeline;

typedef struct tern_vk_pipelines {
    tern_vk_pipeline **items;
    size_t count;
    size_t capacity;
    VkPipelineCache cache; // what the driver keeps of them
    size_t kept;           // bytes of it that came from the cache folder
    uint64_t kept_hash;
} tern_vk_pipelines;

void tern_vk_pipelines_finish(tern_backend_device *device);

// The pipeline for |key|, with |bindings| storage buffers and |push_size| bytes of push constants.
tern_status tern_vk_pipeline_get(tern_backend_device *device, const tern_vk_pipeline_key *key,
                                 uint32_t bindings, uint32_t push_size,
                                 const tern_vk_pipeline **out_pipeline);

#endif
