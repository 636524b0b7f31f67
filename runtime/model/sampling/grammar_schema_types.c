// Strings, arrays and objects of a JSON schema as GBNF.
#include "runtime/model/sampling/grammar_schema.h"

typedef tern__schema_writer writer;

static tern_status read_count(const writer *w, const tern__json *schema, const char *key,
                              uint32_t fallback, uint32_t *out) {
    const tern__json *value = tern__json_get(schema, key);
    *out = fallback;
    if (!value) {
        return TERN_STATUS_OK;
    }
    if (value->type != TERN__JSON_NUMBER || !value->flag || value->as.integer < 0 ||
        value->as.integer > 65536) {
        return tern__schema_fail(w, TERN_STATUS_INVALID_ARGUMENT, value,
                                 "must be a number from 0 to 65536");
    }
    *out = (uint32_t)value->as.integer;
    return TERN_STATUS_OK;
}

// "{2,5}" or "{2,}"; what is left of it after |taken|.
static void put_bounds(writer *w, uint32_t least, uint32_t most, uint32_t taken) {
    least = least > taken ? least - taken : 0;
    if (most == UINT32_MAX) {
        tern__schema_putf(w, "{%u,}", least);
    } else {
        tern__schema_putf(w, "{%u,%u}", least, most - taken);
    }
}

static tern_status read_bounds(const writer *w, const tern__json *schema, const char *least_key,
                               const char *most_key, uint32_t *out_least, uint32_t *out_most) {
    TERN_TRY(read_count(w, schema, least_key, 0, out_least));
    TERN_TRY(read_count(w, schema, most_key, UINT32_MAX, out_most));
    if (*out_most < *out_least) {
        return tern__schema_fail(w, TERN_STATUS_INVALID_ARGUMENT, tern__json_get(schema, most_key),
                                 "is below the least");
    }
    return TERN_STATUS_OK;
}

tern_status tern__schema_put_string_type(writer *w, const tern__json *schema) {
    uint32_t least, most;
    TERN_TRY(read_bounds(w, schema, "minLength", "maxLength", &least, &most));
    tern__schema_put(w, "\"\\\"\" char");
    put_bounds(w, least, most, 0);
    tern__schema_put(w, " \"\\\"\"");
    return TERN_STATUS_OK;
}

static bool is_false(const tern__json *value) {
    return value && value->type == TERN__JSON_BOOL && !value->flag;
}

// The elements after the |first| ones, the first of them without a comma if nothing is before it.
static tern_status put_rest(writer *w, const tern__json *items, uint32_t first, uint32_t least,
                            uint32_t most) {
    if (is_false(items) || most <= first) {
        return TERN_STATUS_OK;
    }
    if (first) {
        tern__schema_put(w, " (\",\" sp ");
        TERN_TRY(tern__schema_put_call(w, items));
        tern__schema_put(w, ")");
        put_bounds(w, least, most, first);
        return TERN_STATUS_OK;
    }
    tern__schema_put(w, " (");
    TERN_TRY(tern__schema_put_call(w, items));
    tern__schema_put(w, " (\",\" sp ");
    TERN_TRY(tern__schema_put_call(w, items));
    tern__schema_put(w, ")");
    put_bounds(w, least, most, 1);
    tern__schema_putf(w, ")%s", least ? "" : "?");
    return TERN_STATUS_OK;
}

// Elements with schemas of their own; |*out_open|: how many may be left out, the last first, each
// in a group that is open yet.
static tern_status put_prefix(writer *w, const tern__json *prefix, uint32_t least, uint32_t count,
                              uint32_t *out_open) {
    uint32_t i = 0;
    for (const tern__json *c = prefix + 1; i < count; c = tern__json_next(prefix, c), i++) {
        tern__schema_put(w, i >= least ? " (" : " ");
        tern__schema_put(w, i ? "\",\" sp " : "");
        TERN_TRY(tern__schema_put_call(w, c));
    }
    *out_open = count > least ? count - least : 0;
    return TERN_STATUS_OK;
}

tern_status tern__schema_put_array_type(writer *w, const tern__json *schema) {
    uint32_t least, most, open = 0;
    TERN_TRY(read_bounds(w, schema, "minItems", "maxItems", &least, &most));
    const tern__json *items = tern__json_get(schema, "items");
    const tern__json *prefix = tern__json_get(schema, "prefixItems");
    if (prefix && (prefix->type != TERN__JSON_ARRAY || prefix->size == 0)) {
        return tern__schema_fail(w, TERN_STATUS_INVALID_ARGUMENT, prefix,
                                 "must be an array that is not empty");
    }
    uint32_t own = prefix ? prefix->size : 0;
    if (is_false(items) && least > own) {
        return tern__schema_fail(w, TERN_STATUS_INVALID_ARGUMENT, schema,
                                 "has bounds and items that contradict each other");
    }
    tern__schema_put(w, "\"[\"");
    TERN_TRY(put_prefix(w, prefix, least, own < most ? own : most, &open));
    TERN_TRY(put_rest(w, items, own, least, most));
    for (; open > 0; open--) {
        tern__schema_put(w, ")?");
    }
    tern__schema_put(w, " \"]\"");
    return TERN_STATUS_OK;
}

