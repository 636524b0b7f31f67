#include "backends/common/entry.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/measure.h"
#include "backends/vulkan/program.h"
#include "backends/vulkan/times.h"
#include "backends/vulkan/weights.h"

static const tern_backend_ops ops = {
    .struct_size = sizeof(tern_backend_ops),
    .instance_create = tern_vk_instance_create,
    .instance_destroy = tern_vk_instance_destroy,
    .device_count = tern_vk_device_count,
    .device_describe = tern_vk_device_describe,
    .device_open = tern_vk_device_open,
    .device_close = tern_vk_device_close,
    .buffer_create = tern_vk_buffer_create,
    .buffer_destroy = tern_vk_buffer_destroy,
    .buffer_upload = tern_vk_buffer_upload,
    .buffer_download = tern_vk_buffer_download,
    .weights_create = tern_vk_weights_create,
    .weights_destroy = tern_vk_weights_destroy,
    .weights_export = tern_vk_weights_export,
    .supports = tern_vk_supports,
    .compile = tern_vk_compile,
    .program_destroy = tern_vk_program_destroy,
    .submit = tern_vk_submit,
    .wait = tern_vk_wait,
    .buffer_map = tern_vk_buffer_map,
    .program_kernel = tern_vk_program_kernel,
    .device_info = tern_vk_device_info,
    .device_status = tern_vk_device_status,
    .measure = tern_vk_measure,
    .program_times = tern_vk_program_times,
    .counters = tern_vk_counters,
};

static const tern_backend backend = {
    .struct_size = sizeof(tern_backend),
    .abi = TERN_ABI_VERSION,
    .flags = TERN_BACKEND_FALLBACK,
    .name = "vulkan",
    .description = "GPUs through Vulkan 1.1",
    .ops = &ops,
};

const tern_backend *TERN_BACKEND_SYMBOL(uint32_t min_abi, uint32_t max_abi) {
    return min_abi <= TERN_ABI_VERSION && TERN_ABI_VERSION <= max_abi ? &backend : NULL;
}
