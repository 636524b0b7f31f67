#include "backends/template/template.h"

#include <stdio.h>

#include "backends/common/report.h"

// Load the driver here and find its devices. Without one:
//     return tern_report_fail(host, TERN_STATUS_UNAVAILABLE, "yours: no driver: %s", why);
// The reason is what `tern devices` shows and what someone reads who asked for this backend.
tern_status tern_tpl_instance_create(const tern_host *host, tern_backend_instance **out_instance) {
    tern_backend_instance *instance = tern_report_calloc(host, 1, sizeof *instance);
    if (!instance) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                                "template: out of memory: %zu bytes", sizeof *instance);
    }
    instance->host = host;
    *out_instance = instance;
    return TERN_STATUS_OK;
}

void tern_tpl_instance_destroy(tern_backend_instance *instance) {
    instance->host->release(instance->host, instance);
}

uint32_t tern_tpl_device_count(tern_backend_instance *instance) {
    (void)instance;
    return 1;
}

// The type decides the rank in the automatic choice; the driver's name and version go into bug
// reports, so be exact. memory_bytes and max_buffer_bytes stay 0 where nothing is known.
tern_status tern_tpl_device_describe(tern_backend_instance *instance, uint32_t index,
                                     tern_device_info *out_info) {
    (void)instance;
    out_info->index = index;
    out_info->type = TERN_DEVICE_SOFTWARE;
    snprintf(out_info->name, sizeof out_info->name, "nothing yet");
    snprintf(out_info->driver, sizeof out_info->driver, "template 0.1");
    return TERN_STATUS_OK;
}

// A backend that knows no device of the host answers UNSUPPORTED to every |native|.
tern_status tern_tpl_device_open(tern_backend_instance *instance, uint32_t index,
                                 const tern_native *native, tern_backend_device **out_device) {
    const tern_host *host = instance->host;
    (void)index;
    if (native) {
        return tern_report_fail(host, TERN_STATUS_UNSUPPORTED,
                                "template: native devices are not known here");
    }
    tern_backend_device *device = tern_report_calloc(host, 1, sizeof *device);
    if (!device) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                                "template: out of memory: %zu bytes", sizeof *device);
    }
    device->host = host;
    *out_device = device;
    return TERN_STATUS_OK;
}

void tern_tpl_device_close(tern_backend_device *device) {
    device->host->release(device->host, device);
}
