#include "runtime/weights.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/allocator.h"
#include "runtime/log.h"
#include "runtime/rows.h"

uint32_t tern__weights_scales_per_row(const tern_weights_info *info) {
    switch (info->scale_kind) {
    case TERN_SCALE_ROW:
        return 1;
    case TERN_SCALE_GROUP:
        return (info->cols + info->group_size - 1) / info->group_size;
    default:
        return 0;
    }
}

static bool allows_fallback(const tern_device *device) {
    return (device->entry->backend->flags & TERN_BACKEND_FALLBACK) != 0;
}

// UNSUPPORTED is an answer that needs no text of the backend's.
static tern_status check_created(tern_device *device, const tern_backend_weights_desc *desc,
                                 tern_status status) {
    if (status != TERN_STATUS_UNSUPPORTED) {
        return tern__device_check(device, status);
    }
    if (!tern__was_reported(status)) {
        tern__fail(device->context, status, "weights '%s': backend %s has no use for %s%s",
                   desc->name, device->info.backend, tern_dtype_name(desc->info.dtype),
                   allows_fallback(device) ? "" : ", and allows no fallback");
    }
    return status;
}

// What a device makes of |desc|. Called under the device's lock.
static tern_status create_locked(tern_device *device, const tern_backend_weights_desc *desc,
                                 tern_backend_weights **out_handle) {
    TERN_TRY(tern__device_alive(device));
    tern_backend_weights *handle = NULL;
    tern_status status = device->entry->ops.weights_create(device->handle, desc, &handle);
    TERN_TRY(check_created(device, desc, status));
    if (!handle) {
        return tern__fail(device->context, TERN_STATUS_INTERNAL,
                          "backend %s: weights_create succeeded without weights",
                          device->info.backend);
    }
    *out_handle = handle;
    return TERN_STATUS_OK;
}

// Whether a backend that returned |status| used the source as it should have.
static tern_status check_reading(const tern__rows *rows, const tern_device *device,
                                 tern_status status) {
    if (rows->status != TERN_STATUS_OK) {
        tern__set_error(rows->message); // the first failure, whatever the backend said after it
        return rows->status;
    }
    if (status == TERN_STATUS_OK && rows->next != rows->info.rows) {
        return tern__fail(device->context, TERN_STATUS_INTERNAL,
                          "weights '%s': backend %s read %" PRIu32 " of %" PRIu32 " rows",
                          rows->name, device->info.backend, rows->next, rows->info.rows);
    }
    if (status == TERN_STATUS_UNSUPPORTED && rows->next != 0) {
        return tern__fail(device->context, TERN_STATUS_INTERNAL,
                          "weights '%s': backend %s refused after it had read %" PRIu32 " rows",
                          rows->name, device->info.backend, rows->next);
    }
    return status;
}

// Makes |rows| ready on |device|, which is the owner's or its companion.
static tern_status make(const tern_weights *owner, tern_device *device, tern__rows *rows,
                        tern_backend_weights **out_handle) {
    tern_backend_weights_desc desc = {
        .struct_size = sizeof desc,
        .info = rows->info,
        .read = tern__rows_read,
        .user = rows,
        .name = rows->name,
    };
    tern_backend_weights *handle = NULL;
    tern__mutex_lock(&owner->device->lock);
    tern_status status = check_reading(rows, device, create_locked(device, &desc, &handle));
    if (status != TERN_STATUS_OK && handle) {
        device->entry->ops.weights_destroy(device->handle, handle);
        handle = NULL;
    }
    tern__mutex_unlock(&owner->device->lock);
    *out_handle = handle;
    return status;
}

// The same, reporting a failure once, unless it is UNSUPPORTED where the backend |may_refuse|.
static tern_status make_or_report(const tern_weights *owner, tern_device *device, tern__rows *rows,
                                  bool may_refuse, tern_backend_weights **out_handle) {
    char message[TERN__MESSAGE_CAPACITY];
    tern__quiet quiet;
    tern__quiet_begin(&quiet);
    tern_status status = make(owner, device, rows, out_handle);
    tern__quiet_end_with(&quiet, status, message);
    if (status == TERN_STATUS_OK || (status == TERN_STATUS_UNSUPPORTED && may_refuse)) {
        return status;
    }
    return tern__fail(device->context, status, "%s", message);
}

// On the device, or where its backend has no use for them, on the companion.
static tern_status place(tern_weights *weights, tern__rows *rows) {
    tern_device *device = weights->device;
    bool may_refuse = allows_fallback(device);
    tern_status status = make_or_report(weights, device, rows, may_refuse, &weights->handle);
    if (status != TERN_STATUS_UNSUPPORTED || !may_refuse) {
        return status;
    }
    tern_device *reference = NULL;
    TERN_TRY(tern__device_reference(device, &reference));
    tern__log(device->context, TERN_LOG_INFO,
              "weights '%s': backend %s has no use for %s, kept for the reference backend",
              rows->name, device->info.backend, tern_dtype_name(rows->info.dtype));
    return make_or_report(weights, reference, rows, false, &weights->reference);
}

