#include "backends/common/entry.h"
#include "backends/cpu/buffer.h"
#include "backends/cpu/device.h"
#include "backends/cpu/measure.h"
#include "backends/cpu/program.h"
#include "backends/cpu/weights.h"

static const tern_backend_ops backend_ops = {
    .struct_size = sizeof(tern_backend_ops),
    .instance_create = tern_cpu_instance_create,
    .instance_destroy = tern_cpu_instance_destroy,
    .device_count = tern_cpu_device_count,
    .device_describe = tern_cpu_device_describe,
    .device_open = tern_cpu_device_open,
    .device_close = tern_cpu_device_close,
    .buffer_create = tern_cpu_buffer_create,
    .buffer_destroy = tern_cpu_buffer_destroy,
    .buffer_upload = tern_cpu_buffer_upload,
    .buffer_download = tern_cpu_buffer_download,
    .weights_create = tern_cpu_weights_create,
    .weights_destroy = tern_cpu_weights_destroy,
    .weights_export = tern_cpu_weights_export,
    .supports = tern_cpu_supports,
    .compile = tern_cpu_compile,
    .program_destroy = tern_cpu_program_destroy,
    .submit = tern_cpu_submit,
    .wait = tern_cpu_wait,
    .buffer_map = tern_cpu_buffer_map,
    .program_kernel = tern_cpu_program_kernel,
    .measure = tern_cpu_measure,
    .program_times = tern_cpu_program_times,
};

static const tern_backend backend = {
    .struct_size = sizeof(tern_backend),
    .abi = TERN_ABI_VERSION,
    .flags = TERN_BACKEND_FALLBACK,
    .name = "cpu",
    .description = "the processor, by kernels for its instruction set",
    .ops = &backend_ops,
};

const tern_backend *TERN_BACKEND_SYMBOL(uint32_t min_abi, uint32_t max_abi) {
    return min_abi <= TERN_ABI_VERSION && TERN_ABI_VERSION <= max_abi ? &backend : NULL;
}