static bool is_required(const tern__json *required, const tern__json *property) {
    for (const tern__json *c = required ? tern__json_first(required) : NULL; c;
         c = tern__json_next(required, c)) {
        if (c->type == TERN__JSON_STRING && tern__json_is(c, property->key)) {
            return true;
        }
    }
    return false;
}

static tern_status check_required(const writer *w, const tern__json *properties,
                                  const tern__json *required) {
    if (required && required->type != TERN__JSON_ARRAY) {
        return tern__schema_fail(w, TERN_STATUS_INVALID_ARGUMENT, required,
                                 "must be an array of names");
    }
    for (const tern__json *c = required ? tern__json_first(required) : NULL; c;
         c = tern__json_next(required, c)) {
        if (c->type != TERN__JSON_STRING || !tern__json_get(properties, c->as.string)) {
            return tern__schema_fail(w, TERN_STATUS_INVALID_ARGUMENT, c,
                                     "is none of the properties");
        }
    }
    return TERN_STATUS_OK;
}

static tern_status put_member(writer *w, const tern__json *property) {
    tern__schema_put(w, "\"");
    tern__schema_put_string(w, property->key, property->key_size);
    tern__schema_put(w, ":\" sp ");
    return tern__schema_put_call(w, property);
}

// A member of any name that is no property's.
static tern_status put_another(writer *w, const tern__json *schema, const tern__json *more) {
    const tern__json *properties = tern__json_get(schema, "properties");
    if (properties && properties->size) {
        tern__schema_putf(w, "\"\\\"\" n%zux0y0", tern__schema_index(w, schema));
    } else {
        tern__schema_put(w, "string");
    }
    tern__schema_put(w, " \":\" sp ");
    return tern__schema_put_call(w, more);
}

// What may follow the last property. |is_first|: nothing was before.
static tern_status put_more(writer *w, const tern__json *schema, const tern__json *more,
                            bool is_first) {
    if (is_false(more)) {
        tern__schema_put(w, "\"\"\n");
        return TERN_STATUS_OK;
    }
    tern__schema_put(w, is_first ? "(" : "(\",\" sp ");
    TERN_TRY(put_another(w, schema, more));
    if (is_first) {
        tern__schema_put(w, " (\",\" sp ");
        TERN_TRY(put_another(w, schema, more));
        tern__schema_put(w, ")*");
    }
    tern__schema_put(w, is_first ? ")?\n" : ")*\n");
    return TERN_STATUS_OK;
}

// Rules n5f0, n5f1, ... while no member was written, n5m0, n5m1, ... once one was: each takes its
// property, or passes it over where it is not required.
static tern_status put_chain(writer *w, const tern__json *schema, bool is_first,
                             const tern__json *more) {
    static const tern__json none = {.span = 1};
    const tern__json *properties = tern__json_get(schema, "properties");
    const tern__json *required = tern__json_get(schema, "required");
    properties = properties ? properties : &none;
    size_t name = tern__schema_index(w, schema);
    char kind = is_first ? 'f' : 'm';
    uint32_t i = 0;
    for (const tern__json *c = tern__json_first(properties); c;
         c = tern__json_next(properties, c), i++) {
        tern__schema_putf(w, "n%zu%c%u ::= ", name, kind, i);
        tern__schema_put(w, is_first ? "" : "\",\" sp ");
        TERN_TRY(put_member(w, c));
        tern__schema_putf(w, " n%zum%u", name, i + 1);
        if (!is_required(required, c)) {
            tern__schema_putf(w, " | n%zu%c%u", name, kind, i + 1);
        }
        tern__schema_put(w, "\n");
    }
    tern__schema_putf(w, "n%zu%c%u ::= ", name, kind, i);
    return put_more(w, schema, more, is_first);
}

tern_status tern__schema_put_object_rules(writer *w, const tern__json *schema) {
    static const tern__json no = {.type = TERN__JSON_BOOL, .span = 1};
    const tern__json *properties = tern__json_get(schema, "properties");
    const tern__json *more = tern__json_get(schema, "additionalProperties");
    if (properties && properties->type != TERN__JSON_OBJECT) {
        return tern__schema_fail(w, TERN_STATUS_INVALID_ARGUMENT, properties, "must be an object");
    }
    if (properties) {
        TERN_TRY(tern__json_check_unique(w->context, "the schema", properties));
    }
    TERN_TRY(check_required(w, properties, tern__json_get(schema, "required")));
    more = more || !properties ? more : &no;
    if (properties && properties->size && !is_false(more)) {
        TERN_TRY(tern__schema_put_other_names(w, schema, properties));
    }
    TERN_TRY(put_chain(w, schema, true, more));
    return put_chain(w, schema, false, more);
}