tern_status tern_weights_create(tern_device *device, const tern_weights_desc *desc,
                                tern_weights **out_weights) {
    if (!device || !desc || !out_weights) {
        return tern__fail(device ? device->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "weights create: %s is NULL",
                          !device ? "device"
                          : !desc ? "desc"
                                  : "out_weights");
    }
    *out_weights = NULL;
    tern__rows rows;
    TERN_TRY(tern__rows_init(&rows, device->context, desc));
    tern_weights *weights = tern__calloc(device->context, 1, sizeof *weights);
    if (!weights) {
        return tern__fail_memory(device->context, sizeof *weights, "a matrix's handle");
    }
    weights->device = device;
    weights->info = rows.info;
    tern_status status = place(weights, &rows);
    if (status != TERN_STATUS_OK) {
        tern__free(device->context, weights);
        return status;
    }
    *out_weights = weights;
    return TERN_STATUS_OK;
}

static void destroy_handle(tern_device *device, tern_backend_weights *handle) {
    if (handle) {
        device->entry->ops.weights_destroy(device->handle, handle);
    }
}

void tern_weights_destroy(tern_weights *weights) {
    if (!weights) {
        return;
    }
    tern_device *device = weights->device;
    tern__mutex_lock(&device->lock);
    destroy_handle(device, weights->handle);
    destroy_handle(device->reference, weights->reference);
    tern__mutex_unlock(&device->lock);
    tern__free(device->context, weights);
}

tern_status tern_weights_describe(const tern_weights *weights, tern_weights_info *out_info) {
    if (!weights || !out_info) {
        return tern__fail(weights ? weights->device->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "weights describe: %s is NULL", weights ? "out_info" : "weights");
    }
    TERN_TRY(tern__check_size(weights->device->context, "tern_weights_info", out_info->struct_size,
                              sizeof *out_info));
    uint32_t size = out_info->struct_size;
    *out_info = weights->info;
    out_info->struct_size = size;
    return TERN_STATUS_OK;
}

static tern_status check_export(const tern_weights *weights, uint32_t first, uint32_t count,
                                const void *codes, const float *scales) {
    tern_context *context = weights->device->context;
    if (first > weights->info.rows || count > weights->info.rows - first) {
        return tern__fail(context, TERN_STATUS_OUT_OF_RANGE,
                          "weights export: %" PRIu32 " rows from %" PRIu32
                          " on, there are %" PRIu32,
                          count, first, weights->info.rows);
    }
    if (!codes || (!scales && tern__weights_scales_per_row(&weights->info))) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "weights export: %s is NULL",
                          codes ? "scales" : "codes");
    }
    return TERN_STATUS_OK;
}

static tern_status export_locked(tern_device *device, tern_backend_weights *handle, uint32_t first,
                                 uint32_t count, void *codes, float *scales) {
    TERN_TRY(tern__device_alive(device));
    return tern__device_check(device, device->entry->ops.weights_export(
                                          device->handle, handle, first, count, codes, scales));
}

tern_status tern_weights_export(tern_weights *weights, uint32_t first, uint32_t count, void *codes,
                                float *scales) {
    if (!weights) {
        return tern__fail(NULL, TERN_STATUS_INVALID_ARGUMENT, "weights export: weights is NULL");
    }
    TERN_TRY(check_export(weights, first, count, codes, scales));
    if (count == 0) {
        return TERN_STATUS_OK;
    }
    if (!tern__weights_scales_per_row(&weights->info)) {
        scales = NULL;
    }
    bool own = weights->handle != NULL;
    tern_device *device = own ? weights->device : weights->device->reference;
    tern__mutex_lock(&weights->device->lock);
    tern_status status = export_locked(device, own ? weights->handle : weights->reference, first,
                                       count, codes, scales);
    tern__mutex_unlock(&weights->device->lock);
    return status;
}

// A tern_rows_fn over weights whose device is locked.
static tern_status read_back(void *user, uint32_t first, uint32_t count, void *codes,
                             float *scales) {
    tern_weights *weights = user;
    return export_locked(weights->device, weights->handle, first, count, codes, scales);
}

// The device is locked.
static tern_status copy_locked(tern_weights *weights, tern_device *reference) {
    if (weights->reference) {
        return TERN_STATUS_OK;
    }
    tern_backend_weights_desc desc = {
        .struct_size = sizeof desc,
        .info = weights->info,
        .read = read_back,
        .user = weights,
        .name = "weights",
    };
    return create_locked(reference, &desc, &weights->reference);
}

tern_status tern__weights_reference(tern_weights *weights, tern_backend_weights **out_handle) {
    tern_device *device = weights->device;
    tern_device *reference = NULL;
    TERN_TRY(tern__device_reference(device, &reference));
    if (reference == device) {
        *out_handle = weights->handle;
        return TERN_STATUS_OK;
    }
    tern__mutex_lock(&device->lock);
    tern_status status = copy_locked(weights, reference);
    *out_handle = weights->reference;
    tern__mutex_unlock(&device->lock);
    return status;
}
