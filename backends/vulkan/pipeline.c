#include "backends/vulkan/pipeline.h"

#include <string.h>

#include "backends/common/report.h"
#include "backends/vulkan/cache.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/plan.h"

static void destroy(tern_backend_device *device, tern_vk_pipeline *pipeline) {
    if (pipeline->handle) {
        device->vk.DestroyPipeline(device->handle, pipeline->handle, NULL);
    }
    if (pipeline->layout) {
        device->vk.DestroyPipelineLayout(device->handle, pipeline->layout, NULL);
    }
    if (pipeline->set_layout) {
        device->vk.DestroyDescriptorSetLayout(device->handle, pipeline->set_layout, NULL);
    }
    device->host->release(device->host, pipeline);
}

void tern_vk_pipelines_finish(tern_backend_device *device) {
    tern_vk_pipelines *pipelines = &device->pipelines;
    for (size_t i = 0; i < pipelines->count; i++) {
        destroy(device, pipelines->items[i]);
    }
    device->host->release(device->host, pipelines->items);
    tern_vk_cache_close(device);
}

static tern_status create_layouts(tern_backend_device *device, uint32_t bindings,
                                  uint32_t push_size, tern_vk_pipeline *pipeline) {
    VkDescriptorSetLayoutBinding slots[TERN_VK_BINDINGS_MAX];
    for (uint32_t i = 0; i < bindings; i++) {
        slots[i] =
            (VkDescriptorSetLayoutBinding){.binding = i,
                                           .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                           .descriptorCount = 1,
                                           .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    }
    VkDescriptorSetLayoutCreateInfo set = {.sType =
                                               VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                           .bindingCount = bindings,
                                           .pBindings = slots};
    TERN_TRY(tern_vk_check(
        device,
        device->vk.CreateDescriptorSetLayout(device->handle, &set, NULL, &pipeline->set_layout),
        "CreateDescriptorSetLayout"));
    VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, push_size};
    VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                         .setLayoutCount = 1,
                                         .pSetLayouts = &pipeline->set_layout,
                                         .pushConstantRangeCount = 1,
                                         .pPushConstantRanges = &range};
    return tern_vk_check(
        device, device->vk.CreatePipelineLayout(device->handle, &layout, NULL, &pipeline->layout),
        "CreatePipelineLayout");
}

static tern_status create_handle(tern_backend_device *device, tern_vk_pipeline *pipeline) {
    const tern_vk_module *module = &tern_vk_modules[pipeline->key.shader];
    VkShaderModuleCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                     .codeSize = module->size,
                                     .pCode = module->words};
    VkShaderModule code;
    TERN_TRY(tern_vk_check(device,
                           device->vk.CreateShaderModule(device->handle, &info, NULL, &code),
                           "CreateShaderModule"));
    VkSpecializationMapEntry entries[TERN_VK_SPEC_MAX];
    for (uint32_t i = 0; i < TERN_VK_SPEC_MAX; i++) {
        entries[i] = (VkSpecializationMapEntry){i, i * (uint32_t)sizeof(uint32_t),
                                                sizeof pipeline->key.spec[0]};
    }
    VkSpecializationInfo spec = {TERN_VK_SPEC_MAX, entries, sizeof pipeline->key.spec,
                                 pipeline->key.spec};
    VkComputePipelineCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = code,
                  .pName = "main",
                  .pSpecializationInfo = &spec},
        .layout = pipeline->layout};
    VkResult result = device->vk.CreateComputePipelines(device->handle, device->pipelines.cache, 1,
                                                        &create, NULL, &pipeline->handle);
    device->vk.DestroyShaderModule(device->handle, code, NULL);
    return tern_vk_check(device, result, "CreateComputePipelines");
}

// Makes room for one more.
static tern_status reserve(tern_backend_device *device) {
    tern_vk_pipelines *pipelines = &device->pipelines;
    if (pipelines->count < pipelines->capacity) {
        return TERN_STATUS_OK;
    }
    size_t capacity = pipelines->capacity ? 2 * pipelines->capacity : 32;
    tern_vk_pipeline **items =
        tern_report_calloc(device->host, capacity, sizeof(tern_vk_pipeline *));
    if (!items) {
        return tern_report_no_memory(device->host, capacity * sizeof *items, "pipelines");
    }
    if (pipelines->count) {
        memcpy(items, pipelines->items, pipelines->count * sizeof *items);
    }
    device->host->release(device->host, pipelines->items);
    pipelines->items = items;
    pipelines->capacity = capacity;
    return TERN_STATUS_OK;
}

tern_status tern_vk_pipeline_get(tern_backend_device *device, const tern_vk_pipeline_key *key,
                                 uint32_t bindings, uint32_t push_size,
                                 const tern_vk_pipeline **out_pipeline) {
    tern_vk_pipelines *pipelines = &device->pipelines;
    for (size_t i = 0; i < pipelines->count; i++) {
        if (memcmp(&pipelines->items[i]->key, key, sizeof *key) == 0) {
            *out_pipeline = pipelines->items[i];
            return TERN_STATUS_OK;
        }
    }
    TERN_TRY(reserve(device));
    tern_vk_pipeline *pipeline = tern_report_calloc(device->host, 1, sizeof *pipeline);
    if (!pipeline) {
        return tern_report_no_memory(device->host, sizeof *pipeline, "a pipeline");
    }
    pipeline->key = *key;
    tern_status status = create_layouts(device, bindings, push_size, pipeline);
    if (status == TERN_STATUS_OK) {
        status = create_handle(device, pipeline);
    }
    if (status != TERN_STATUS_OK) {
        destroy(device, pipeline);
        return status;
    }
    pipelines->items[pipelines->count++] = pipeline;
    *out_pipeline = pipeline;
    return TERN_STATUS_OK;
}
