#include "backends/opencl/device.h"

#include <stdio.h>
#include <string.h>

#include "backends/common/report.h"
#include "backends/opencl/kernel.h"

// Drivers that report a GPU, or anything else, and run on the processor.
static const struct {
    const char *name;
    const char *reason;
} software_drivers[] = {
    {"llvmpipe", "Mesa's rasteriser on the processor"},
    {"softpipe", "Mesa's rasteriser on the processor"},
    {"SwiftShader", "a GPU in software"},
    {"Oclgrind", "a simulator that checks memory accesses"},
};

static const struct {
    cl_int code;
    tern_status status; // DEVICE_LOST: nothing works from here on
    const char *name;
} errors[] = {
    {CL_DEVICE_NOT_FOUND, TERN_STATUS_UNAVAILABLE, "CL_DEVICE_NOT_FOUND"},
    {CL_DEVICE_NOT_AVAILABLE, TERN_STATUS_DEVICE_LOST, "CL_DEVICE_NOT_AVAILABLE"},
    {CL_COMPILER_NOT_AVAILABLE, TERN_STATUS_UNSUPPORTED, "CL_COMPILER_NOT_AVAILABLE"},
    {CL_MEM_OBJECT_ALLOCATION_FAILURE, TERN_STATUS_OUT_OF_MEMORY,
     "CL_MEM_OBJECT_ALLOCATION_FAILURE"},
    {CL_OUT_OF_RESOURCES, TERN_STATUS_DEVICE_LOST, "CL_OUT_OF_RESOURCES"},
    {CL_OUT_OF_HOST_MEMORY, TERN_STATUS_OUT_OF_MEMORY, "CL_OUT_OF_HOST_MEMORY"},
    {CL_BUILD_PROGRAM_FAILURE, TERN_STATUS_UNSUPPORTED, "CL_BUILD_PROGRAM_FAILURE"},
    {CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, TERN_STATUS_DEVICE_LOST,
     "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST"},
    {CL_INVALID_VALUE, TERN_STATUS_INTERNAL, "CL_INVALID_VALUE"},
    {CL_INVALID_CONTEXT, TERN_STATUS_DEVICE_LOST, "CL_INVALID_CONTEXT"},
    {CL_INVALID_COMMAND_QUEUE, TERN_STATUS_DEVICE_LOST, "CL_INVALID_COMMAND_QUEUE"},
    {CL_INVALID_MEM_OBJECT, TERN_STATUS_INTERNAL, "CL_INVALID_MEM_OBJECT"},
    {CL_INVALID_KERNEL_NAME, TERN_STATUS_INTERNAL, "CL_INVALID_KERNEL_NAME"},
    {CL_INVALID_ARG_INDEX, TERN_STATUS_INTERNAL, "CL_INVALID_ARG_INDEX"},
    {CL_INVALID_ARG_SIZE, TERN_STATUS_INTERNAL, "CL_INVALID_ARG_SIZE"},
    {CL_INVALID_KERNEL_ARGS, TERN_STATUS_INTERNAL, "CL_INVALID_KERNEL_ARGS"},
    {CL_INVALID_WORK_GROUP_SIZE, TERN_STATUS_INTERNAL, "CL_INVALID_WORK_GROUP_SIZE"},
    {CL_INVALID_BUFFER_SIZE, TERN_STATUS_OUT_OF_MEMORY, "CL_INVALID_BUFFER_SIZE"},
    {CL_PLATFORM_NOT_FOUND_KHR, TERN_STATUS_UNAVAILABLE, "CL_PLATFORM_NOT_FOUND_KHR"},
};

const char *tern_cl_error_name(cl_int code) {
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (errors[i].code == code) {
            return errors[i].name;
        }
    }
    return "unknown error";
}

static tern_status error_status(cl_int code) {
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (errors[i].code == code) {
            return errors[i].status;
        }
    }
    return TERN_STATUS_INTERNAL;
}

tern_status tern_cl_check(tern_backend_device *device, cl_int code, const char *what) {
    if (code == CL_SUCCESS) {
        return TERN_STATUS_OK;
    }
    tern_status status = error_status(code);
    if (status == TERN_STATUS_DEVICE_LOST) {
        atomic_store(&device->lost, true);
    }
    return tern_report_fail(device->host, status, "opencl device '%s': %s failed: %s (%d)",
                            device->candidate->info.name, what, tern_cl_error_name(code),
                            (int)code);
}

