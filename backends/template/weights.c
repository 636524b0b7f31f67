#include "backends/template/template.h"

#include <string.h>

#include "backends/common/report.h"

// Canonical rows, as tern/types.h defines them; 0: a dtype that this backend does not know. t5 and
// b1 never get here: the host makes t2 of them.
static size_t row_bytes(const tern_weights_info *info) {
    size_t cols = info->cols;
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

static size_t row_scales(const tern_weights_info *info) {
    switch (info->scale_kind) {
    case TERN_SCALE_ROW:
        return 1;
    case TERN_SCALE_GROUP:
        return (info->cols + info->group_size - 1) / info->group_size;
    default:
        return 0;
    }
}

static tern_status allocate(tern_backend_device *device, tern_backend_weights *weights) {
    const tern_host *host = device->host;
    uint32_t rows = weights->info.rows;
    weights->codes = tern_report_calloc(host, rows, weights->row_bytes);
    weights->scales = tern_report_calloc(host, rows, weights->row_scales * sizeof(float));
    if (!weights->codes || !weights->scales) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                                "template: out of memory: %u rows of %zu bytes", (unsigned)rows,
                                weights->row_bytes);
    }
    return TERN_STATUS_OK;
}

// Rows come once, in ascending order, as many a call as is asked for: a backend with a layout of
// its own reads a few, packs them and reads the next. One whose ops could never use such weights
// returns UNSUPPORTED before it reads: the host then keeps them for the reference backend.
tern_status tern_tpl_weights_create(tern_backend_device *device,
                                    const tern_backend_weights_desc *desc,
                                    tern_backend_weights **out_weights) {
    const tern_host *host = device->host;
    if (!row_bytes(&desc->info)) {
        return tern_report_fail(host, TERN_STATUS_UNSUPPORTED, "template: dtype %u is unknown",
                                (unsigned)desc->info.dtype);
    }
    tern_backend_weights *weights = tern_report_calloc(host, 1, sizeof *weights);
    if (!weights) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                                "template: out of memory: %zu bytes", sizeof *weights);
    }
    weights->info = desc->info;
    weights->row_bytes = row_bytes(&desc->info);
    weights->row_scales = row_scales(&desc->info);
    tern_status status = allocate(device, weights);
    if (status == TERN_STATUS_OK) {
        status = desc->read(desc->user, 0, desc->info.rows, weights->codes,
                            weights->row_scales ? weights->scales : NULL);
    }
    if (status != TERN_STATUS_OK) {
        tern_tpl_weights_destroy(device, weights);
        return status;
    }
    *out_weights = weights;
    return TERN_STATUS_OK;
}

void tern_tpl_weights_destroy(tern_backend_device *device, tern_backend_weights *weights) {
    const tern_host *host = device->host;
    host->release(host, weights->codes);
    host->release(host, weights->scales);
    host->release(host, weights);
}

// The inverse of the packing, bit for bit.
tern_status tern_tpl_weights_export(tern_backend_device *device, tern_backend_weights *weights,
                                    uint32_t first, uint32_t count, void *codes, float *scales) {
    (void)device;
    memcpy(codes, weights->codes + first * weights->row_bytes, count * weights->row_bytes);
    if (scales) {
        memcpy(scales, weights->scales + first * weights->row_scales,
               count * weights->row_scales * sizeof *scales);
    }
    return TERN_STATUS_OK;
}
