#include "runtime/device.h"

#include "runtime/allocator.h"
#include "runtime/context.h"
#include "runtime/log.h"
#include "runtime/numerics.h"
#include "runtime/select.h"

static bool is_reference(const tern__entry *entry) {
    return (entry->backend->flags & TERN_BACKEND_REFERENCE) != 0;
}

static void device_free(tern_device *device) {
    tern__profile_finish(device);
    tern__mutex_finish(&device->reference_lock);
    tern__mutex_finish(&device->lock);
    tern__free(device->context, device);
}

static tern_status device_allocate(tern__entry *entry, tern_device **out_device) {
    tern_context *context = entry->context;
    tern_device *device = tern__calloc(context, 1, sizeof *device);
    if (!device) {
        return tern__fail_memory(context, sizeof *device, "a device");
    }
    device->context = context;
    device->entry = entry;
    if (!tern__mutex_init(&device->lock)) {
        tern__free(context, device);
        return tern__fail_memory(context, sizeof device->lock, "a lock");
    }
    if (!tern__mutex_init(&device->reference_lock)) {
        tern__mutex_finish(&device->lock);
        tern__free(context, device);
        return tern__fail_memory(context, sizeof device->lock, "a lock");
    }
    *out_device = device;
    return TERN_STATUS_OK;
}

// A host's device is not in the backend's list: only once it is open can the backend be asked.
static tern_status describe_native(tern_device *device) {
    tern__entry *entry = device->entry;
    tern_device_info info = {
        .struct_size = sizeof info,
        .type = TERN_DEVICE_OTHER,
        .name = "the host's device",
    };
    if (entry->ops.device_info) {
        TERN_TRY(tern__entry_check(entry, entry->ops.device_info(device->handle, &info)));
    }
    tern__entry_complete(entry, info.index, &info);
    device->info = info;
    return TERN_STATUS_OK;
}

static tern_status backend_open(tern_device *device, uint32_t index, const tern_native *native) {
    tern__entry *entry = device->entry;
    if (!native) {
        TERN_TRY(tern__entry_device(entry, index, &device->info));
    }
    tern__mutex_lock(&entry->lock);
    tern_status status = entry->ops.device_open(entry->instance, index, native, &device->handle);
    tern__mutex_unlock(&entry->lock);
    TERN_TRY(tern__entry_check(entry, status));
    if (!device->handle) {
        return tern__fail(device->context, TERN_STATUS_INTERNAL,
                          "backend %s: device_open succeeded without a device", entry->name);
    }
    return native ? describe_native(device) : TERN_STATUS_OK;
}

// Of one that the backend may not have opened.
static void backend_close(tern_device *device) {
    tern__mutex_lock(&device->entry->lock);
    if (device->handle) {
        device->entry->ops.device_close(device->handle);
    }
    tern__mutex_unlock(&device->entry->lock);
}

tern_status tern__device_open_raw(tern__entry *entry, uint32_t index, const tern_native *native,
                                  tern_device **out_device) {
    tern_context *context = entry->context;
    tern_backend_info info = {.struct_size = sizeof info};
    tern_status status = tern__entry_describe(entry, &info);
    if (status != TERN_STATUS_OK) {
        return tern__fail(context, status, "%s: %s", entry->name, info.reason);
    }
    if (!native && index >= info.device_count) {
        return tern__fail(context, TERN_STATUS_OUT_OF_RANGE,
                          "%s:%u: device does not exist, there are %u", entry->name,
                          (unsigned)index, (unsigned)info.device_count);
    }
    tern_device *device = NULL;
    TERN_TRY(device_allocate(entry, &device));
    status = backend_open(device, index, native);
    if (status != TERN_STATUS_OK) {
        backend_close(device);
        device_free(device);
        return status;
    }
    *out_device = device;
    return TERN_STATUS_OK;
}

static const char *numerics_problem(tern_numerics numerics) {
    return numerics == TERN_NUMERICS_TOLERANT
               ? "its results are not bit-identical to those of the reference backend"
               : "its results cannot be compared, the reference backend is not built in";
}

// Sets info.numerics and says what it means for the user.
static tern_status check_numerics(tern_device *device) {
    tern_context *context = device->context;
    tern_numerics numerics = TERN_NUMERICS_UNKNOWN;
    if (is_reference(device->entry)) {
        numerics = TERN_NUMERICS_EXACT;
    } else if (tern__registry_reference(context)) {
        TERN_TRY(tern__numerics_probe(device, &numerics));
    }
    device->info.numerics = numerics;
    if (numerics == TERN_NUMERICS_EXACT) {
        return TERN_STATUS_OK;
    }
    if (tern__option_is(context, TERN__OPTION_NUMERICS, "exact")) {
        return tern__fail(context, TERN_STATUS_INCOMPATIBLE,
                          "%s:%u (%s): %s, but TERN_NUMERICS is exact", device->info.backend,
                          (unsigned)device->info.index, device->info.name,
                          numerics_problem(numerics));
    }
    tern__log(context, TERN_LOG_WARNING, "%s:%u (%s): %s", device->info.backend,
              (unsigned)device->info.index, device->info.name, numerics_problem(numerics));
    return TERN_STATUS_OK;
}