tern_status tern_cl_device_status(tern_backend_device *device) {
    return atomic_load(&device->lost) ? TERN_STATUS_DEVICE_LOST : TERN_STATUS_OK;
}

// A string property, cut to fit; "" where the driver has none.
static void device_text(const tern_cl_library *cl, cl_device_id id, cl_device_info what, char *text,
                        size_t capacity) {
    char long_text[8192] = "";
    if (cl->clGetDeviceInfo(id, what, sizeof long_text - 1, long_text, NULL) != CL_SUCCESS) {
        long_text[0] = 0;
    }
    snprintf(text, capacity, "%s", long_text);
}

static uint64_t device_number(const tern_cl_library *cl, cl_device_id id, cl_device_info what) {
    uint64_t value = 0;
    size_t size = 0;
    // Properties of 4 and 8 bytes alike: little-endian hosts only, which candidates are.
    if (cl->clGetDeviceInfo(id, what, sizeof value, &value, &size) != CL_SUCCESS) {
        return 0;
    }
    return size == sizeof(cl_uint) ? (uint32_t)value : value;
}

static tern_device_type device_type(const tern_cl_library *cl, const tern_cl_candidate *candidate) {
    for (size_t i = 0; i < sizeof software_drivers / sizeof software_drivers[0]; i++) {
        if (strstr(candidate->info.name, software_drivers[i].name)) {
            return TERN_DEVICE_SOFTWARE;
        }
    }
    uint64_t type = device_number(cl, candidate->id, CL_DEVICE_TYPE);
    if (type & CL_DEVICE_TYPE_GPU) {
        return device_number(cl, candidate->id, CL_DEVICE_HOST_UNIFIED_MEMORY)
                   ? TERN_DEVICE_INTEGRATED
                   : TERN_DEVICE_DISCRETE;
    }
    return type & CL_DEVICE_TYPE_CPU ? TERN_DEVICE_SOFTWARE : TERN_DEVICE_OTHER;
}

// Why a device cannot be used, or NULL.
static const char *unusable(const tern_cl_library *cl, cl_device_id id) {
    char version[64];
    device_text(cl, id, CL_DEVICE_VERSION, version, sizeof version);
    int major = 0;
    int minor = 0;
    if (sscanf(version, "OpenCL %d.%d", &major, &minor) != 2 || major * 10 + minor < 12) {
        return "it is older than OpenCL 1.2";
    }
    if (!device_number(cl, id, CL_DEVICE_AVAILABLE)) {
        return "its driver says it is not available";
    }
    if (!device_number(cl, id, CL_DEVICE_COMPILER_AVAILABLE)) {
        return "its driver has no compiler";
    }
    if (!device_number(cl, id, CL_DEVICE_ENDIAN_LITTLE)) {
        return "it is big-endian";
    }
    if (device_number(cl, id, CL_DEVICE_MAX_WORK_GROUP_SIZE) < TERN_CL_GROUP) {
        return "its work-groups are smaller than 64";
    }
    return NULL;
}

// Whether the driver compiles OpenCL C 3.0, by a property that came with it.
static bool speaks_c3(const tern_cl_library *cl, cl_device_id id) {
    enum { OPENCL_C_ALL_VERSIONS = 0x1066 };
    struct {
        cl_uint version; // major in the upper ten bits
        char name[64];
    } versions[32];
    size_t size = 0;
    if (cl->clGetDeviceInfo(id, OPENCL_C_ALL_VERSIONS, sizeof versions, versions, &size) !=
        CL_SUCCESS) {
        return false;
    }
    bool found = false;
    for (size_t i = 0; i < size / sizeof versions[0]; i++) {
        found = found || versions[i].version >> 22 >= 3;
    }
    return found;
}

