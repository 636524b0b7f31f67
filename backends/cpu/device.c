#include "backends/cpu/device.h"

#include <stdio.h>
#include <string.h>

#include <tern/version.h>

#include "backends/common/memory.h"
#include "backends/common/report.h"

#define LEVEL_TEXT(name) " " #name
#define LEVELS TERN_CPU_LEVEL_LIST(LEVEL_TEXT)

static tern_status choose_levels(const tern_host *host, tern_cpu_levels *out_levels) {
    *out_levels = tern_cpu_levels_detect();
    const char *mask = host->option(host, "TERN_CPU_MASK");
    if (!mask || !mask[0]) {
        return TERN_STATUS_OK;
    }
    enum tern_cpu_level highest;
    if (!tern_cpu_level_find(mask, &highest)) {
        return tern_report_fail(host, TERN_STATUS_INVALID_ARGUMENT,
                                "TERN_CPU_MASK is '%s', must be one of:" LEVELS, mask);
    }
    *out_levels = tern_cpu_levels_up_to(*out_levels, highest);
    return TERN_STATUS_OK;
}

tern_status tern_cpu_instance_create(const tern_host *host, tern_backend_instance **out_instance) {
    tern_cpu_levels levels;
    TERN_TRY(choose_levels(host, &levels));
    tern_backend_instance *instance = tern_report_calloc(host, 1, sizeof *instance);
    if (!instance) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY, "cpu: out of memory");
    }
    instance->host = host;
    instance->levels = levels;
    *out_instance = instance;
    return TERN_STATUS_OK;
}

void tern_cpu_instance_destroy(tern_backend_instance *instance) {
    instance->host->release(instance->host, instance);
}

uint32_t tern_cpu_device_count(tern_backend_instance *instance) {
    (void)instance;
    return 1;
}

tern_status tern_cpu_device_describe(tern_backend_instance *instance, uint32_t index,
                                     tern_device_info *out_info) {
    const tern_host *host = instance->host;
    out_info->index = index;
    out_info->type = TERN_DEVICE_CPU;
    out_info->memory_bytes = tern_memory_physical();
    out_info->max_buffer_bytes = 0;
    tern_cpu_brand(out_info->name, sizeof out_info->name);
    snprintf(out_info->driver, sizeof out_info->driver, "tern " TERN_VERSION_STRING);
    snprintf(out_info->features, sizeof out_info->features, "%s threads=%u",
             tern_cpu_level_name(tern_cpu_levels_best(instance->levels)), host->thread_count(host));
    return TERN_STATUS_OK;
}

static enum tern_cpu_ternary_layout ternary_layout(const tern_host *host) {
    const char *name = host->option(host, "TERN_CPU_TERNARY");
    if (name && strcmp(name, "t2") == 0) {
        return TERN_CPU_TERNARY_T2;
    }
    return name && strcmp(name, "t5") == 0 ? TERN_CPU_TERNARY_T5 : TERN_CPU_TERNARY_AUTO;
}

// Only a device that is opened asks the system for what it uses: it binds the process. What is
// refused is described no longer.
static void acquire_levels(tern_backend_instance *instance) {
    tern_cpu_levels wanted = instance->levels;
    instance->levels = tern_cpu_levels_acquire(wanted);
    if (instance->levels != wanted) {
        tern_report_log(instance->host, TERN_LOG_INFO,
                        "cpu: the system refuses %s, as where a signal stack is too small for it; "
                        "%s is used",
                        tern_cpu_level_name(tern_cpu_levels_best(wanted)),
                        tern_cpu_level_name(tern_cpu_levels_best(instance->levels)));
    }
}

tern_status tern_cpu_device_open(tern_backend_instance *instance, uint32_t index,
                                 const tern_native *native, tern_backend_device **out_device) {
    const tern_host *host = instance->host;
    (void)index;
    if (native) {
        return tern_report_fail(host, TERN_STATUS_UNSUPPORTED,
                                "cpu: a native device of kind %u was given, there is none of the "
                                "cpu's",
                                native->kind);
    }
    tern_backend_device *device = tern_report_calloc(host, 1, sizeof *device);
    if (!device) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY, "cpu: out of memory");
    }
    device->host = host;
    const char *profile = host->option(host, "TERN_PROFILE");
    device->timed = profile && strcmp(profile, "1") == 0;
    acquire_levels(instance);
    tern_cpu_kernels_init(&device->kernels, instance->levels);
    device->ternary = ternary_layout(host);
    tern_status status = tern_cpu_pool_create(host, &device->pool);
    if (status != TERN_STATUS_OK) {
        tern_cpu_device_close(device);
        return status;
    }
    *out_device = device;
    return TERN_STATUS_OK;
}

void tern_cpu_device_close(tern_backend_device *device) {
    tern_cpu_pool_destroy(device->pool);
    device->host->release(device->host, device);
}