tern_status tern__device_open(tern__entry *entry, uint32_t index, const tern_native *native,
                              tern_device **out_device) {
    tern_device *device = NULL;
    TERN_TRY(tern__device_open_raw(entry, index, native, &device));
    tern_status status = check_numerics(device);
    if (status != TERN_STATUS_OK) {
        tern_device_close(device);
        return status;
    }
    // Not before: the probe is none of the application's work.
    device->profile.on = tern__option_is(device->context, TERN__OPTION_PROFILE, "1");
    *out_device = device;
    return TERN_STATUS_OK;
}

tern_status tern__device_reference(tern_device *device, tern_device **out_reference) {
    if (is_reference(device->entry)) {
        *out_reference = device;
        return TERN_STATUS_OK;
    }
    tern__entry *entry = tern__registry_reference(device->context);
    if (!entry) {
        return tern__fail(device->context, TERN_STATUS_UNAVAILABLE,
                          "%s: the reference backend, which would do this instead, is not built in",
                          device->info.backend);
    }
    tern_status status = TERN_STATUS_OK;
    tern__mutex_lock(&device->reference_lock);
    if (!device->reference) {
        status = tern__device_open_raw(entry, 0, NULL, &device->reference);
    }
    *out_reference = device->reference;
    tern__mutex_unlock(&device->reference_lock);
    return status;
}

tern_status tern__device_alive(tern_device *device) {
    if (device->lost) {
        return tern__fail(device->context, TERN_STATUS_DEVICE_LOST, "%s:%u (%s): device lost",
                          device->info.backend, (unsigned)device->info.index, device->info.name);
    }
    return TERN_STATUS_OK;
}

tern_status tern__device_check(tern_device *device, tern_status status) {
    if (status == TERN_STATUS_DEVICE_LOST) {
        device->lost = true;
    }
    return tern__entry_check(device->entry, status);
}

static tern_status fail_null(tern_context *context, const char *call, const char *what) {
    return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "device %s: %s is NULL", call, what);
}

tern_status tern_device_open(tern_context *context, const tern_device_desc *desc,
                             tern_device **out_device) {
    static const tern_device_desc defaults = TERN_DEVICE_DESC_INIT;
    if (!context || !out_device) {
        return fail_null(context, "open", context ? "out_device" : "context");
    }
    *out_device = NULL;
    if (!desc) {
        desc = &defaults;
    }
    TERN_TRY(tern__check_size(context, "tern_device_desc", desc->struct_size, sizeof *desc));
    if (desc->flags) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "tern_device_desc: flags %#x, none are known", (unsigned)desc->flags);
    }
    return tern__select(context, desc, out_device);
}

void tern_device_close(tern_device *device) {
    if (!device) {
        return;
    }
    tern_device_close(device->reference);
    backend_close(device);
    device_free(device);
}

tern_status tern_device_describe(tern_device *device, tern_device_info *out_info) {
    if (!device || !out_info) {
        return fail_null(device ? device->context : NULL, "describe",
                         device ? "out_info" : "device");
    }
    TERN_TRY(tern__check_size(device->context, "tern_device_info", out_info->struct_size,
                              sizeof *out_info));
    uint32_t size = out_info->struct_size;
    *out_info = device->info;
    out_info->struct_size = size;
    return TERN_STATUS_OK;
}

tern_status tern_device_status(tern_device *device) {
    if (!device) {
        return fail_null(NULL, "status", "device");
    }
    tern_status status = TERN_STATUS_OK;
    tern__mutex_lock(&device->lock);
    if (!device->lost && device->entry->ops.device_status) {
        status = tern__device_check(device, device->entry->ops.device_status(device->handle));
    }
    if (status == TERN_STATUS_OK) {
        status = tern__device_alive(device);
    }
    tern__mutex_unlock(&device->lock);
    return status;
}

tern_context *tern_device_context(tern_device *device) {
    return device ? device->context : NULL;
}

tern_status tern_context_device_describe(tern_context *context, uint32_t backend, uint32_t index,
                                         tern_device_info *out_info) {
    if (!context || !out_info) {
        return fail_null(context, "describe", context ? "out_info" : "context");
    }
    TERN_TRY(
        tern__check_size(context, "tern_device_info", out_info->struct_size, sizeof *out_info));
    tern_backend_info info = {.struct_size = sizeof info};
    TERN_TRY(tern_context_backend_describe(context, backend, &info));
    if (index >= info.device_count) {
        return tern__fail(context, TERN_STATUS_OUT_OF_RANGE,
                          "%s:%u: device does not exist, there are %u", info.name, (unsigned)index,
                          (unsigned)info.device_count);
    }
    uint32_t size = out_info->struct_size;
    TERN_TRY(tern__entry_device(tern__registry_at(context, backend), index, out_info));
    out_info->struct_size = size;
    return TERN_STATUS_OK;
}
