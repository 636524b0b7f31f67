#include "runtime/model/tensors/matrix.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/log.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/tensors/ggml_decode.h"
#include "runtime/model/tensors/i2s_probe.h"
#include "runtime/model/tensors/transfer.h"
#include "runtime/status.h"

enum { CHUNK_BYTES = 1 << 20 };

uint64_t tern__weights_bytes(const tern_weights_info *info) {
    uint64_t scales = info->scale_kind == TERN_SCALE_ROW ? 1
                      : info->scale_kind == TERN_SCALE_GROUP
                          ? (info->cols + info->group_size - 1) / info->group_size
                          : 0;
    uint64_t codes = tern_dtype_row_bytes(info->dtype, info->cols);
    return info->rows * (codes + scales * sizeof(float));
}

void *tern__loader_take(tern__loader *loader, tern__room *room, size_t size) {
    if (!room->memory || room->size < size) {
        tern__free(loader->context, room->memory);
        room->memory = tern__alloc(loader->context, size);
        room->size = room->memory ? size : 0;
    }
    return room->memory;
}

void tern__loader_finish(tern__loader *loader) {
    tern__free(loader->context, loader->raw.memory);
    tern__free(loader->context, loader->codes.memory);
    tern__free(loader->context, loader->scales.memory);
}

tern_status tern__loader_advance(tern__loader *loader, uint64_t bytes) {
    const tern_model_desc *desc = loader->desc;
    loader->done += bytes;
    if (tern_cancel_requested(desc->cancelled_by) ||
        (desc->progress && !desc->progress(desc->progress_user, loader->done, loader->total))) {
        return tern__fail(loader->context, TERN_STATUS_CANCELLED,
                          "model: load cancelled after %llu of %llu bytes",
                          (unsigned long long)loader->done, (unsigned long long)loader->total);
    }
    return TERN_STATUS_OK;
}

tern_status tern__loader_check_budget(const tern__loader *loader) {
    uint64_t budget = loader->desc->memory_budget;
    if (budget && loader->claimed > budget) {
        return tern__fail(loader->context, TERN_STATUS_OUT_OF_MEMORY,
                          "model: weights need %llu bytes of device memory, the budget is %llu",
                          (unsigned long long)loader->claimed, (unsigned long long)budget);
    }
    return TERN_STATUS_OK;
}

tern_status tern__check_memory(tern_device *device, const char *what, uint64_t bytes) {
    tern_device_info info = {.struct_size = sizeof info};
    TERN_TRY(tern_device_describe(device, &info));
    if (info.memory_bytes && bytes > info.memory_bytes) {
        return tern__fail(tern_device_context(device), TERN_STATUS_OUT_OF_MEMORY,
                          "%s: %llu bytes of device memory needed, %s has %llu", what,
                          (unsigned long long)bytes, info.name,
                          (unsigned long long)info.memory_bytes);
    }
    return TERN_STATUS_OK;
}

static tern_status transfer_init(tern__transfer *t, tern__loader *loader, const tern__part *part) {
    memset(t, 0, sizeof *t);
    t->loader = loader;
    t->part = part;
    t->type = part->type;
    if (t->type->rule == TERN__SIZE_I2_S) {
        if (!loader->i2s_block) {
            TERN_TRY(tern__i2s_block(loader->archive, loader->desc->i2s_block, &loader->i2s_block));
        }
        t->type = tern__i2s_type(t->type, loader->i2s_block);
    }
    t->scale = 1.0f;
    t->raw_row_bytes = (size_t)tern__ggml_row_bytes(t->type, part->cols);
    t->row_bytes = (size_t)tern_dtype_row_bytes(t->type->dtype, part->cols);
    size_t rows = CHUNK_BYTES / t->raw_row_bytes;
    t->chunk_rows = rows == 0 ? 1 : rows < part->rows ? (uint32_t)rows : part->rows;
    size_t bytes = t->chunk_rows * t->raw_row_bytes;
    t->raw = tern__loader_take(loader, &loader->raw, bytes);
    return t->raw ? TERN_STATUS_OK : tern__fail_memory(loader->context, bytes, part->info.name);
}

uint32_t tern__transfer_rows(const tern__transfer *t, uint32_t done, uint32_t end) {
    return end - done < t->chunk_rows ? end - done : t->chunk_rows;
}

