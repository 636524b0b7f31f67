// Typed access to the keys of an archive.
#include "runtime/model/files/archive.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/model/files/gguf.h"
#include "runtime/status.h"

static tern_status wrong_type(const tern_archive *archive, const char *key, const char *wanted,
                              const char *got) {
    return tern__fail(archive->context, TERN_STATUS_CORRUPT_DATA, "%s: key '%s' is %s, expected %s",
                      archive->name, key, got, wanted);
}

static tern_status missing(const tern_archive *archive, const char *key) {
    bool bare = archive->entry_count == 0 && archive->files.open != NULL && !archive->source;
    return tern__fail(archive->context, TERN_STATUS_NOT_FOUND, "%s: key '%s' is missing%s",
                      archive->name, key, bare ? ": there is no config.json beside it" : "");
}

static bool find(const tern_archive *archive, const char *key, tern_value *out) {
    out->struct_size = sizeof *out;
    return tern_archive_find(archive, key, out) == TERN_STATUS_OK;
}

static bool is_signed(tern_value_type type) {
    return type == TERN_VALUE_I8 || type == TERN_VALUE_I16 || type == TERN_VALUE_I32 ||
           type == TERN_VALUE_I64;
}

static bool is_unsigned(tern_value_type type) {
    return type == TERN_VALUE_U8 || type == TERN_VALUE_U16 || type == TERN_VALUE_U32 ||
           type == TERN_VALUE_U64;
}

static tern_status to_u32(const tern_archive *archive, const char *key, const tern_value *value,
                          uint32_t *out) {
    if (!is_signed(value->type) && !is_unsigned(value->type)) {
        return wrong_type(archive, key, "an integer", tern__value_type_name(value->type));
    }
    char text[32];
    if (is_signed(value->type) && value->i < 0) {
        snprintf(text, sizeof text, "%" PRId64, value->i);
        return wrong_type(archive, key, "0 to 4294967295", text);
    }
    uint64_t number = is_signed(value->type) ? (uint64_t)value->i : value->u;
    if (number > UINT32_MAX) {
        snprintf(text, sizeof text, "%" PRIu64, number);
        return wrong_type(archive, key, "0 to 4294967295", text);
    }
    *out = (uint32_t)number;
    return TERN_STATUS_OK;
}

tern_status tern__archive_u32(const tern_archive *archive, const char *key, uint32_t fallback,
                              uint32_t *out) {
    tern_value value;
    *out = fallback;
    return find(archive, key, &value) ? to_u32(archive, key, &value, out) : TERN_STATUS_OK;
}

tern_status tern__archive_need_u32(const tern_archive *archive, const char *key, uint32_t *out) {
    return tern__archive_entry(archive, key) ? tern__archive_u32(archive, key, 0, out)
                                             : missing(archive, key);
}

tern_status tern__archive_f32(const tern_archive *archive, const char *key, float fallback,
                              float *out) {
    tern_value value;
    *out = fallback;
    if (!find(archive, key, &value)) {
        return TERN_STATUS_OK;
    }
    if (value.type != TERN_VALUE_F32 && value.type != TERN_VALUE_F64) {
        return wrong_type(archive, key, "a float", tern__value_type_name(value.type));
    }
    *out = (float)value.f;
    return TERN_STATUS_OK;
}

tern_status tern__archive_need_f32(const tern_archive *archive, const char *key, float *out) {
    return tern__archive_entry(archive, key) ? tern__archive_f32(archive, key, 0.0f, out)
                                             : missing(archive, key);
}

tern_status tern__archive_bool(const tern_archive *archive, const char *key, bool fallback,
                               bool *out) {
    tern_value value;
    *out = fallback;
    if (!find(archive, key, &value)) {
        return TERN_STATUS_OK;
    }
    if (value.type != TERN_VALUE_BOOL) {
        return wrong_type(archive, key, "a bool", tern__value_type_name(value.type));
    }
    *out = value.u != 0;
    return TERN_STATUS_OK;
}

tern_status tern__archive_string(const tern_archive *archive, const char *key, const char *fallback,
                                 const char **out) {
    tern_value value;
    *out = fallback;
    if (!find(archive, key, &value)) {
        return TERN_STATUS_OK;
    }
    if (value.type != TERN_VALUE_STRING) {
        return wrong_type(archive, key, "a string", tern__value_type_name(value.type));
    }
    if (strlen(value.string) != value.count) {
        return wrong_type(archive, key, "text", "a string with a zero byte");
    }
    *out = value.string;
    return TERN_STATUS_OK;
}

tern_status tern__archive_need_string(const tern_archive *archive, const char *key,
                                      const char **out) {
    return tern__archive_entry(archive, key) ? tern__archive_string(archive, key, NULL, out)
                                             : missing(archive, key);
}

tern_status tern__archive_array(const tern_archive *archive, const char *key,
                                tern_value_type element, tern__array *out) {
    const tern__entry *entry = tern__archive_entry(archive, key);
    if (!entry) {
        return TERN_STATUS_NOT_FOUND;
    }
    if (entry->type != TERN_VALUE_ARRAY || entry->element != element) {
        char wanted[32];
        char got[32];
        bool array = entry->type == TERN_VALUE_ARRAY;
        snprintf(wanted, sizeof wanted, "an array of %s", tern__value_type_name(element));
        snprintf(got, sizeof got, "%s%s", array ? "an array of " : "",
                 tern__value_type_name(array ? entry->element : entry->type));
        return wrong_type(archive, key, wanted, got);
    }
    *out = (tern__array){.element = element,
                         .count = entry->count,
                         .header = archive->header,
                         .data = archive->header + entry->value,
                         .strings = entry->strings};
    return TERN_STATUS_OK;
}

const char *tern__array_string(const tern__array *array, uint64_t index, size_t *out_size) {
    *out_size = tern__gguf_string_size(array->header, array->strings[index]);
    return tern__gguf_string(array->header, array->strings[index]);
}

float tern__array_f32(const tern__array *array, uint64_t index) {
    uint32_t bits = tern__load_u32(array->data + index * 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int32_t tern__array_i32(const tern__array *array, uint64_t index) {
    uint32_t bits = tern__load_u32(array->data + index * 4);
    int32_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
