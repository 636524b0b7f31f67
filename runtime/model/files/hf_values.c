#include "runtime/model/files/hf_values.h"

#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/gguf.h"
#include "runtime/status.h"

tern_status tern__hf_read(const tern_archive *archive, const char *name, tern__hf_use *use,
                          void *user) {
    tern_context *context = tern__archive_context(archive);
    tern__json_document document = {0};
    char *text = NULL;
    size_t size = 0;
    char file[256];
    tern_status status = tern__archive_file(archive, name, &text, &size);
    if (status == TERN_STATUS_NOT_FOUND) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(status);
    tern__archive_path(archive, name, file, sizeof file);
    status = tern__json_parse(context, file, text, size, &document);
    if (status == TERN_STATUS_OK) {
        status = use(user, file, document.nodes);
    }
    tern__json_finish(context, &document);
    tern__free(context, text);
    return status;
}

const tern__json *tern__hf_get(const tern__hf_values *v, const char *key) {
    const tern__json *value = tern__json_get(v->object, key);
    return value && value->type != TERN__JSON_NULL ? value : NULL;
}

static tern_status wrong(const tern__hf_values *v, const char *key, const char *wanted) {
    return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA, "%s: key '%s' is %s, expected %s",
                      v->file, key, tern__json_type_name(tern__hf_get(v, key)), wanted);
}

tern_status tern__hf_u32(const tern__hf_values *v, const char *key, uint32_t fallback,
                         uint32_t *out) {
    const tern__json *value = tern__hf_get(v, key);
    *out = fallback;
    if (!value) {
        return TERN_STATUS_OK;
    }
    if (value->type != TERN__JSON_NUMBER ||
        !(tern__json_number_of(value) >= 0 && tern__json_number_of(value) <= UINT32_MAX) ||
        tern__json_number_of(value) != (double)(uint32_t)tern__json_number_of(value)) {
        return wrong(v, key, "an integer from 0 to 4294967295");
    }
    *out = (uint32_t)tern__json_number_of(value);
    return TERN_STATUS_OK;
}

tern_status tern__hf_f32(const tern__hf_values *v, const char *key, double fallback, double *out) {
    const tern__json *value = tern__hf_get(v, key);
    *out = value ? tern__json_number_of(value) : fallback;
    return !value || value->type == TERN__JSON_NUMBER ? TERN_STATUS_OK : wrong(v, key, "a number");
}

tern_status tern__hf_bool(const tern__hf_values *v, const char *key, bool fallback, bool *out) {
    const tern__json *value = tern__hf_get(v, key);
    *out = value ? value->flag : fallback;
    return !value || value->type == TERN__JSON_BOOL ? TERN_STATUS_OK : wrong(v, key, "a bool");
}

tern_status tern__hf_string(const tern__hf_values *v, const char *key, const char *fallback,
                            const char **out) {
    const tern__json *value = tern__hf_get(v, key);
    *out = fallback;
    if (!value) {
        return TERN_STATUS_OK;
    }
    if (value->type != TERN__JSON_STRING || strlen(value->as.string) != value->size) {
        return wrong(v, key, "text");
    }
    *out = value->as.string;
    return TERN_STATUS_OK;
}

tern_status tern__hf_refuse(const tern__hf_values *v, const char *key, const char *wanted) {
    const tern__json *value = tern__hf_get(v, key);
    char said[96];
    if (value && value->type == TERN__JSON_STRING) {
        snprintf(said, sizeof said, "'%.80s'", value->as.string);
    } else if (value && value->type == TERN__JSON_NUMBER) {
        snprintf(said, sizeof said, "%g", tern__json_number_of(value));
    } else if (value && value->type == TERN__JSON_BOOL) {
        snprintf(said, sizeof said, "%s", value->flag ? "true" : "false");
    } else {
        snprintf(said, sizeof said, "%s", tern__json_type_name(value));
    }
    return tern__fail(v->context, TERN_STATUS_UNSUPPORTED, "%s: key '%s' is %s, expected %s",
                      v->file, key, said, wanted);
}
