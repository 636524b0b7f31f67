#include "backends/common/entry.h"
#include "backends/reference/reference.h"

static const tern_backend_ops ops;
static const tern_backend backend = {
    .struct_size = sizeof backend,
    .abi = TERN_ABI_VERSION,
    .flags = TERN_BACKEND_REFERENCE,
    .name = "reference",
    .description = "scalar C that defines every result",
    .ops = &ops,
};

const tern_backend *TERN_BACKEND_SYMBOL(uint32_t min_abi, uint32_t max_abi) {
    return min_abi <= TERN_ABI_VERSION && TERN_ABI_VERSION <= max_abi ? &backend : NULL;
}

static const tern_backend_ops ops = {
    .struct_size = sizeof ops,
    .instance_create = tern_ref_instance_create,
    .instance_destroy = tern_ref_instance_destroy,
    .device_count = tern_ref_device_count,
    .device_describe = tern_ref_device_describe,
    .device_open = tern_ref_device_open,
    .device_close = tern_ref_device_close,
    .buffer_create = tern_ref_buffer_create,
    .buffer_destroy = tern_ref_buffer_destroy,
    .buffer_upload = tern_ref_buffer_upload,
    .buffer_download = tern_ref_buffer_download,
    .weights_create = tern_ref_weights_create,
    .weights_destroy = tern_ref_weights_destroy,
    .weights_export = tern_ref_weights_export,
    .supports = tern_ref_supports,
    .compile = tern_ref_compile,
    .program_destroy = tern_ref_program_destroy,
    .submit = tern_ref_submit,
    .wait = tern_ref_wait,
    .buffer_map = tern_ref_buffer_map,
    .buffer_wrap = tern_ref_buffer_wrap,
    .program_times = tern_ref_program_times,
};