static void describe(const tern_cl_library *cl, tern_cl_candidate *candidate) {
    tern_device_info *info = &candidate->info;
    char platform[96] = "";
    char version[32];
    char extensions[8192];
    device_text(cl, candidate->id, CL_DEVICE_NAME, info->name, sizeof info->name);
    device_text(cl, candidate->id, CL_DRIVER_VERSION, version, sizeof version);
    device_text(cl, candidate->id, CL_DEVICE_EXTENSIONS, extensions, sizeof extensions);
    cl->clGetPlatformInfo(candidate->platform, CL_PLATFORM_NAME, sizeof platform - 1, platform,
                          NULL);
    snprintf(info->driver, sizeof info->driver, "%s %s", platform, version);
    // Some platforms repeat their name, so that "PoCL" must be found in the device's version.
    device_text(cl, candidate->id, CL_DEVICE_VERSION, candidate->version,
                sizeof candidate->version);
    if (strstr(candidate->version, "PoCL") || strstr(candidate->version, "pocl")) {
        snprintf(info->driver, sizeof info->driver, "PoCL %s", version);
    }
    info->type = device_type(cl, candidate);
    info->memory_bytes = device_number(cl, candidate->id, CL_DEVICE_GLOBAL_MEM_SIZE);
    info->max_buffer_bytes = device_number(cl, candidate->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    uint64_t type = device_number(cl, candidate->id, CL_DEVICE_TYPE);
    candidate->processor = type & CL_DEVICE_TYPE_CPU && !(type & CL_DEVICE_TYPE_GPU);
    candidate->vector_width =
        (uint32_t)device_number(cl, candidate->id, CL_DEVICE_NATIVE_VECTOR_WIDTH_INT);
    candidate->vector_bytes = 64;
    candidate->compute_units =
        (uint32_t)device_number(cl, candidate->id, CL_DEVICE_MAX_COMPUTE_UNITS);
    candidate->group_items =
        (uint32_t)device_number(cl, candidate->id, CL_DEVICE_MAX_WORK_GROUP_SIZE);
    // rusticl 22.3 gives 0 to 100 ns for launches of milliseconds: it stamps what it records.
    candidate->clockless = strstr(info->driver, "rusticl") != NULL;
    candidate->local_bytes = device_number(cl, candidate->id, CL_DEVICE_LOCAL_MEM_SIZE);
    candidate->integer_dot =
        strstr(extensions, "cl_khr_integer_dot_product") != NULL && speaks_c3(cl, candidate->id);
    snprintf(info->features, sizeof info->features, "%s%s",
             candidate->vector_width >= 4 ? "vectors" : "",
             candidate->integer_dot ? " int_dot" : "");
}

static void add_device(tern_backend_instance *instance, cl_platform_id platform, cl_device_id id) {
    char name[128];
    device_text(&instance->cl, id, CL_DEVICE_NAME, name, sizeof name);
    const char *reason = unusable(&instance->cl, id);
    if (instance->count == TERN_CL_MAX_DEVICES) {
        reason = "there are too many devices";
    }
    if (reason) {
        tern_report_log(instance->host, TERN_LOG_INFO, "opencl: device '%s' is left out: %s", name,
                        reason);
        return;
    }
    tern_cl_candidate *candidate = &instance->devices[instance->count];
    candidate->platform = platform;
    candidate->id = id;
    candidate->info.index = instance->count++;
    describe(&instance->cl, candidate);
}

static void add_platform(tern_backend_instance *instance, cl_platform_id platform) {
    char name[128] = "";
    cl_device_id ids[TERN_CL_MAX_DEVICES];
    cl_uint count = 0;
    instance->cl.clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name - 1, name, NULL);
    cl_int code =
        instance->cl.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, TERN_CL_MAX_DEVICES, ids, &count);
    if (code != CL_SUCCESS) {
        tern_report_log(instance->host, TERN_LOG_INFO,
                        "opencl: platform '%s' has no device: %s (%d)", name,
                        tern_cl_error_name(code), (int)code);
        return;
    }
    for (cl_uint i = 0; i < count && i < TERN_CL_MAX_DEVICES; i++) {
        add_device(instance, platform, ids[i]);
    }
}

tern_status tern_cl_devices_find(tern_backend_instance *instance) {
    cl_platform_id platforms[16];
    cl_uint count = 0;
    cl_int code = instance->cl.clGetPlatformIDs(16, platforms, &count);
    if (code != CL_SUCCESS || count == 0) {
        return tern_report_fail(instance->host, TERN_STATUS_UNAVAILABLE,
                                "opencl: the loader finds no platform: %s (%d); install a driver",
                                tern_cl_error_name(code), (int)code);
    }
    for (cl_uint i = 0; i < count && i < 16; i++) {
        add_platform(instance, platforms[i]);
    }
    if (instance->count == 0) {
        return tern_report_fail(instance->host, TERN_STATUS_UNAVAILABLE,
                                "opencl: none of %u platforms has a device that can be used",
                                (unsigned)count);
    }
    return TERN_STATUS_OK;
}