tern_status tern__transfer_read(tern__transfer *t, uint32_t first, uint32_t count, void *to) {
    uint64_t bytes = (uint64_t)count * t->raw_row_bytes;
    TERN_TRY(tern__archive_read(t->loader->archive, &t->part->info,
                                first * (uint64_t)t->raw_row_bytes, to, (size_t)bytes));
    return tern__loader_advance(t->loader, bytes);
}

// Types whose rows are canonical as they lie in the file.
static bool is_canonical(const tern__transfer *t) {
    return t->raw_row_bytes == t->row_bytes &&
           (tern__ggml_is_float(t->type) || t->type->id == TERN__GGML_Q8_0);
}

// tern_rows_fn: a chunk at a time, or straight from the file.
static tern_status deliver_rows(void *user, uint32_t first, uint32_t count, void *codes,
                                float *scales) {
    tern__transfer *t = user;
    bool direct = is_canonical(t);
    for (uint32_t n, done = 0; done < count; done += n) {
        n = tern__transfer_rows(t, done, count);
        uint8_t *to = (uint8_t *)codes + (size_t)done * t->row_bytes;
        TERN_TRY(tern__transfer_read(t, first + done, n, direct ? to : t->raw));
        if (!direct) {
            tern__ggml_decode_rows(t->type, t->part->cols, n, t->raw, to, NULL);
        }
    }
    for (uint32_t r = 0; scales && r < count; r++) {
        scales[r] = t->scale * tern__factor_of(&t->factors, first + r);
    }
    return TERN_STATUS_OK;
}

static tern_status put_q8_row(const tern__transfer *t, uint32_t row, const uint8_t *raw,
                              uint8_t *to) {
    const tern__part *part = t->part;
    if (tern__ggml_may_be_wide(t->type)) {
        tern__ggml_wide_row(t->type, part->cols, raw, to);
        return TERN_STATUS_OK;
    }
    uint32_t wrong = tern__ggml_q8_row(t->type, part->cols, raw, to);
    if (wrong < part->cols) {
        return tern__fail(t->loader->context, TERN_STATUS_CORRUPT_DATA,
                          "tensor '%s': row %u, column %u: the value is NaN or infinite",
                          part->info.name, row, wrong);
    }
    return TERN_STATUS_OK;
}

