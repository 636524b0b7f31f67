// The table, in the order of tern/backend.h, and the query function. Nothing else.
#include "backends/template/template.h"

#include "backends/common/entry.h"

static const tern_backend_ops ops = {
    .struct_size = sizeof(tern_backend_ops),

    .instance_create = tern_tpl_instance_create,
    .instance_destroy = tern_tpl_instance_destroy,
    .device_count = tern_tpl_device_count,
    .device_describe = tern_tpl_device_describe,

    .device_open = tern_tpl_device_open,
    .device_close = tern_tpl_device_close,
    .buffer_create = tern_tpl_buffer_create,
    .buffer_destroy = tern_tpl_buffer_destroy,
    .buffer_upload = tern_tpl_buffer_upload,
    .buffer_download = tern_tpl_buffer_download,

    .weights_create = tern_tpl_weights_create,
    .weights_destroy = tern_tpl_weights_destroy,
    .weights_export = tern_tpl_weights_export,

    .supports = tern_tpl_supports,
    .compile = tern_tpl_compile,
    .program_destroy = tern_tpl_program_destroy,
    .submit = tern_tpl_submit,
    .wait = tern_tpl_wait,

    // Optional: leave out what your device cannot do.
    .buffer_map = tern_tpl_buffer_map,
};

static const tern_backend backend = {
    .struct_size = sizeof(tern_backend),
    .abi = TERN_ABI_VERSION,
    .flags = TERN_BACKEND_FALLBACK, // ops that supports() refuses run on the reference backend
    .name = "template",
    .description = "does no op itself: a backend to copy",
    .ops = &ops,
};

// Called before anything else, perhaps only to list what is installed: no allocation, no driver.
const tern_backend *TERN_BACKEND_SYMBOL(uint32_t min_abi, uint32_t max_abi) {
    return min_abi <= TERN_ABI_VERSION && TERN_ABI_VERSION <= max_abi ? &backend : NULL;
}
