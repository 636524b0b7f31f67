// `<name without .weight>.scale`, which some files have beside weights of -1, 0 and +1.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/model/archive.h"
#include "runtime/model/ggml_decode.h"
#include "runtime/model/transfer.h"
#include "runtime/status.h"
#include "shaders/common/divide.h"
#include "shaders/common/float.h"

float tern__factor_of(const tern__factors *factors, uint32_t row) {
    return factors->values ? factors->values[row / factors->span] : factors->one;
}

static bool find(const tern__transfer *t, char *name, size_t capacity, tern_tensor_info *out_info) {
    const char *weight = t->part->info.name;
    size_t length = strlen(weight), suffix = strlen(".weight");
    if (length < suffix || strcmp(weight + length - suffix, ".weight") != 0) {
        return false;
    }
    int written = snprintf(name, capacity, "%.*s.scale", (int)(length - suffix), weight);
    return written < (int)capacity &&
           tern__archive_find_tensor(t->loader->archive, name, out_info) == TERN_STATUS_OK;
}

static tern_status read_direction(const tern_archive *archive, bool *out_inverse) {
    const char *said = NULL;
    TERN_TRY(tern__archive_string(archive, "tern.scale", "direct", &said));
    *out_inverse = strcmp(said, "inverse") == 0;
    if (!*out_inverse && strcmp(said, "direct") != 0) {
        return tern__fail(tern__archive_context(archive), TERN_STATUS_UNSUPPORTED,
                          "key 'tern.scale' is '%s', expected direct or inverse", said);
    }
    return TERN_STATUS_OK;
}

static tern_status check_shape(const tern__transfer *t, const tern_tensor_info *info,
                               uint32_t *out_count) {
    const tern__part *part = t->part;
    uint64_t count = info->shape[0] * info->shape[1] * info->shape[2] * info->shape[3];
    uint64_t stacked = part->info.rank == 3 ? part->info.shape[2] : 1;
    bool suits = count == 1 || count == part->rows || count == stacked;
    if (!suits || !tern__ggml_is_float(tern__ggml_type_of(info))) {
        return tern__fail(t->loader->context, TERN_STATUS_CORRUPT_DATA,
                          "tensor '%s' is %s of %llu bytes, expected 1 or %u values of F32, F16 or "
                          "BF16",
                          info->name, info->type_name, (unsigned long long)info->size, part->rows);
    }
    *out_count = (uint32_t)count;
    return TERN_STATUS_OK;
}

static tern_status check_values(tern__transfer *t, const char *name, bool inverse, uint32_t count,
                                float *values) {
    for (uint32_t i = 0; i < count; i++) {
        float value = inverse ? t_divide(1.0f, values[i]) : values[i];
        if (!isfinite(values[i]) || t_flush(values[i]) == 0.0f || t_flush(value) == 0.0f) {
            return tern__fail(t->loader->context, TERN_STATUS_CORRUPT_DATA,
                              "tensor '%s': value %u is %g, expected a finite number that is not 0",
                              name, i, (double)values[i]);
        }
        values[i] = value;
    }
    return TERN_STATUS_OK;
}

// Each value widens in place, from the last to the first.
static void widen(const tern__ggml_type *type, uint32_t count, float *values) {
    for (uint32_t left = count; left > 0; left--) {
        float value;
        tern__ggml_values(type, 0, 1, (char *)values + (size_t)(left - 1) * type->block_bytes,
                          &value);
        values[left - 1] = value;
    }
}

tern_status tern__transfer_read_factors(tern__transfer *t) {
    char name[128];
    tern_tensor_info info = {sizeof info};
    uint32_t count = 0;
    bool inverse = false;
    t->factors = (tern__factors){.one = 1.0f};
    if (!find(t, name, sizeof name, &info)) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(read_direction(t->loader->archive, &inverse));
    TERN_TRY(check_shape(t, &info, &count));
    float *values = tern__loader_take(t->loader, &t->loader->factors, count * sizeof(float));
    if (!values) {
        return tern__fail_memory(t->loader->context, count * sizeof(float), name);
    }
    TERN_TRY(tern__archive_read(t->loader->archive, &info, 0, values, (size_t)info.size));
    widen(tern__ggml_type_of(&info), count, values);
    TERN_TRY(check_values(t, name, inverse, count, values));
    if (count == 1) {
        t->factors.one = values[0];
        return TERN_STATUS_OK;
    }
    t->factors.values = values;
    t->factors.span = t->part->rows / count;
    return TERN_STATUS_OK;
}
