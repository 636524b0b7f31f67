#include "runtime/model/files/archive.h"

#include <float.h>
#include <inttypes.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/gguf.h"
#include "runtime/model/files/source.h"
#include "runtime/status.h"

tern_context *tern__archive_context(const tern_archive *archive) {
    return archive->context;
}

const char *tern__archive_name(const tern_archive *archive) {
    return archive->name;
}

uint64_t tern_archive_value_count(const tern_archive *archive) {
    return archive ? archive->entry_count : 0;
}

uint64_t tern_archive_tensor_count(const tern_archive *archive) {
    return archive ? archive->tensor_count : 0;
}

// Index of |name| in a sorted table, or SIZE_MAX.
static size_t find_named(const tern__named *named, size_t count, const char *name) {
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(named[middle].name, name);
        if (order == 0) {
            return named[middle].index;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return SIZE_MAX;
}

const tern__entry *tern__archive_entry(const tern_archive *archive, const char *key) {
    size_t index = find_named(archive->keys, archive->entry_count, key);
    return index == SIZE_MAX ? NULL : &archive->entries[index];
}

static uint64_t load_unsigned(const uint8_t *p, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)p[i] << (8 * i);
    }
    return value;
}

static int64_t load_signed(const uint8_t *p, size_t size) {
    uint64_t sign = (uint64_t)1 << (8 * size - 1);
    uint64_t value = (load_unsigned(p, size) ^ sign) - sign;
    int64_t result;
    memcpy(&result, &value, sizeof result);
    return result;
}

