// What a device can do at most, and what it was asked for: both are asked of its backend.
#include "runtime/device.h"

#include "runtime/status.h"

// A rate that is no rate would become a share of a roofline somewhere.
static tern_status check(tern_device *device, const tern_measurement *m) {
    if (!(m->rate > 0.0 && m->rate < 1e30)) {
        return tern__fail(device->context, TERN_STATUS_INTERNAL,
                          "backend %s: measured a rate of %g", device->info.backend, m->rate);
    }
    return TERN_STATUS_OK;
}

static tern_status measure_locked(tern_device *device, tern_measurement *m) {
    TERN_TRY(tern__device_alive(device));
    if (!device->entry->ops.measure) {
        return tern__fail(device->context, TERN_STATUS_UNSUPPORTED,
                          "device measure: backend %s cannot measure its devices",
                          device->info.backend);
    }
    TERN_TRY(tern__device_check(device, device->entry->ops.measure(device->handle, m->kind, m)));
    m->how[sizeof m->how - 1] = '\0';
    return check(device, m);
}

tern_status tern_device_measure(tern_device *device, tern_measure_kind kind,
                                tern_measurement *out_measurement) {
    if (!device || !out_measurement) {
        return tern__fail(device ? device->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "device measure: %s is NULL", device ? "out_measurement" : "device");
    }
    TERN_TRY(tern__check_size(device->context, "tern_measurement", out_measurement->struct_size,
                              sizeof *out_measurement));
    if (kind < TERN_MEASURE_READ || kind > TERN_MEASURE_F32) {
        return tern__fail(device->context, TERN_STATUS_INVALID_ARGUMENT,
                          "device measure: kind %u is not known, there are %d to %d",
                          (unsigned)kind, TERN_MEASURE_READ, TERN_MEASURE_F32);
    }
    tern_measurement m = {.struct_size = sizeof m, .kind = kind};
    tern__mutex_lock(&device->lock);
    tern_status status = measure_locked(device, &m);
    tern__mutex_unlock(&device->lock);
    TERN_TRY(status);
    m.struct_size = out_measurement->struct_size;
    m.kind = kind;
    *out_measurement = m;
    return TERN_STATUS_OK;
}

static tern_status count_locked(tern_device *device, tern_counters *counters) {
    TERN_TRY(tern__device_alive(device));
    if (!device->entry->ops.counters) {
        return tern__fail(device->context, TERN_STATUS_UNSUPPORTED,
                          "device counters: backend %s counts nothing", device->info.backend);
    }
    device->entry->ops.counters(device->handle, counters);
    return TERN_STATUS_OK;
}

tern_status tern_device_counters(tern_device *device, tern_counters *out_counters) {
    if (!device || !out_counters) {
        return tern__fail(device ? device->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "device counters: %s is NULL", device ? "out_counters" : "device");
    }
    TERN_TRY(tern__check_size(device->context, "tern_counters", out_counters->struct_size,
                              sizeof *out_counters));
    tern_counters counters = {.struct_size = sizeof counters};
    tern__mutex_lock(&device->lock);
    tern_status status = count_locked(device, &counters);
    tern__mutex_unlock(&device->lock);
    TERN_TRY(status);
    counters.struct_size = out_counters->struct_size;
    *out_counters = counters;
    return TERN_STATUS_OK;
}
