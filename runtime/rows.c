#include "runtime/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/weights.h"
#include "shaders/common/float.h"

#define COLS_MAX ((1u << 24) - 1)

// Bytes of source rows that are converted at a time.
#define STAGING_BYTES (256u * 1024u)

static bool is_coded(tern_dtype dtype) {
    return dtype == TERN_DTYPE_T2 || dtype == TERN_DTYPE_T5 || dtype == TERN_DTYPE_B1;
}

static bool is_dense(tern_dtype dtype) {
    return dtype == TERN_DTYPE_F32 || dtype == TERN_DTYPE_F16 || dtype == TERN_DTYPE_BF16 ||
           dtype == TERN_DTYPE_Q8_0;
}

static bool is_finite(float value) {
    return (T_BITS(value) & 0x7f800000u) != 0x7f800000u;
}

static bool group_size_is_valid(const tern_weights_info *info) {
    if (info->scale_kind != TERN_SCALE_GROUP) {
        return info->group_size == 0;
    }
    return info->group_size == 64 || info->group_size == 128 || info->group_size == 256;
}

static tern_status fail_argument(const tern__rows *rows, const char *what, uint32_t got,
                                 const char *wanted) {
    return tern__fail(rows->context, TERN_STATUS_INVALID_ARGUMENT,
                      "weights '%s': %s is %" PRIu32 ", expected %s", rows->name, what, got,
                      wanted);
}

static tern_status check_info(const tern__rows *rows, const tern_weights_info *info) {
    TERN_TRY(tern__check_size(rows->context, "tern_weights_info", info->struct_size, sizeof *info));
    if (!is_coded(info->dtype) && !is_dense(info->dtype)) {
        return fail_argument(rows, "dtype", info->dtype, "t2, t5, b1, f32, f16, bf16 or q8_0");
    }
    if (info->rows == 0) {
        return fail_argument(rows, "rows", 0, "at least 1");
    }
    if (info->cols == 0 || info->cols > COLS_MAX) {
        return fail_argument(rows, "cols", info->cols, "1 to 16777215");
    }
    if (is_dense(info->dtype) && info->scale_kind != TERN_SCALE_NONE) {
        return fail_argument(rows, "scale_kind of a dense type", info->scale_kind, "none");
    }
    if (is_coded(info->dtype) &&
        (info->scale_kind == TERN_SCALE_NONE || info->scale_kind > TERN_SCALE_GROUP)) {
        return fail_argument(rows, "scale_kind", info->scale_kind, "tensor, row or group");
    }
    if (!group_size_is_valid(info)) {
        return fail_argument(rows, "group_size", info->group_size,
                             "64, 128 or 256 with scales per group, else 0");
    }
    if (info->usage == 0 || info->usage & ~(uint32_t)(TERN_WEIGHTS_MATMUL | TERN_WEIGHTS_GATHER)) {
        return fail_argument(rows, "usage", info->usage, "TERN_WEIGHTS_MATMUL, _GATHER or both");
    }
    if (info->scale_kind == TERN_SCALE_TENSOR && !is_finite(info->scale)) {
        return tern__fail(rows->context, TERN_STATUS_CORRUPT_DATA,
                          "weights '%s': the scale is %f, expected a finite number", rows->name,
                          (double)info->scale);
    }
    return TERN_STATUS_OK;
}

static tern_status check_source(const tern__rows *rows, const tern_weights_desc *desc) {
    if (desc->read) {
        return TERN_STATUS_OK;
    }
    bool scaled = tern__weights_scales_per_row(&desc->info) > 0;
    if (!desc->codes || (scaled && !desc->scales)) {
        return tern__fail(rows->context, TERN_STATUS_INVALID_ARGUMENT,
                          "weights '%s': %s is NULL and there is no read function", rows->name,
                          desc->codes ? "scales" : "codes");
    }
    return TERN_STATUS_OK;
}

// The scale that a device gets for one that is 0 and does not matter.
static float usable_scale(float scale) {
    return t_flush(scale) == 0.0f ? 1.0f : scale;
}