static double load_float(const uint8_t *p, size_t size) {
    if (size == sizeof(float)) {
        uint32_t bits = tern__load_u32(p);
        float value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    uint64_t bits = tern__load_u64(p);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void fill_scalar(tern_value_type type, const uint8_t *p, tern_value *out) {
    size_t size = tern__value_size(type);
    switch (type) {
    case TERN_VALUE_F32:
    case TERN_VALUE_F64:
        out->f = load_float(p, size);
        break;
    case TERN_VALUE_I8:
    case TERN_VALUE_I16:
    case TERN_VALUE_I32:
    case TERN_VALUE_I64:
        out->i = load_signed(p, size);
        break;
    case TERN_VALUE_BOOL:
        out->u = *p != 0;
        break;
    default:
        out->u = load_unsigned(p, size);
        break;
    }
}

static void fill_string(const tern_archive *archive, size_t offset, tern_value *out) {
    out->string = tern__gguf_string(archive->header, offset);
    out->count = tern__gguf_string_size(archive->header, offset);
}

static tern_value value_of(const tern_archive *archive, const tern__entry *entry) {
    tern_value value = {.struct_size = sizeof value,
                        .type = entry->type,
                        .key = tern__gguf_string(archive->header, entry->key)};
    if (entry->type == TERN_VALUE_STRING) {
        fill_string(archive, entry->value, &value);
    } else if (entry->type == TERN_VALUE_ARRAY) {
        value.element = entry->element;
        value.count = entry->count;
    } else {
        fill_scalar(entry->type, archive->header + entry->value, &value);
    }
    return value;
}

static tern_status check_out(const tern_archive *archive, const tern_value *out_value) {
    if (!archive || !out_value) {
        return tern__fail(archive ? archive->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "archive: %s is NULL", archive ? "out_value" : "archive");
    }
    return tern__check_size(archive->context, "tern_value", out_value->struct_size,
                            sizeof *out_value);
}

tern_status tern_archive_value(const tern_archive *archive, uint64_t index, tern_value *out_value) {
    TERN_TRY(check_out(archive, out_value));
    if (index >= archive->entry_count) {
        return tern__fail(archive->context, TERN_STATUS_OUT_OF_RANGE,
                          "archive: value %" PRIu64 " of %zu", index, archive->entry_count);
    }
    *out_value = value_of(archive, &archive->entries[index]);
    return TERN_STATUS_OK;
}

tern_status tern_archive_find(const tern_archive *archive, const char *key, tern_value *out_value) {
    TERN_TRY(check_out(archive, out_value));
    const tern__entry *entry = key ? tern__archive_entry(archive, key) : NULL;
    if (!entry) {
        return TERN_STATUS_NOT_FOUND;
    }
    *out_value = value_of(archive, entry);
    return TERN_STATUS_OK;
}

tern_status tern_archive_element(const tern_archive *archive, const char *key, uint64_t index,
                                 tern_value *out_value) {
    TERN_TRY(check_out(archive, out_value));
    const tern__entry *entry = key ? tern__archive_entry(archive, key) : NULL;
    if (!entry) {
        return TERN_STATUS_NOT_FOUND;
    }
    if (entry->type != TERN_VALUE_ARRAY) {
        return tern__fail(archive->context, TERN_STATUS_INVALID_ARGUMENT,
                          "archive: key '%.100s' is no array but a %s", key,
                          tern__value_type_name(entry->type));
    }
    if (index >= entry->count) {
        return tern__fail(archive->context, TERN_STATUS_OUT_OF_RANGE,
                          "archive: element %" PRIu64 " of key '%.100s', which has %" PRIu64, index,
                          key, entry->count);
    }
    tern_value value = {.struct_size = sizeof value, .type = entry->element};
    if (entry->element == TERN_VALUE_STRING) {
        fill_string(archive, entry->strings[index], &value);
    } else {
        size_t offset = entry->value + (size_t)index * tern__value_size(entry->element);
        fill_scalar(entry->element, archive->header + offset, &value);
    }
    *out_value = value;
    return TERN_STATUS_OK;
}

static tern_tensor_info info_of(const tern_archive *archive, size_t index) {
    const tern__tensor *tensor = &archive->tensors[index];
    tern_tensor_info info = {.struct_size = sizeof info,
                             .type = tensor->id,
                             .name = tensor->name,
                             .type_name = tensor->type ? tensor->type->name : "unknown",
                             .rank = tensor->rank,
                             .supported = tensor->type && tensor->type->dtype != TERN_DTYPE_NONE,
                             .offset = tensor->offset,
                             .size = tensor->size,
                             .index = index,
                             .file = tern__source_name(tensor->source)};
    memcpy(info.shape, tensor->shape, sizeof info.shape);
    return info;
}

tern_status tern_archive_tensor(const tern_archive *archive, uint64_t index,
                                tern_tensor_info *out_info) {
    if (!archive || !out_info) {
        return tern__fail(archive ? archive->context : NULL, TERN_STATUS_INVALID_ARGUMENT,
                          "archive: %s is NULL", archive ? "out_info" : "archive");
    }
    TERN_TRY(tern__check_size(archive->context, "tern_tensor_info", out_info->struct_size,
                              sizeof *out_info));
    if (index >= archive->tensor_count) {
        return tern__fail(archive->context, TERN_STATUS_OUT_OF_RANGE,
                          "archive: tensor %" PRIu64 " of %zu", index, archive->tensor_count);
    }
    *out_info = info_of(archive, (size_t)index);
    return TERN_STATUS_OK;
}

tern_status tern__archive_find_tensor(const tern_archive *archive, const char *name,
                                      tern_tensor_info *out_info) {
    size_t index = find_named(archive->names, archive->tensor_count, name);
    if (index == SIZE_MAX) {
        return TERN_STATUS_NOT_FOUND;
    }
    *out_info = info_of(archive, index);
    return TERN_STATUS_OK;
}

static tern_status read_pieces(const tern_archive *archive, const tern__tensor *tensor,
                               uint64_t offset, void *data, size_t size) {
    uint64_t piece_size = tensor->size / tensor->piece_count;
    uint8_t *to = data;
    while (size > 0) {
        const tern__piece *piece = &tensor->pieces[offset / piece_size];
        uint64_t from = offset % piece_size;
        size_t count = size < piece_size - from ? size : (size_t)(piece_size - from);
        TERN_TRY(
            tern__source_read(archive->context, piece->source, piece->offset + from, to, count));
        to += count;
        offset += count;
        size -= count;
    }
    return TERN_STATUS_OK;
}

tern_status tern__archive_read(const tern_archive *archive, const tern_tensor_info *info,
                               uint64_t offset, void *data, size_t size) {
    if (size > info->size || offset > info->size - size) {
        return tern__fail(archive->context, TERN_STATUS_OUT_OF_RANGE,
                          "tensor '%.100s': %zu bytes at offset %" PRIu64
                          " pass its end at %" PRIu64,
                          info->name, size, offset, info->size);
    }
    const tern__tensor *tensor = &archive->tensors[info->index];
    if (tensor->pieces) {
        return read_pieces(archive, tensor, offset, data, size);
    }
    return tern__source_read(archive->context, tensor->source, tensor->offset + offset, data, size);
}

tern_status tern__archive_i2s_scale(const tern_archive *archive, const tern_tensor_info *info,
                                    float *out_scale) {
    uint8_t tail[4];
    TERN_TRY(tern__archive_read(archive, info, info->size < 32 ? 0 : info->size - 32, tail,
                                sizeof tail));
    float scale = (float)load_float(tail, sizeof tail);
    if (scale == 0.0f || !(scale >= -FLT_MAX && scale <= FLT_MAX)) {
        return tern__fail(
            archive->context, TERN_STATUS_CORRUPT_DATA,
            "%s: tensor '%.100s': its scale is %g, expected a finite number that is not 0",
            info->file, info->name, (double)scale);
    }
    *out_scale = scale;
    return TERN_STATUS_OK;
}
