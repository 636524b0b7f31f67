#include "backends/common/entry.h"
#include "backends/common/report.h"
#include "backends/opencl/buffer.h"
#include "backends/opencl/device.h"
#include "backends/opencl/measure.h"
#include "backends/opencl/ops/ops.h"
#include "backends/opencl/profile.h"
#include "backends/opencl/program.h"
#include "backends/opencl/timeline.h"
#include "backends/opencl/weights.h"

static void instance_destroy(tern_backend_instance *instance) {
    tern_cl_library_close(&instance->cl);
    instance->host->release(instance->host, instance);
}

static tern_status instance_create(const tern_host *host, tern_backend_instance **out_instance) {
    tern_backend_instance *instance = tern_report_calloc(host, 1, sizeof *instance);
    if (!instance) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                                "opencl: no host memory for an instance: %zu bytes",
                                sizeof *instance);
    }
    instance->host = host;
    tern_status status = tern_cl_library_open(host, &instance->cl);
    if (status == TERN_STATUS_OK) {
        status = tern_cl_devices_find(instance);
    }
    if (status != TERN_STATUS_OK) {
        instance_destroy(instance);
        return status;
    }
    *out_instance = instance;
    return TERN_STATUS_OK;
}

static uint32_t device_count(tern_backend_instance *instance) {
    return instance->count;
}

static int32_t supports(tern_backend_device *device, const tern_op_header *op) {
    const tern_cl_op *known = tern_cl_op_find(op->kind);
    return known && known->supports(device, op);
}

static const tern_backend_ops table = {
    .struct_size = sizeof table,
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .device_count = device_count,
    .device_describe = tern_cl_device_describe,
    .device_open = tern_cl_device_open,
    .device_close = tern_cl_device_close,
    .buffer_create = tern_cl_buffer_create,
    .buffer_destroy = tern_cl_buffer_destroy,
    .buffer_upload = tern_cl_buffer_upload,
    .buffer_download = tern_cl_buffer_download,
    .weights_create = tern_cl_weights_create,
    .weights_destroy = tern_cl_weights_destroy,
    .weights_export = tern_cl_weights_export,
    .supports = supports,
    .compile = tern_cl_compile,
    .program_destroy = tern_cl_program_destroy,
    .submit = tern_cl_submit,
    .wait = tern_cl_wait,
    .program_kernel = tern_cl_program_kernel,
    .device_status = tern_cl_device_status,
    .measure = tern_cl_measure,
    .counters = tern_cl_counters,
    .program_times = tern_cl_program_times,
};

static const tern_backend backend = {
    .struct_size = sizeof backend,
    .abi = TERN_ABI_VERSION,
    .flags = TERN_BACKEND_FALLBACK,
    .name = "opencl",
    .description = "OpenCL 1.2 or later: GPUs and CPUs of any vendor",
    .ops = &table,
};

const tern_backend *TERN_BACKEND_SYMBOL(uint32_t min_abi, uint32_t max_abi) {
    return min_abi <= TERN_ABI_VERSION && TERN_ABI_VERSION <= max_abi ? &backend : NULL;
}
