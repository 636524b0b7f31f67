// Ternary matrices whose scales decide their kind: all codes and scales are gathered first.
#include <math.h>

#include "runtime/allocator.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/tensors/ggml_decode.h"
#include "runtime/model/tensors/scales.h"
#include "runtime/model/tensors/transfer.h"
#include "runtime/status.h"
#include "shaders/common/divide.h"

static tern_status stage(tern__transfer *t, size_t row_bytes, size_t scales_per_row) {
    tern_context *context = t->loader->context;
    const char *name = t->part->info.name;
    size_t code_bytes, scale_bytes;
    if (!tern__mul_size(t->part->rows, row_bytes, &code_bytes) ||
        !tern__mul_size(t->part->rows, scales_per_row * sizeof(float), &scale_bytes)) {
        return tern__fail_memory(context, UINT64_MAX, name);
    }
    t->codes = tern__loader_take(t->loader, &t->loader->codes, code_bytes);
    t->scales = tern__loader_take(t->loader, &t->loader->scales, scale_bytes);
    if (!t->codes || !t->scales) {
        return tern__fail_memory(context, (uint64_t)code_bytes + scale_bytes, name);
    }
    return TERN_STATUS_OK;
}

static void apply_factors(tern__transfer *t, uint32_t groups) {
    for (uint32_t r = 0; r < t->part->rows; r++) {
        float factor = tern__factor_of(&t->factors, r);
        for (uint32_t g = 0; g < groups; g++) {
            t->scales[(size_t)r * groups + g] *= factor;
        }
    }
}

// From |codes| and |scales|, |groups| a row over |group_size| columns each.
static tern_status load_staged(tern__transfer *t, uint32_t groups, uint32_t group_size,
                               tern__matrix *out, uint64_t *out_bytes) {
    const tern__part *part = t->part;
    apply_factors(t, groups);
    tern__scales scales = {.rows = part->rows,
                           .groups = groups,
                           .group_size = group_size,
                           .row_bytes = (uint32_t)tern_dtype_row_bytes(TERN_DTYPE_T2, part->cols),
                           .codes = t->codes,
                           .values = t->scales};
    TERN_TRY(tern__scales_reduce(t->loader->context, part->info.name, &scales));
    tern_weights_desc desc = {.codes = t->codes};
    desc.info.dtype = TERN_DTYPE_T2;
    desc.info.scale_kind = scales.kind;
    desc.info.group_size = scales.kind == TERN_SCALE_GROUP ? scales.group_size : 0;
    desc.info.scale = scales.kind == TERN_SCALE_TENSOR ? scales.tensor : 0.0f;
    desc.scales = scales.kind == TERN_SCALE_TENSOR ? NULL : scales.values;
    return tern__transfer_create(t, &desc, out, out_bytes);
}

tern_status tern__transfer_blocks(tern__transfer *t, bool *out_ternary, tern__matrix *out,
                                  uint64_t *out_bytes) {
    const tern__part *part = t->part;
    uint32_t groups = part->cols / t->type->group_size;
    bool may_be_wide = tern__ggml_may_be_wide(t->type);
    uint64_t before = t->loader->done;
    *out_ternary = true;
    TERN_TRY(stage(t, t->row_bytes, groups));
    for (uint32_t n, done = 0; done < part->rows; done += n) {
        n = tern__transfer_rows(t, done, part->rows);
        uint8_t *codes = t->codes + done * t->row_bytes;
        TERN_TRY(tern__transfer_read(t, done, n, t->raw));
        tern__ggml_decode_rows(t->type, part->cols, n, t->raw, codes,
                               t->scales + (size_t)done * groups);
        if (may_be_wide && tern__ggml_has_code_3(codes, n * t->row_bytes)) {
            *out_ternary = false;
            t->loader->done = before;
            return TERN_STATUS_OK;
        }
    }
    return load_staged(t, groups, t->type->group_size, out, out_bytes);
}

tern_status tern__transfer_values(tern__transfer *t, bool *out_ternary, tern__matrix *out,
                                  uint64_t *out_bytes) {
    const tern__part *part = t->part;
    size_t row_bytes = (size_t)tern_dtype_row_bytes(TERN_DTYPE_T2, part->cols);
    uint32_t groups = (part->cols + TERN__TERNARY_GROUP - 1) / TERN__TERNARY_GROUP;
    TERN_TRY(stage(t, row_bytes, groups));
    uint64_t before = t->loader->done;
    for (uint32_t n, done = 0; done < part->rows; done += n) {
        n = tern__transfer_rows(t, done, part->rows);
        TERN_TRY(tern__transfer_read(t, done, n, t->raw));
        for (size_t r = 0; r < n; r++) {
            *out_ternary = tern__ggml_ternary_row(
                t->type, part->cols, t->raw + r * t->raw_row_bytes,
                t->codes + (done + r) * row_bytes, t->scales + (done + r) * groups);
            if (!*out_ternary) {
                t->loader->done = before;
                return TERN_STATUS_OK;
            }
        }
    }
    return load_staged(t, groups, TERN__TERNARY_GROUP, out, out_bytes);
}

