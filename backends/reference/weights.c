#include "backends/reference/reference.h"

#include <string.h>

// As tern_dtype_row_bytes, which a plugin cannot call.
static uint64_t row_bytes(const tern_weights_info *info) {
    uint64_t cols = info->cols;
    switch (info->dtype) {
    case TERN_DTYPE_T2:
        return (cols + 3) / 4;
    case TERN_DTYPE_F32:
        return 4 * cols;
    case TERN_DTYPE_F16:
    case TERN_DTYPE_BF16:
        return (2 * cols + 3) / 4 * 4;
    case TERN_DTYPE_Q8_0:
        return (cols + 31) / 32 * 34;
    default:
        return 0;
    }
}

static uint32_t row_scales(const tern_weights_info *info) {
    switch (info->scale_kind) {
    case TERN_SCALE_ROW:
        return 1;
    case TERN_SCALE_GROUP:
        return (info->cols + info->group_size - 1) / info->group_size;
    default:
        return 0;
    }
}

static tern_status fill(const tern_host *host, const tern_backend_weights_desc *desc,
                        tern_backend_weights *weights) {
    uint32_t rows = weights->info.rows;
    void *memory = NULL;
    TERN_TRY(tern_ref_allocate(host, rows * weights->row_bytes, desc->name, &memory));
    weights->codes = memory;
    if (weights->row_scales) {
        uint64_t count = (uint64_t)rows * weights->row_scales;
        TERN_TRY(tern_ref_allocate(host, count * sizeof(float), desc->name, &memory));
        weights->scales = memory;
    }
    return desc->read(desc->user, 0, rows, weights->codes, weights->scales);
}

tern_status tern_ref_weights_create(tern_backend_device *device,
                                    const tern_backend_weights_desc *desc,
                                    tern_backend_weights **out_weights) {
    const tern_host *host = device->host;
    uint64_t bytes = row_bytes(&desc->info);
    if (!bytes) {
        return tern_report_fail(host, TERN_STATUS_UNSUPPORTED, "reference: %s: dtype %u is unknown",
                                desc->name, desc->info.dtype);
    }
    void *memory = NULL;
    TERN_TRY(tern_ref_allocate(host, sizeof(tern_backend_weights), "weights", &memory));
    tern_backend_weights *weights = memory;
    weights->info = desc->info;
    weights->row_bytes = bytes;
    weights->row_scales = row_scales(&desc->info);
    tern_status status = fill(host, desc, weights);
    if (status != TERN_STATUS_OK) {
        tern_ref_weights_destroy(device, weights);
        return status;
    }
    *out_weights = weights;
    return TERN_STATUS_OK;
}

void tern_ref_weights_destroy(tern_backend_device *device, tern_backend_weights *weights) {
    if (weights) {
        const tern_host *host = device->host;
        host->release(host, weights->codes);
        host->release(host, weights->scales);
        host->release(host, weights);
    }
}

tern_status tern_ref_weights_export(tern_backend_device *device, tern_backend_weights *weights,
                                    uint32_t first, uint32_t count, void *codes, float *scales) {
    (void)device;
    memcpy(codes, weights->codes + first * weights->row_bytes,
           (size_t)(count * weights->row_bytes));
    if (scales && weights->row_scales) {
        memcpy(scales, weights->scales + (size_t)first * weights->row_scales,
               (size_t)count * weights->row_scales * sizeof *scales);
    }
    return TERN_STATUS_OK;
}
