#include "runtime/model/tensors/factors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/tensors/ggml_decode.h"
#include "runtime/status.h"
#include "shaders/common/divide.h"
#include "shaders/common/float.h"

float tern__factor_of(const tern__factors *factors, uint64_t row) {
    return factors->values ? factors->values[row / factors->span] : factors->one;
}

void tern__factors_finish(tern_context *context, tern__factors *factors) {
    tern__free(context, factors->values);
    *factors = (tern__factors){.one = 1.0f};
}

bool tern__factors_find(const tern_archive *archive, const char *weight,
                        tern_tensor_info *out_info) {
    char name[256];
    size_t length = strlen(weight), suffix = strlen(".weight");
    if (length < suffix || strcmp(weight + length - suffix, ".weight") != 0) {
        return false;
    }
    int written = snprintf(name, sizeof name, "%.*s.scale", (int)(length - suffix), weight);
    return written < (int)sizeof name &&
           tern__archive_find_tensor(archive, name, out_info) == TERN_STATUS_OK;
}

tern_status tern__factors_direction(const tern_archive *archive, bool *out_inverse) {
    const char *said = NULL;
    TERN_TRY(tern__archive_string(archive, "tern.scale", "direct", &said));
    *out_inverse = strcmp(said, "inverse") == 0;
    if (!*out_inverse && strcmp(said, "direct") != 0) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_UNSUPPORTED,
                          "key 'tern.scale' is '%s', expected direct or inverse", said);
    }
    return TERN_STATUS_OK;
}

static tern_status check_shape(const tern_archive *archive, const tern_tensor_info *weight,
                               uint64_t rows, const tern_tensor_info *info, uint64_t *out_count) {
    uint64_t count = info->shape[0] * info->shape[1] * info->shape[2] * info->shape[3];
    uint64_t stacked = weight->rank == 3 ? weight->shape[2] : 1;
    bool suits = count == 1 || count == rows || count == stacked;
    if (!suits || !tern__ggml_is_float(tern__ggml_type_of(info))) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                          "tensor '%s' is %s of %llu bytes, expected 1 or %llu values of F32, F16 "
                          "or BF16",
                          info->name, info->type_name, (unsigned long long)info->size,
                          (unsigned long long)rows);
    }
    *out_count = count;
    return TERN_STATUS_OK;
}

static tern_status check_values(const tern_archive *archive, const char *name, bool inverse,
                                uint64_t count, float *values) {
    for (uint64_t i = 0; i < count; i++) {
        float value = inverse ? t_divide(1.0f, values[i]) : values[i];
        if (!isfinite(values[i]) || t_flush(values[i]) == 0.0f || t_flush(value) == 0.0f) {
            return tern__fail(tern__archive_context(archive), TERN_STATUS_CORRUPT_DATA,
                              "tensor '%s': value %llu is %g, expected a finite number that is "
                              "not 0",
                              name, (unsigned long long)i, (double)values[i]);
        }
        values[i] = value;
    }
    return TERN_STATUS_OK;
}

// Each value widens in place, from the last to the first.
static void widen(const tern__ggml_type *type, uint64_t count, float *values) {
    for (uint64_t left = count; left > 0; left--) {
        float value;
        tern__ggml_values(type, 0, 1, (char *)values + (size_t)(left - 1) * type->block_bytes,
                          &value);
        values[left - 1] = value;
    }
}

static tern_status read_all(const tern_archive *archive, const tern_tensor_info *info,
                            uint64_t count, float *values) {
    bool inverse = false;
    TERN_TRY(tern__factors_direction(archive, &inverse));
    TERN_TRY(tern__archive_read(archive, info, 0, values, (size_t)info->size));
    widen(tern__ggml_type_of(info), count, values);
    return check_values(archive, info->name, inverse, count, values);
}

tern_status tern__factors_read(const tern_archive *archive, const tern_tensor_info *weight,
                               uint64_t rows, tern__factors *out) {
    tern_context *context = tern__archive_context(archive);
    tern_tensor_info info = {sizeof info};
    uint64_t count = 0;
    *out = (tern__factors){.one = 1.0f};
    if (!tern__factors_find(archive, weight->name, &info)) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(check_shape(archive, weight, rows, &info, &count));
    float *values = tern__alloc(context, (size_t)count * sizeof(float));
    if (!values) {
        return tern__fail_memory(context, count * sizeof(float), info.name);
    }
    out->values = values;
    TERN_TRY(read_all(archive, &info, count, values));
    if (count == 1) {
        float one = values[0];
        tern__factors_finish(context, out);
        out->one = one;
    }
    out->span = rows / count;
    return TERN_STATUS_OK;
}