tern_status tern__rows_init(tern__rows *rows, tern_context *context,
                            const tern_weights_desc *desc) {
    *rows = (tern__rows){.context = context, .desc = desc};
    TERN_TRY(tern__check_size(context, "tern_weights_desc", desc->struct_size, sizeof *desc));
    TERN_TRY(tern__check_reserved(context, "tern_weights_desc", desc->reserved));
    rows->name = desc->name ? desc->name : "weights";
    TERN_TRY(check_info(rows, &desc->info));
    TERN_TRY(check_source(rows, desc));
    rows->info = desc->info;
    rows->info.struct_size = sizeof rows->info;
    if (is_coded(desc->info.dtype)) {
        rows->info.dtype = TERN_DTYPE_T2;
    }
    if (desc->info.scale_kind == TERN_SCALE_TENSOR) {
        rows->zero_scale = t_flush(desc->info.scale) == 0.0f;
        rows->info.scale = usable_scale(desc->info.scale);
    } else {
        rows->info.scale = 0.0f;
    }
    return TERN_STATUS_OK;
}

// From the caller's memory, or by its function.
static tern_status read_source(const tern__rows *rows, uint32_t first, uint32_t count, void *codes,
                               float *scales) {
    const tern_weights_desc *desc = rows->desc;
    if (desc->read) {
        tern__set_error("");
        tern_status status = desc->read(desc->user, first, count, codes, scales);
        if (status != TERN_STATUS_OK && !tern_last_error_message()[0]) {
            return tern__fail(rows->context, status, "weights '%s': reading row %" PRIu32 ": %s",
                              rows->name, first, tern_status_text(status));
        }
        return status;
    }
    size_t row_bytes = (size_t)tern_dtype_row_bytes(desc->info.dtype, desc->info.cols);
    size_t row_scales = tern__weights_scales_per_row(&desc->info);
    memcpy(codes, (const char *)desc->codes + first * row_bytes, count * row_bytes);
    if (scales) {
        memcpy(scales, desc->scales + first * row_scales, count * row_scales * sizeof *scales);
    }
    return TERN_STATUS_OK;
}

// Binary to ternary: a bit that is 1 becomes code 2, one that is 0 becomes code 0.
static void expand_b1(const uint8_t *from, uint32_t cols, uint8_t *to) {
    for (uint32_t i = 0; i < (cols + 3) / 4; i++) {
        uint32_t bits = (from[i / 2] >> (4 * (i % 2))) & 15u;
        bits = (bits & 1u) << 1 | (bits & 2u) << 2 | (bits & 4u) << 3 | (bits & 8u) << 4;
        to[i] = (uint8_t)bits;
    }
}

// Base 3 to 2 bits a code. Returns the column of the first invalid byte, or |cols|.
static uint32_t expand_t5(const uint8_t *from, uint32_t cols, uint8_t *to) {
    static const uint32_t weights[5] = {81, 27, 9, 3, 1};
    uint32_t byte = 0;
    for (uint32_t j = 0; j < cols; j++) {
        uint32_t packed = from[j / 5];
        if (packed > 242) {
            return j;
        }
        byte |= packed / weights[j % 5] % 3 << (2 * (j % 4));
        if (j % 4 == 3 || j + 1 == cols) {
            to[j / 4] = (uint8_t)byte;
            byte = 0;
        }
    }
    return cols;
}

static tern_status expand(const tern__rows *rows, uint32_t first, uint32_t count,
                          const uint8_t *from, uint8_t *to) {
    const tern_weights_info *source = &rows->desc->info;
    size_t from_bytes = (size_t)tern_dtype_row_bytes(source->dtype, source->cols);
    size_t to_bytes = (size_t)tern_dtype_row_bytes(TERN_DTYPE_T2, source->cols);
    for (uint32_t i = 0; i < count; i++, from += from_bytes, to += to_bytes) {
        if (source->dtype == TERN_DTYPE_B1) {
            expand_b1(from, source->cols, to);
            continue;
        }
        uint32_t column = expand_t5(from, source->cols, to);
        if (column < source->cols) {
            return tern__fail(rows->context, TERN_STATUS_CORRUPT_DATA,
                              "weights '%s': row %" PRIu32 ", column %" PRIu32
                              ": byte %d is above 242",
                              rows->name, first + i, column, from[column / 5]);
        }
    }
    return TERN_STATUS_OK;
}

