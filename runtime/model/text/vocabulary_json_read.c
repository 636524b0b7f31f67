// What the readers of a tokenizer.json share: members of the types they must have.
#include <inttypes.h>
#include <string.h>

#include "runtime/model/text/vocabulary_json.h"
#include "runtime/status.h"

tern_status tern__json_refuse(const tern__vocabulary *v, const char *what, const char *name) {
    return tern__fail(v->context, TERN_STATUS_UNSUPPORTED, "%s: the %s '%.64s' is not supported",
                      v->file, what, name);
}

bool tern__json_is_none(const tern__json *value) {
    return !value || value->type == TERN__JSON_NULL;
}

static tern_status wrong(const tern__vocabulary *v, const char *key, const tern__json *got,
                         const char *wanted) {
    return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA, "%s: '%.64s' is %s, expected %s",
                      v->file, key, tern__json_type_name(got), wanted);
}

tern_status tern__json_want_string(const tern__vocabulary *v, const tern__json *object,
                                   const char *key, const char *fallback, const char **out) {
    const tern__json *value = tern__json_get(object, key);
    *out = fallback;
    if (tern__json_is_none(value) && fallback) {
        return TERN_STATUS_OK;
    }
    if (!value || value->type != TERN__JSON_STRING) {
        return wrong(v, key, value, "a string");
    }
    *out = value->as.string;
    return strlen(*out) == value->size ? TERN_STATUS_OK
                                       : wrong(v, key, value, "a string without a zero byte");
}

tern_status tern__json_want_bool(const tern__vocabulary *v, const tern__json *object,
                                 const char *key, bool fallback, bool *out) {
    const tern__json *value = tern__json_get(object, key);
    *out = fallback;
    if (tern__json_is_none(value)) {
        return TERN_STATUS_OK;
    }
    if (value->type != TERN__JSON_BOOL) {
        return wrong(v, key, value, "true or false");
    }
    *out = value->flag;
    return TERN_STATUS_OK;
}

tern_status tern__json_want_list(const tern__vocabulary *v, const tern__json *object,
                                 const char *key, const tern__json **out) {
    *out = tern__json_get(object, key);
    return *out && (*out)->type == TERN__JSON_ARRAY ? TERN_STATUS_OK
                                                    : wrong(v, key, *out, "a list");
}

tern_status tern__json_to_id(const tern__vocabulary *v, const tern__json *value, const char *what,
                             uint32_t *out) {
    if (!value || value->type != TERN__JSON_NUMBER || !value->flag) {
        return wrong(v, what, value, "an id");
    }
    if (value->as.integer < 0 || value->as.integer >= TERN__MAX_TOKENS) {
        return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: '%.64s' has the id %" PRId64 ", expected 0 to %d", v->file, what,
                          value->as.integer, TERN__MAX_TOKENS - 1);
    }
    *out = (uint32_t)value->as.integer;
    return TERN_STATUS_OK;
}

tern_status tern__json_want_pattern(const tern__vocabulary *v, const tern__json *step,
                                    const char **out_plain, const char **out_regex) {
    const tern__json *pattern = tern__json_get(step, "pattern");
    *out_plain = NULL;
    *out_regex = NULL;
    return tern__json_get(pattern, "Regex")
               ? tern__json_want_string(v, pattern, "Regex", NULL, out_regex)
               : tern__json_want_string(v, pattern, "String", NULL, out_plain);
}

tern_status tern__json_read_step(tern__vocabulary *v, const tern__json *step, const char *what,
                                 const tern__json_entry *entries) {
    if (tern__json_is_none(step)) {
        return TERN_STATUS_OK;
    }
    const char *type;
    TERN_TRY(tern__json_want_string(v, step, "type", NULL, &type));
    for (const tern__json_entry *e = entries; e->type; e++) {
        if (strcmp(type, e->type) == 0) {
            return e->read(v, step);
        }
    }
    return tern__json_refuse(v, what, type);
}

tern_status tern__json_read_list(tern__vocabulary *v, const tern__json *step, const char *key,
                                 tern__json_reader read) {
    const tern__json *list;
    TERN_TRY(tern__json_want_list(v, step, key, &list));
    for (const tern__json *s = tern__json_first(list); s; s = tern__json_next(list, s)) {
        TERN_TRY(read(v, s));
    }
    return TERN_STATUS_OK;
}
