#include "runtime/model/matrix.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/archive.h"
#include "runtime/model/scales.h"
#include "runtime/status.h"
#include "shaders/common/float.h"

enum { CHUNK_BYTES = 1 << 20 };

// A matrix on its way: file rows come through |raw| a chunk at a time.
typedef struct transfer {
    tern__loader *loader;
    const tern__part *part;
    uint32_t chunk_rows;
    size_t raw_row_bytes;
    size_t row_bytes; // canonical
    uint8_t *raw;
    uint8_t *codes; // the whole matrix as t2, where the scales decide its kind
    float *scales;
} transfer;

uint64_t tern__weights_bytes(const tern_weights_info *info) {
    uint64_t scales = info->scale_kind == TERN_SCALE_ROW     ? 1
                      : info->scale_kind == TERN_SCALE_GROUP ? info->cols / info->group_size
                                                             : 0;
    uint64_t codes = tern_dtype_row_bytes(info->dtype, info->cols);
    return info->rows * (codes + scales * sizeof(float));
}

static void *take_room(tern__loader *loader, tern__room *room, size_t size) {
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

static tern_status transfer_init(transfer *t, tern__loader *loader, const tern__part *part) {
    memset(t, 0, sizeof *t);
    t->loader = loader;
    t->part = part;
    t->raw_row_bytes = (size_t)tern__ggml_row_bytes(part->type, part->cols);
    t->row_bytes = (size_t)tern_dtype_row_bytes(part->type->dtype, part->cols);
    size_t rows = CHUNK_BYTES / t->raw_row_bytes;
    t->chunk_rows = rows == 0 ? 1 : rows < part->rows ? (uint32_t)rows : part->rows;
    size_t bytes = t->chunk_rows * t->raw_row_bytes;
    t->raw = take_room(loader, &loader->raw, bytes);
    return t->raw ? TERN_STATUS_OK : tern__fail_memory(loader->context, bytes, part->info.name);
}

static tern_status stage(transfer *t, size_t row_bytes, size_t scales_per_row) {
    tern_context *context = t->loader->context;
    const char *name = t->part->info.name;
    size_t code_bytes, scale_bytes;
    if (!tern__mul_size(t->part->rows, row_bytes, &code_bytes) ||
        !tern__mul_size(t->part->rows, scales_per_row * sizeof(float), &scale_bytes)) {
        return tern__fail_memory(context, UINT64_MAX, name);
    }
    t->codes = take_room(t->loader, &t->loader->codes, code_bytes);
    t->scales = take_room(t->loader, &t->loader->scales, scale_bytes);
    if (!t->codes || !t->scales) {
        return tern__fail_memory(context, (uint64_t)code_bytes + scale_bytes, name);
    }
    return TERN_STATUS_OK;
}

static uint32_t rows_at(const transfer *t, uint32_t done, uint32_t end) {
    return end - done < t->chunk_rows ? end - done : t->chunk_rows;
}

static tern_status read_raw(transfer *t, uint32_t first, uint32_t count, void *to) {
    uint64_t bytes = (uint64_t)count * t->raw_row_bytes;
    TERN_TRY(tern__archive_read(t->loader->archive, &t->part->info,
                                first * (uint64_t)t->raw_row_bytes, to, (size_t)bytes));
    return tern__loader_advance(t->loader, bytes);
}

// Rows of the file become canonical ones. Those of dense types differ by their padding at most.
static void decode(const transfer *t, uint32_t count, uint8_t *codes) {
    if (t->part->type->scale_kind != TERN_SCALE_NONE) {
        tern__ggml_decode_rows(t->part->type, t->part->cols, count, t->raw, codes, NULL);
        return;
    }
    for (uint32_t r = 0; r < count; r++) {
        memcpy(codes + r * t->row_bytes, t->raw + r * t->raw_row_bytes, t->raw_row_bytes);
        memset(codes + r * t->row_bytes + t->raw_row_bytes, 0, t->row_bytes - t->raw_row_bytes);
    }
}

// tern_rows_fn: straight from the file.
static tern_status deliver_rows(void *user, uint32_t first, uint32_t count, void *codes,
                                float *scales) {
    transfer *t = user;
    (void)scales;
    bool direct = t->part->type->scale_kind == TERN_SCALE_NONE && t->raw_row_bytes == t->row_bytes;
    for (uint32_t n, done = 0; done < count; done += n) {
        n = rows_at(t, done, count);
        uint8_t *to = (uint8_t *)codes + (size_t)done * t->row_bytes;
        TERN_TRY(read_raw(t, first + done, n, direct ? to : t->raw));
        if (!direct) {
            decode(t, n, to);
        }
    }
    return TERN_STATUS_OK;
}

// tern_rows_fn: rounded on the way.
static tern_status deliver_q8_rows(void *user, uint32_t first, uint32_t count, void *codes,
                                   float *scales) {
    transfer *t = user;
    const tern__part *part = t->part;
    uint8_t *to = codes;
    (void)scales;
    for (uint32_t n, done = 0; done < count; done += n) {
        n = rows_at(t, done, count);
        TERN_TRY(read_raw(t, first + done, n, t->raw));
        for (uint32_t r = 0; r < n; r++, to += t->row_bytes) {
            const uint8_t *raw = t->raw + r * t->raw_row_bytes;
            uint32_t wrong = tern__ggml_q8_row(part->type, part->cols, raw, to);
            if (wrong < part->cols) {
                return tern__fail(t->loader->context, TERN_STATUS_CORRUPT_DATA,
                                  "tensor '%s': row %u, column %u: the value is NaN or infinite",
                                  part->info.name, first + done + r, wrong);
            }
        }
    }
    return TERN_STATUS_OK;
}

static tern_status create(const transfer *t, tern_weights_desc *desc, tern__matrix *out,
                          uint64_t *out_bytes) {
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

static tern_status load_streamed(transfer *t, float scale, tern__matrix *out, uint64_t *out_bytes) {
    tern_weights_desc desc = {.read = deliver_rows, .user = t};
    desc.info.dtype = t->part->type->dtype;
    desc.info.scale_kind = t->part->type->scale_kind;
    desc.info.scale = scale;
    return create(t, &desc, out, out_bytes);
}

static tern_status load_q8(transfer *t, tern__matrix *out, uint64_t *out_bytes) {
    tern_weights_desc desc = {.read = deliver_q8_rows, .user = t};
    desc.info.dtype = TERN_DTYPE_Q8_0;
    t->row_bytes = (size_t)tern_dtype_row_bytes(TERN_DTYPE_Q8_0, t->part->cols);
    return create(t, &desc, out, out_bytes);
}

// From |codes| and |scales|, |groups| a row over |group_bytes| each.
static tern_status load_staged(transfer *t, uint32_t groups, uint32_t group_bytes,
                               tern__matrix *out, uint64_t *out_bytes) {
    tern__scales scales = {.rows = t->part->rows,
                           .groups = groups,
                           .group_bytes = group_bytes,
                           .codes = t->codes,
                           .values = t->scales};
    TERN_TRY(tern__scales_reduce(t->loader->context, t->part->info.name, &scales));
    tern_weights_desc desc = {.codes = t->codes};
    desc.info.dtype = TERN_DTYPE_T2;
    desc.info.scale_kind = scales.kind;
    desc.info.group_size = scales.kind == TERN_SCALE_GROUP ? t->part->type->group_size : 0;
    desc.info.scale = scales.kind == TERN_SCALE_TENSOR ? scales.tensor : 0.0f;
    desc.scales = scales.kind == TERN_SCALE_TENSOR ? NULL : scales.values;
    return create(t, &desc, out, out_bytes);
}

static tern_status load_blocks(transfer *t, float factor, tern__matrix *out, uint64_t *out_bytes) {
    const tern__part *part = t->part;
    uint32_t groups = part->cols / part->type->group_size;
    TERN_TRY(stage(t, t->row_bytes, groups));
    for (uint32_t n, done = 0; done < part->rows; done += n) {
        n = rows_at(t, done, part->rows);
        TERN_TRY(read_raw(t, done, n, t->raw));
        tern__ggml_decode_rows(part->type, part->cols, n, t->raw, t->codes + done * t->row_bytes,
                               t->scales + (size_t)done * groups);
    }
    for (size_t i = 0; i < (size_t)part->rows * groups; i++) {
        t->scales[i] *= factor;
    }
    return load_staged(t, groups, part->type->group_size / 4, out, out_bytes);
}

// Sets |*out_exact| to false, and loads nothing, if the values are not those of a ternary matrix.
static tern_status load_values(transfer *t, float factor, bool *out_exact, tern__matrix *out,
                               uint64_t *out_bytes) {
    const tern__part *part = t->part;
    size_t row_bytes = (size_t)tern_dtype_row_bytes(TERN_DTYPE_T2, part->cols);
    TERN_TRY(stage(t, row_bytes, 1));
    uint64_t before = t->loader->done;
    for (uint32_t n, done = 0; done < part->rows; done += n) {
        n = rows_at(t, done, part->rows);
        TERN_TRY(read_raw(t, done, n, t->raw));
        for (uint32_t r = 0; r < n; r++) {
            uint32_t row = done + r;
            *out_exact =
                tern__ggml_ternary_row(part->type, part->cols, t->raw + r * t->raw_row_bytes,
                                       t->codes + row * row_bytes, &t->scales[row]);
            if (!*out_exact) {
                t->loader->done = before;
                return TERN_STATUS_OK;
            }
            t->scales[row] *= factor;
        }
    }
    return load_staged(t, 1, (uint32_t)row_bytes, out, out_bytes);
}

// `<name without .weight>.scale`, which some files have beside weights of -1, 0 and +1.
static tern_status read_factor(const tern__loader *loader, const tern__part *part,
                               float *out_factor) {
    char name[128];
    size_t stem = strlen(part->info.name) - strlen(".weight");
    *out_factor = 1.0f;
    if (snprintf(name, sizeof name, "%.*s.scale", (int)stem, part->info.name) >= (int)sizeof name) {
        return TERN_STATUS_OK;
    }
    tern_tensor_info info = {sizeof info};
    tern_status found = tern__archive_find_tensor(loader->archive, name, &info);
    if (found == TERN_STATUS_NOT_FOUND) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(found);
    if (tern__ggml_type_of(&info)->dtype != TERN_DTYPE_F32 || info.size != sizeof(float)) {
        return tern__fail(loader->context, TERN_STATUS_CORRUPT_DATA,
                          "tensor '%s' is %s of %llu bytes, expected one F32", name, info.type_name,
                          (unsigned long long)info.size);
    }
    TERN_TRY(tern__archive_read(loader->archive, &info, 0, out_factor, sizeof *out_factor));
    if (!isfinite(*out_factor) || t_flush(*out_factor) == 0.0f) {
        return tern__fail(loader->context, TERN_STATUS_CORRUPT_DATA,
                          "tensor '%s' is %g, expected a finite number that is not 0", name,
                          (double)*out_factor);
    }
    return TERN_STATUS_OK;
}

static tern_status load(transfer *t, tern__matrix *out, uint64_t *out_bytes) {
    const tern__part *part = t->part;
    tern__loader *loader = t->loader;
    float factor = 1.0f, scale = 0.0f;
    bool exact = false;
    TERN_TRY(read_factor(loader, part, &factor));
    if (part->type->scale_kind == TERN_SCALE_TENSOR) {
        TERN_TRY(tern__archive_i2s_scale(loader->archive, &part->info, &scale));
        return load_streamed(t, scale * factor, out, out_bytes);
    }
    if (part->type->scale_kind == TERN_SCALE_GROUP) {
        return load_blocks(t, factor, out, out_bytes);
    }
    if (part->may_be_ternary) {
        TERN_TRY(load_values(t, factor, &exact, out, out_bytes));
        if (exact) {
            return TERN_STATUS_OK;
        }
        loader->claimed += tern__part_bytes(part, false) - tern__part_bytes(part, true);
        TERN_TRY(tern__loader_check_budget(loader));
    }
    if (factor != 1.0f) {
        return tern__fail(
            loader->context, TERN_STATUS_UNSUPPORTED,
            "tensor '%s' has a scale beside it, but is of type %s, expected a ternary "
            "one",
            part->info.name, part->info.type_name);
    }
    return part->as_q8 ? load_q8(t, out, out_bytes) : load_streamed(t, 0.0f, out, out_bytes);
}

tern_status tern__matrix_load(tern__loader *loader, const tern__part *part, tern__matrix *out,
                              uint64_t *out_bytes) {
    transfer t;
    tern_status status = transfer_init(&t, loader, part);
    uint64_t before = loader->done;
    if (status == TERN_STATUS_OK) {
        status = load(&t, out, out_bytes);
    }
    TERN_TRY(status);
    return tern__loader_advance(loader, before + part->info.size - loader->done); // a scale
}