// The matrices of a stack are each for itself: as many as there are, and the rows of one.
static uint32_t stack_size(const tern__part *part) {
    return part->experts ? part->experts : 1;
}
static uint32_t stack_rows(const tern__part *part) {
    return part->rows / stack_size(part);
}

// One scale for all of a matrix, which the factors then change.
static void fill_scales(tern__transfer *t, uint32_t first, uint32_t count, float scale) {
    for (uint32_t r = first; r < first + count; r++) {
        t->scales[r] = scale;
    }
}

// Matrix |index| of a stack.
static tern_status decode_fields(tern__transfer *t, uint32_t index) {
    const tern__part *part = t->part;
    uint32_t rows = stack_rows(part);
    uint32_t quarter = rows / 4 + (rows % 4 != 0);
    uint32_t first = index * quarter;
    for (uint32_t n, done = 0; done < quarter; done += n) {
        n = tern__transfer_rows(t, done, quarter);
        TERN_TRY(tern__transfer_read(t, first + done, n, t->raw));
        for (uint32_t i = 0; i < 4 * n; i++) {
            uint32_t row = (i % 4) * quarter + done + i / 4;
            if (row < rows) {
                tern__ggml_decode_field(part->cols, t->raw + i / 4 * t->raw_row_bytes, i % 4,
                                        t->codes + ((size_t)index * rows + row) * t->row_bytes);
            }
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern__transfer_fields(tern__transfer *t, tern__matrix *out, uint64_t *out_bytes) {
    TERN_TRY(stage(t, t->row_bytes, 1));
    for (uint32_t i = 0; i < stack_size(t->part); i++) {
        TERN_TRY(decode_fields(t, i));
    }
    fill_scales(t, 0, t->part->rows, 1.0f);
    return load_staged(t, 1, t->part->cols, out, out_bytes);
}

// Of rows |first| to |end|.
static tern_status read_mean(tern__transfer *t, uint32_t first, uint32_t end, float *out_mean) {
    const tern__part *part = t->part;
    double sum = 0.0;
    for (uint32_t n, done = first; done < end; done += n) {
        n = tern__transfer_rows(t, done, end);
        TERN_TRY(tern__transfer_read(t, done, n, t->raw));
        for (uint32_t r = 0; r < n; r++) {
            uint32_t wrong =
                tern__ggml_add_sizes(t->type, part->cols, t->raw + r * t->raw_row_bytes, &sum);
            if (wrong < part->cols) {
                return tern__fail(t->loader->context, TERN_STATUS_CORRUPT_DATA,
                                  "tensor '%s': row %u, column %u: the value is NaN or infinite",
                                  part->info.name, done + r, wrong);
            }
        }
    }
    *out_mean = (float)(sum / ((double)(end - first) * part->cols));
    return TERN_STATUS_OK;
}

static tern_status round_to_mean(tern__transfer *t, uint32_t first, uint32_t end) {
    const tern__part *part = t->part;
    size_t row_bytes = (size_t)tern_dtype_row_bytes(TERN_DTYPE_T2, part->cols);
    uint64_t before = t->loader->done;
    float mean = 0.0f;
    TERN_TRY(read_mean(t, first, end, &mean));
    t->loader->done = before; // it is read twice
    float factor = t_divide(1.0f, mean > 1e-5f ? mean : 1e-5f);
    for (uint32_t n, done = first; done < end; done += n) {
        n = tern__transfer_rows(t, done, end);
        TERN_TRY(tern__transfer_read(t, done, n, t->raw));
        for (size_t r = 0; r < n; r++) {
            tern__ggml_absmean_row(t->type, part->cols, t->raw + r * t->raw_row_bytes, factor,
                                   t->codes + (done + r) * row_bytes);
        }
    }
    fill_scales(t, first, end - first, t_divide(1.0f, factor));
    return TERN_STATUS_OK;
}

tern_status tern__transfer_absmean(tern__transfer *t, tern__matrix *out, uint64_t *out_bytes) {
    uint32_t rows = stack_rows(t->part);
    TERN_TRY(stage(t, (size_t)tern_dtype_row_bytes(TERN_DTYPE_T2, t->part->cols), 1));
    for (uint32_t i = 0; i < stack_size(t->part); i++) {
        TERN_TRY(round_to_mean(t, i * rows, (i + 1) * rows));
    }
    return load_staged(t, 1, t->part->cols, out, out_bytes);
}
