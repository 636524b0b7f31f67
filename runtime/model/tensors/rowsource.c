#include "runtime/model/tensors/rowsource.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/tensors/ggml_decode.h"
#include "runtime/model/tensors/i2s_probe.h"
#include "runtime/status.h"

enum { CHUNK_BYTES = 1 << 18, MAX_COLS = 1 << 24 };

static tern_status allocate(tern__rowsource *self) {
    tern_context *context = tern__archive_context(self->archive);
    size_t values = (size_t)self->cols * sizeof(float);
    uint64_t chunk = CHUNK_BYTES / self->raw_row_bytes;
    self->capacity = chunk < 1 ? 1 : chunk;
    self->raw = tern__alloc(context, (size_t)self->capacity * self->raw_row_bytes);
    self->codes = tern__alloc(context, (size_t)tern_dtype_row_bytes(TERN_DTYPE_T2, self->cols));
    self->scales = tern__alloc(context, self->groups * sizeof(float));
    self->values = tern__alloc(context, values);
    if (!self->raw || !self->codes || !self->scales || !self->values) {
        return tern__fail_memory(context, values + CHUNK_BYTES, self->info.name);
    }
    return TERN_STATUS_OK;
}

tern_status tern__rowsource_init(tern__rowsource *self, const tern_archive *archive,
                                 const tern_tensor_info *info, uint32_t i2s_block) {
    tern_context *context = tern__archive_context(archive);
    *self = (tern__rowsource){.archive = archive, .info = *info, .scale = 1.0f};
    self->type = tern__i2s_type(tern__ggml_type_of(info), i2s_block);
    self->factors.one = 1.0f;
    if (self->type->dtype == TERN_DTYPE_NONE || info->shape[0] >= MAX_COLS) {
        return tern__fail(context, TERN_STATUS_UNSUPPORTED,
                          "tensor '%s' of type %s and %" PRIu64 " columns cannot be converted",
                          info->name, info->type_name, info->shape[0]);
    }
    self->cols = (uint32_t)info->shape[0];
    self->rows = info->shape[1] * info->shape[2] * info->shape[3];
    self->raw_row_bytes = (size_t)tern__ggml_row_bytes(self->type, self->cols);
    bool ternary = self->type->scale_kind != TERN_SCALE_NONE;
    self->group_size = self->type->scale_kind == TERN_SCALE_GROUP ? self->type->group_size
                       : ternary                                  ? self->cols
                                                                  : TERN__TERNARY_GROUP;
    self->groups = (self->cols + self->group_size - 1) / self->group_size;
    TERN_TRY(allocate(self));
    if (self->type->rule == TERN__SIZE_I2_S) {
        TERN_TRY(tern__archive_i2s_scale(archive, info, &self->scale));
    }
    return tern__factors_read(archive, info, self->rows, &self->factors);
}

void tern__rowsource_finish(tern__rowsource *self) {
    tern_context *context = tern__archive_context(self->archive);
    tern__factors_finish(context, &self->factors);
    tern__free(context, self->raw);
    tern__free(context, self->codes);
    tern__free(context, self->scales);
    tern__free(context, self->values);
}

// Row |row| as the file has it.
static tern_status load(tern__rowsource *self, uint64_t row, uint64_t rows, const uint8_t **out) {
    if (row < self->first || row >= self->first + self->loaded) {
        uint64_t left = rows - row;
        self->first = row;
        self->loaded = left < self->capacity ? left : self->capacity;
        TERN_TRY(tern__archive_read(self->archive, &self->info, row * self->raw_row_bytes,
                                    self->raw, (size_t)self->loaded * self->raw_row_bytes));
    }
    *out = self->raw + (row - self->first) * self->raw_row_bytes;
    return TERN_STATUS_OK;
}

static tern_status load_codes(tern__rowsource *self, uint64_t row) {
    const uint8_t *raw;
    if (self->type->rule == TERN__SIZE_FIELDS) {
        uint64_t rows = self->info.shape[1], quarter = (rows + 3) / 4;
        uint64_t within = row % rows, start = row / rows * quarter;
        TERN_TRY(load(self, start + within % quarter, start + quarter, &raw));
        tern__ggml_decode_field(self->cols, raw, (uint32_t)(within / quarter), self->codes);
    } else {
        TERN_TRY(load(self, row, self->rows, &raw));
        tern__ggml_decode_rows(self->type, self->cols, 1, raw, self->codes, self->scales);
    }
    if (self->type->scale_kind != TERN_SCALE_GROUP) {
        self->scales[0] = self->scale;
    }
    return TERN_STATUS_OK;
}

tern_status tern__rowsource_ternary(tern__rowsource *self, uint64_t row, bool *out_ternary) {
    if (self->type->scale_kind == TERN_SCALE_NONE) {
        const uint8_t *raw;
        TERN_TRY(load(self, row, self->rows, &raw));
        *out_ternary =
            tern__ggml_ternary_row(self->type, self->cols, raw, self->codes, self->scales);
        return TERN_STATUS_OK;
    }
    TERN_TRY(load_codes(self, row));
    *out_ternary = !tern__ggml_has_code_3(self->codes, (size_t)(self->cols + 3) / 4);
    if (!*out_ternary && !tern__ggml_may_be_wide(self->type)) {
        return tern__fail(tern__archive_context(self->archive), TERN_STATUS_CORRUPT_DATA,
                          "tensor '%s': row %" PRIu64 " has a code 3, which is no weight",
                          self->info.name, row);
    }
    return TERN_STATUS_OK;
}

static void expand(tern__rowsource *self, uint64_t row) {
    float factor = tern__factor_of(&self->factors, row);
    for (uint32_t k = 0; k < self->cols; k++) {
        uint32_t code = self->codes[k / 4] >> 2 * (k % 4) & 3u;
        float scale = self->scales[k / self->group_size] * factor;
        self->values[k] = code == 1 ? 0.0f : scale * ((float)code - 1.0f);
    }
}

tern_status tern__rowsource_values(tern__rowsource *self, uint64_t row) {
    if (self->type->scale_kind != TERN_SCALE_NONE) {
        bool ternary;
        TERN_TRY(tern__rowsource_ternary(self, row, &ternary));
        expand(self, row);
    } else {
        const uint8_t *raw;
        TERN_TRY(load(self, row, self->rows, &raw));
        tern__ggml_values(self->type, 0, self->cols, raw, self->values);
    }
    for (uint32_t k = 0; k < self->cols; k++) {
        if (!isfinite(self->values[k])) {
            return tern__fail(tern__archive_context(self->archive), TERN_STATUS_CORRUPT_DATA,
                              "tensor '%s': row %" PRIu64 ", column %u: the value is NaN or "
                              "infinite",
                              self->info.name, row, k);
        }
    }
    return TERN_STATUS_OK;
}