// tern_rows_fn: as q8_0, whatever they are in the file.
static tern_status deliver_q8_rows(void *user, uint32_t first, uint32_t count, void *codes,
                                   float *scales) {
    tern__transfer *t = user;
    uint8_t *to = codes;
    (void)scales;
    for (uint32_t n, done = 0; done < count; done += n) {
        n = tern__transfer_rows(t, done, count);
        TERN_TRY(tern__transfer_read(t, first + done, n, t->raw));
        for (uint32_t r = 0; r < n; r++, to += t->row_bytes) {
            TERN_TRY(put_q8_row(t, first + done + r, t->raw + r * t->raw_row_bytes, to));
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern__transfer_create(const tern__transfer *t, tern_weights_desc *desc,
                                  tern__matrix *out, uint64_t *out_bytes) {
    const tern__part *part = t->part;
    tern_weights_info *info = &desc->info;
    desc->struct_size = sizeof *desc;
    desc->name = part->info.name;
    info->struct_size = sizeof *info;
    info->rows = part->rows;
    info->cols = part->cols;
    info->usage = part->usage;
    *out_bytes = tern__weights_bytes(info);
    // That there are scales shows only now.
    t->loader->claimed += *out_bytes - part->rows * tern_dtype_row_bytes(info->dtype, part->cols);
    TERN_TRY(tern__loader_check_budget(t->loader));
    TERN_TRY(tern_weights_create(t->loader->device, desc, &out->weights));
    out->ternary = info->dtype == TERN_DTYPE_T2;
    return TERN_STATUS_OK;
}

// Rows that can go on as they are read: their scales are known.
static tern_status load_streamed(tern__transfer *t, tern__matrix *out, uint64_t *out_bytes) {
    tern_weights_desc desc = {.read = deliver_rows, .user = t};
    desc.info.dtype = t->type->dtype;
    desc.info.scale_kind = t->type->scale_kind;
    if (t->type->scale_kind != TERN_SCALE_NONE) {
        desc.info.scale_kind = t->factors.values ? TERN_SCALE_ROW : TERN_SCALE_TENSOR;
        desc.info.scale = t->factors.values ? 0.0f : t->scale * t->factors.one;
    }
    return tern__transfer_create(t, &desc, out, out_bytes);
}

static tern_status load_q8(tern__transfer *t, tern__matrix *out, uint64_t *out_bytes) {
    tern_weights_desc desc = {.read = deliver_q8_rows, .user = t};
    desc.info.dtype = TERN_DTYPE_Q8_0;
    t->row_bytes = (size_t)tern_dtype_row_bytes(TERN_DTYPE_Q8_0, t->part->cols);
    return tern__transfer_create(t, &desc, out, out_bytes);
}

// Dense values have no use for factors.
static tern_status check_dense(const tern__transfer *t) {
    if (t->factors.values || t->factors.one != 1.0f) {
        return tern__fail(t->loader->context, TERN_STATUS_UNSUPPORTED,
                          "tensor '%s' has a scale beside it, but is of type %s and not ternary",
                          t->part->info.name, t->part->info.type_name);
    }
    return TERN_STATUS_OK;
}

// What was counted as rows of |counted| is |dtype|.
static tern_status claim(const tern__transfer *t, tern_dtype counted, tern_dtype dtype) {
    const tern__part *part = t->part;
    t->loader->claimed += part->rows * (tern_dtype_row_bytes(dtype, part->cols) -
                                        tern_dtype_row_bytes(counted, part->cols));
    return tern__loader_check_budget(t->loader);
}

static tern_status load_grouped(tern__transfer *t, tern__matrix *out, uint64_t *out_bytes) {
    bool ternary = false;
    TERN_TRY(tern__transfer_blocks(t, &ternary, out, out_bytes));
    if (ternary) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(check_dense(t));
    tern__log(t->loader->context, TERN_LOG_INFO,
              "tensor '%s' of type %s has weights of +2: no ternary matrix, held as q8_0",
              t->part->info.name, t->part->info.type_name);
    TERN_TRY(claim(t, TERN_DTYPE_T2, TERN_DTYPE_Q8_0));
    return load_q8(t, out, out_bytes);
}

static tern_status load_ternary(tern__transfer *t, tern__matrix *out, uint64_t *out_bytes) {
    switch (t->type->rule) {
    case TERN__SIZE_I2_S:
        TERN_TRY(tern__archive_i2s_scale(t->loader->archive, &t->part->info, &t->scale));
        return load_streamed(t, out, out_bytes);
    case TERN__SIZE_FIELDS:
        return tern__transfer_fields(t, out, out_bytes);
    default:
        return t->type->scale_kind == TERN_SCALE_GROUP ? load_grouped(t, out, out_bytes)
                                                       : load_streamed(t, out, out_bytes);
    }
}

static tern_status load_dense(tern__transfer *t, tern__matrix *out, uint64_t *out_bytes) {
    const tern__part *part = t->part;
    tern_dtype dtype = part->as_q8 ? TERN_DTYPE_Q8_0 : t->type->dtype;
    TERN_TRY(check_dense(t));
    if (part->may_be_half && !part->as_q8) {
        TERN_TRY(tern__transfer_find_half(t, &dtype));
    }
    TERN_TRY(claim(t, tern__part_dtype(part, true), dtype));
    return part->as_q8               ? load_q8(t, out, out_bytes)
           : dtype != t->type->dtype ? tern__transfer_halves(t, dtype, out, out_bytes)
                                     : load_streamed(t, out, out_bytes);
}

static tern_status load(tern__transfer *t, tern__matrix *out, uint64_t *out_bytes) {
    const tern__part *part = t->part;
    TERN_TRY(tern__factors_read(t->loader->archive, &part->info, part->rows, &t->factors));
    if (t->type->scale_kind != TERN_SCALE_NONE) {
        return load_ternary(t, out, out_bytes);
    }
    if (part->absmean) {
        TERN_TRY(check_dense(t)); // its scale is its own
        return tern__transfer_absmean(t, out, out_bytes);
    }
    if (part->may_be_ternary) {
        bool ternary = false;
        TERN_TRY(tern__transfer_values(t, &ternary, out, out_bytes));
        if (ternary) {
            return TERN_STATUS_OK;
        }
    }
    return load_dense(t, out, out_bytes);
}

tern_status tern__matrix_load(tern__loader *loader, const tern__part *part, tern__matrix *out,
                              uint64_t *out_bytes) {
    tern__transfer t;
    tern_status status = transfer_init(&t, loader, part);
    uint64_t before = loader->done;
    if (status == TERN_STATUS_OK) {
        status = load(&t, out, out_bytes);
    }
    tern__factors_finish(loader->context, &t.factors);
    TERN_TRY(status);
    return tern__loader_advance(loader, before + part->info.size - loader->done); // a scale
}