tern_status tern_cl_device_describe(tern_backend_instance *instance, uint32_t index,
                                    tern_device_info *out_info) {
    if (index >= instance->count) {
        return tern_report_fail(instance->host, TERN_STATUS_OUT_OF_RANGE,
                                "opencl: no device %u; there are %u", index, instance->count);
    }
    // The caller's struct_size, backend and numerics stay.
    const tern_device_info *info = &instance->devices[index].info;
    out_info->index = index;
    out_info->type = info->type;
    out_info->memory_bytes = info->memory_bytes;
    out_info->max_buffer_bytes = info->max_buffer_bytes;
    memcpy(out_info->name, info->name, sizeof info->name);
    memcpy(out_info->driver, info->driver, sizeof info->driver);
    memcpy(out_info->features, info->features, sizeof info->features);
    return TERN_STATUS_OK;
}

static tern_status open_queue(tern_backend_device *device) {
    const tern_cl_candidate *candidate = device->candidate;
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                          (cl_context_properties)candidate->platform, 0};
    cl_int code = CL_SUCCESS;
    device->context = device->cl->clCreateContext(properties, 1, &candidate->id, NULL, NULL, &code);
    TERN_TRY(tern_cl_check(device, code, "clCreateContext"));
    device->queue = device->cl->clCreateCommandQueue(
        device->context, candidate->id, device->timed ? CL_QUEUE_PROFILING_ENABLE : 0, &code);
    TERN_TRY(tern_cl_check(device, code, "clCreateCommandQueue"));
    device->nothing =
        device->cl->clCreateBuffer(device->context, CL_MEM_READ_WRITE, 64, NULL, &code);
    TERN_TRY(tern_cl_check(device, code, "clCreateBuffer"));
    const uint32_t zero = 0;
    code = device->cl->clEnqueueFillBuffer(device->queue, device->nothing, &zero, sizeof zero, 0,
                                           64, 0, NULL, NULL);
    return tern_cl_check(device, code, "clEnqueueFillBuffer");
}

tern_status tern_cl_device_open(tern_backend_instance *instance, uint32_t index,
                                const tern_native *native, tern_backend_device **out_device) {
    const tern_host *host = instance->host;
    if (native) {
        return tern_report_fail(host, TERN_STATUS_UNSUPPORTED,
                                "opencl: native devices of kind %u are not known", native->kind);
    }
    if (index >= instance->count) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_RANGE,
                                "opencl: no device %u; there are %u", index, instance->count);
    }
    tern_backend_device *device = tern_report_calloc(host, 1, sizeof *device);
    if (!device) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                                "opencl: no host memory for a device: %zu bytes", sizeof *device);
    }
    device->host = host;
    device->cl = &instance->cl;
    device->candidate = &instance->devices[index];
    device->variant = tern_cl_variant_pick(host, device->candidate);
    device->memory_bytes = device->candidate->info.memory_bytes;
    device->max_buffer_bytes = device->candidate->info.max_buffer_bytes;
    atomic_flag_clear(&device->timeline.lock);
    const char *profile = host->option(host, "TERN_PROFILE");
    device->timed = profile && strcmp(profile, "1") == 0;
    tern_status status = open_queue(device);
    if (status != TERN_STATUS_OK) {
        tern_cl_device_close(device);
        return status;
    }
    *out_device = device;
    return TERN_STATUS_OK;
}

void tern_cl_device_close(tern_backend_device *device) {
    const tern_cl_library *cl = device->cl;
    if (device->queue) {
        cl->clFinish(device->queue);
    }
    for (uint32_t i = 0; i < TERN_CL_IN_FLIGHT; i++) {
        if (device->timeline.events[i]) {
            cl->clReleaseEvent(device->timeline.events[i]);
        }
    }
    tern_cl_programs_finish(device);
    if (device->nothing) {
        cl->clReleaseMemObject(device->nothing);
    }
    if (device->queue) {
        cl->clReleaseCommandQueue(device->queue);
    }
    if (device->context) {
        cl->clReleaseContext(device->context);
    }
    device->host->release(device->host, device);
}