// t5 and b1 pass through a staging area, some rows at a time.
static tern_status read_expanded(const tern__rows *rows, uint32_t first, uint32_t count,
                                 uint8_t *codes, float *scales) {
    const tern_weights_info *source = &rows->desc->info;
    size_t from_bytes = (size_t)tern_dtype_row_bytes(source->dtype, source->cols);
    size_t to_bytes = (size_t)tern_dtype_row_bytes(TERN_DTYPE_T2, source->cols);
    size_t row_scales = tern__weights_scales_per_row(source);
    size_t fit = STAGING_BYTES / from_bytes;
    uint32_t chunk = fit == 0 ? 1 : fit < count ? (uint32_t)fit : count;
    uint8_t *staging = tern__alloc(rows->context, chunk * from_bytes);
    if (!staging) {
        return tern__fail_memory(rows->context, chunk * from_bytes, "rows to convert");
    }
    tern_status status = TERN_STATUS_OK;
    for (uint32_t done = 0; done < count && status == TERN_STATUS_OK; done += chunk) {
        chunk = chunk < count - done ? chunk : count - done;
        status = read_source(rows, first + done, chunk, staging,
                             scales ? scales + done * row_scales : NULL);
        if (status == TERN_STATUS_OK) {
            status = expand(rows, first + done, chunk, staging, codes + done * to_bytes);
        }
    }
    tern__free(rows->context, staging);
    return status;
}

// A backend may ask for any number of rows, but ascending and each once, because so the source is
// read.
static tern_status check_range(const tern__rows *rows, uint32_t first, uint32_t count, void *codes,
                               const float *scales) {
    bool scaled = tern__weights_scales_per_row(&rows->info) > 0;
    if (first != rows->next || count > rows->info.rows - first) {
        return tern__fail(rows->context, TERN_STATUS_INTERNAL,
                          "weights '%s': the backend asked for %" PRIu32 " rows from %" PRIu32
                          " on, expected from %" PRIu32 " of %" PRIu32,
                          rows->name, count, first, rows->next, rows->info.rows);
    }
    if (!codes || (scaled && !scales)) {
        return tern__fail(rows->context, TERN_STATUS_INTERNAL,
                          "weights '%s': the backend gave no memory for %s", rows->name,
                          codes ? "scales" : "codes");
    }
    return TERN_STATUS_OK;
}

static tern_status read_clean(const tern__rows *rows, uint32_t first, uint32_t count, void *codes,
                              float *scales) {
    tern_dtype dtype = rows->desc->info.dtype;
    TERN_TRY(check_range(rows, first, count, codes, scales));
    if (tern__weights_scales_per_row(&rows->info) == 0) {
        scales = NULL;
    }
    if (dtype == TERN_DTYPE_T5 || dtype == TERN_DTYPE_B1) {
        TERN_TRY(read_expanded(rows, first, count, codes, scales));
    } else {
        TERN_TRY(read_source(rows, first, count, codes, scales));
    }
    return tern__rows_clean(rows, first, count, codes, scales);
}

tern_status tern__rows_read(void *user, uint32_t first, uint32_t count, void *codes,
                            float *scales) {
    tern__rows *rows = user;
    if (rows->status != TERN_STATUS_OK) {
        return rows->status;
    }
    tern_status status = read_clean(rows, first, count, codes, scales);
    if (status != TERN_STATUS_OK) {
        rows->status = status;
        snprintf(rows->message, sizeof rows->message, "%s", tern_last_error_message());
        return status;
    }
    rows->next = first + count;
    return TERN_STATUS_OK;
}
