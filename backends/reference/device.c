#include "backends/reference/reference.h"

#include <stdio.h>
#include <string.h>

tern_status tern_ref_allocate(const tern_host *host, uint64_t bytes, const char *what, void **out) {
    void *memory = bytes <= SIZE_MAX ? tern_report_calloc(host, 1, (size_t)bytes) : NULL;
    if (!memory) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                                "reference: no memory for %s of %llu bytes", what,
                                (unsigned long long)bytes);
    }
    *out = memory;
    return TERN_STATUS_OK;
}

tern_status tern_ref_instance_create(const tern_host *host, tern_backend_instance **out_instance) {
    void *memory = NULL;
    TERN_TRY(tern_ref_allocate(host, sizeof(tern_backend_instance), "an instance", &memory));
    *out_instance = memory;
    (*out_instance)->host = host;
    return TERN_STATUS_OK;
}

void tern_ref_instance_destroy(tern_backend_instance *instance) {
    if (instance) {
        instance->host->release(instance->host, instance);
    }
}

uint32_t tern_ref_device_count(tern_backend_instance *instance) {
    (void)instance;
    return 1;
}

tern_status tern_ref_device_describe(tern_backend_instance *instance, uint32_t index,
                                     tern_device_info *out_info) {
    (void)instance;
    uint32_t size = out_info->struct_size;
    tern_device_info info = {.index = index, .type = TERN_DEVICE_REFERENCE};
    info.struct_size = size < sizeof info ? size : (uint32_t)sizeof info;
    snprintf(info.name, sizeof info.name, "scalar C");
    snprintf(info.driver, sizeof info.driver, "none");
    memcpy(out_info, &info, info.struct_size);
    return TERN_STATUS_OK;
}

tern_status tern_ref_device_open(tern_backend_instance *instance, uint32_t index,
                                 const tern_native *native, tern_backend_device **out_device) {
    const tern_host *host = instance->host;
    if (native) {
        return tern_report_fail(host, TERN_STATUS_UNSUPPORTED,
                                "reference: a device of the host (kind %u) is given, it has none",
                                native->kind);
    }
    if (index != 0) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_RANGE,
                                "reference: device %u does not exist, there is one", index);
    }
    void *memory = NULL;
    TERN_TRY(tern_ref_allocate(host, sizeof(tern_backend_device), "a device", &memory));
    *out_device = memory;
    (*out_device)->host = host;
    const char *profile = host->option(host, "TERN_PROFILE");
    (*out_device)->timed = profile && strcmp(profile, "1") == 0;
    return TERN_STATUS_OK;
}

void tern_ref_device_close(tern_backend_device *device) {
    if (device) {
        device->host->release(device->host, device);
    }
}
