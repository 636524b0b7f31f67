// A JSON schema as GBNF. Each schema that is reached becomes a rule, named after its place in the
// document; objects become chains of rules, one a property.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/sampling/grammar.h"
#include "runtime/model/sampling/grammar_schema.h"

#define NAME "the schema"

typedef tern__schema_writer writer;

static const char common_rules[] =
    "sp ::= \" \"?\n"
    "hex ::= [0-9a-fA-F]\n"
    "char ::= [^\"\\\\\\x00-\\x1f\\x7f] | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" code)\n"
    // One character: of the halves that UTF-16 writes rare ones in, both.
    "code ::= [0-9a-ce-fA-CE-F] hex{3} | [dD] [0-7] hex{2} | "
    "[dD] [89abAB] hex{2} \"\\\\u\" [dD] [c-fC-F] hex{2}\n"
    "plain ::= [^\"\\\\\\x00-\\x1f\\x7f] | \"\\\\\" [\"\\\\]\n"
    "string ::= \"\\\"\" char* \"\\\"\"\n"
    "integer ::= \"-\"? (\"0\" | [1-9] [0-9]{0,15})\n"
    "number ::= integer (\".\" [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?\n"
    "boolean ::= \"true\" | \"false\"\n"
    "null ::= \"null\"\n"
    "member ::= string \":\" sp value\n"
    "object ::= \"{\" (member (\",\" sp member)*)? \"}\"\n"
    "array ::= \"[\" (value (\",\" sp value)*)? \"]\"\n"
    "value ::= object | array | string | number | boolean | null\n";

static tern_status unsupported(const writer *w, const tern__json *node) {
    return tern__schema_fail(w, TERN_STATUS_UNSUPPORTED, node, "is not supported");
}

// Keywords that say nothing about a text, or that others read.
static bool is_read(const char *key) {
    static const char *const keys[] = {"title",       "description", "default",
                                       "examples",    "$schema",     "$id",
                                       "$comment",    "$defs",       "definitions",
                                       "type",        "enum",        "const",
                                       "properties",  "required",    "items",
                                       "prefixItems", "minItems",    "maxItems",
                                       "minLength",   "maxLength",   "anyOf",
                                       "oneOf",       "$ref",        "deprecated",
                                       "readOnly",    "writeOnly",   "additionalProperties"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

// Keywords that are the whole of a schema, beside which others would have to be met too.
static tern_status check_keywords(const writer *w, const tern__json *schema) {
    static const char *const alone[] = {"$ref", "anyOf", "oneOf", "const", "enum"};
    static const char *const parts[] = {"properties", "required",  "additionalProperties",
                                        "items",      "minItems",  "prefixItems",
                                        "maxItems",   "minLength", "maxLength"};
    for (const tern__json *c = tern__json_first(schema); c; c = tern__json_next(schema, c)) {
        if (!is_read(c->key)) {
            return unsupported(w, c);
        }
    }
    size_t found = 0;
    for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++) {
        found += tern__json_get(schema, alone[i]) != NULL;
    }
    bool structured = tern__json_get(schema, "type") && !tern__json_get(schema, "enum") &&
                      !tern__json_get(schema, "const"); // their values are asked for their types
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        structured = structured || tern__json_get(schema, parts[i]);
    }
    if (found > 1 || (found && structured)) {
        return tern__schema_fail(
            w, TERN_STATUS_UNSUPPORTED, schema,
            "has several of $ref, anyOf, oneOf, const, enum and type, all of which would "
            "have to hold");
    }
    return TERN_STATUS_OK;
}

// The right side of one type; the rules that an object needs are written by its schema's.
static tern_status put_type(writer *w, const tern__json *schema, const char *type,
                            const tern__json *where) {
    static const char *const simple[] = {"integer", "number", "boolean", "null"};
    for (size_t i = 0; i < sizeof simple / sizeof simple[0]; i++) {
        if (strcmp(type, simple[i]) == 0) {
            tern__schema_putf(w, "%s", type);
            return TERN_STATUS_OK;
        }
    }
    if (strcmp(type, "string") == 0) {
        return tern__schema_put_string_type(w, schema);
    }
    if (strcmp(type, "array") == 0) {
        return tern__schema_put_array_type(w, schema);
    }
    if (strcmp(type, "object") == 0) {
        tern__schema_putf(w, "\"{\" n%zuf0 \"}\"", tern__schema_index(w, schema));
        return TERN_STATUS_OK;
    }
    return tern__schema_fail(w, TERN_STATUS_INVALID_ARGUMENT, where, "is no type of JSON");
}

static bool names_type(const tern__json *type, const char *name) {
    if (!type || type->type != TERN__JSON_ARRAY) {
        return tern__json_is(type, name);
    }
    for (const tern__json *c = tern__json_first(type); c; c = tern__json_next(type, c)) {
        if (tern__json_is(c, name)) {
            return true;
        }
    }
    return false;
}

static const char *implied_type(const tern__json *schema) {
    bool object = tern__json_get(schema, "properties") || tern__json_get(schema, "required") ||
                  tern__json_get(schema, "additionalProperties");
    bool array = tern__json_get(schema, "items") || tern__json_get(schema, "prefixItems") ||
                 tern__json_get(schema, "minItems") || tern__json_get(schema, "maxItems");
    bool string = tern__json_get(schema, "minLength") || tern__json_get(schema, "maxLength");
    return object ? "object" : array ? "array" : string ? "string" : NULL;
}

static tern_status put_types(writer *w, const tern__json *schema) {
    const tern__json *type = tern__json_get(schema, "type");
    if (type && type->type == TERN__JSON_ARRAY && type->size) {
        for (const tern__json *c = type + 1; c; c = tern__json_next(type, c)) {
            tern__schema_put(w, c == type + 1 ? "" : " | ");
            TERN_TRY(put_type(w, schema, c->type == TERN__JSON_STRING ? c->as.string : "", c));
        }
        return TERN_STATUS_OK;
    }
    const char *implied = implied_type(schema);
    if (type) {
        return put_type(w, schema, type->type == TERN__JSON_STRING ? type->as.string : "", type);
    }
    if (!implied) {
        tern__schema_put(w, "value");
        return TERN_STATUS_OK;
    }
    return put_type(w, schema, implied, schema);
}

static bool is_of(const tern__json *value, const char *type) {
    static const char *const names[] = {
        [TERN__JSON_NULL] = "null",     [TERN__JSON_BOOL] = "boolean",
        [TERN__JSON_NUMBER] = "number", [TERN__JSON_STRING] = "string",
        [TERN__JSON_ARRAY] = "array",   [TERN__JSON_OBJECT] = "object"};
    bool whole = value->type == TERN__JSON_NUMBER &&
                 (value->flag || tern__json_number_of(value) == floor(tern__json_number_of(value)));
    return strcmp(names[value->type], type) == 0 || (whole && strcmp(type, "integer") == 0);
}

// Whether |type|, which may be NULL or a list, allows a value.
static bool allows(const tern__json *type, const tern__json *value) {
    if (!type || type->type != TERN__JSON_ARRAY) {
        return !type || is_of(value, type->as.string);
    }
    for (const tern__json *c = tern__json_first(type); c; c = tern__json_next(type, c)) {
        if (is_of(value, c->as.string)) {
            return true;
        }
    }
    return false;
}

static tern_status check_type_name(const writer *w, const tern__json *type) {
    static const char *const names[] = {"null",   "boolean", "number", "integer",
                                        "string", "array",   "object"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (tern__json_is(type, names[i])) {
            return TERN_STATUS_OK;
        }
    }
    return tern__schema_fail(w, TERN_STATUS_INVALID_ARGUMENT, type, "is no type of JSON");
}

static tern_status check_type(const writer *w, const tern__json *type) {
    if (!type || type->type != TERN__JSON_ARRAY) {
        return type ? check_type_name(w, type) : TERN_STATUS_OK;
    }
    for (const tern__json *c = tern__json_first(type); c; c = tern__json_next(type, c)) {
        TERN_TRY(check_type_name(w, c));
    }
    return TERN_STATUS_OK;
}

static void put_value(writer *w, const tern__json *value) {
    tern__schema_put(w, "\"");
    tern__schema_put_json(w, value);
    tern__schema_put(w, "\"");
}

static tern_status check_list(const writer *w, const tern__json *list) {
    return list->type == TERN__JSON_ARRAY && list->size
               ? TERN_STATUS_OK
               : tern__schema_fail(w, TERN_STATUS_INVALID_ARGUMENT, list,
                                   "must be an array that is not empty");
}

// Those of the values from |first| to |end| that |schema|'s type allows as well.
static tern_status put_values(writer *w, const tern__json *schema, const tern__json *values,
                              const tern__json *first, const tern__json *end) {
    const tern__json *type = tern__json_get(schema, "type");
    bool any = false;
    TERN_TRY(check_type(w, type));
    for (const tern__json *c = first; c < end; c += c->span) {
        if (allows(type, c)) {
            tern__schema_put(w, any ? " | " : "");
            put_value(w, c);
            any = true;
        }
    }
    return any ? TERN_STATUS_OK
               : tern__schema_fail(w, TERN_STATUS_INVALID_ARGUMENT, values,
                                   "has no value of the type beside it");
}

static tern_status put_choices(writer *w, const tern__json *list) {
    TERN_TRY(check_list(w, list));
    for (const tern__json *c = list + 1; c; c = tern__json_next(list, c)) {
        tern__schema_put(w, c == list + 1 ? "" : " | ");
        TERN_TRY(tern__schema_put_call(w, c));
    }
    return TERN_STATUS_OK;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// One character of a JSON pointer in an URI (RFC 6901): "%20", "~0" for ~ and "~1" for /.
static char read_character(const char **at, const char *end) {
    char c = *(*at)++;
    if (c == '%' && end - *at >= 2 && hex_digit((*at)[0]) >= 0 && hex_digit((*at)[1]) >= 0) {
        c = (char)(hex_digit((*at)[0]) * 16 + hex_digit((*at)[1]));
        *at += 2;
    }
    if (c == '~' && *at < end && (**at == '0' || **at == '1')) {
        c = *(*at)++ == '0' ? '~' : '/';
    }
    return c;
}

// One step of the pointer, |size| bytes.
static const tern__json *follow_step(const tern__json *at, const char *step, size_t size) {
    char key[256];
    size_t used = 0;
    for (const char *end = step + size; step < end && used + 1 < sizeof key;) {
        key[used++] = read_character(&step, end);
    }
    key[used] = '\0';
    if (at->type != TERN__JSON_ARRAY) {
        return tern__json_get(at, key);
    }
    char *end;
    long index = strtol(key, &end, 10);
    bool is_index = key[0] >= '0' && key[0] <= '9' && !*end;
    const tern__json *child = is_index ? tern__json_first(at) : NULL;
    for (; child && index > 0; index--) {
        child = tern__json_next(at, child);
    }
    return child;
}

static tern_status put_ref(writer *w, const tern__json *ref) {
    const char *path = ref->type == TERN__JSON_STRING ? ref->as.string : "";
    if (path[0] != '#' || (path[1] && path[1] != '/')) {
        return tern__schema_fail(w, TERN_STATUS_UNSUPPORTED, ref,
                                 "is not within the document (#/...)");
    }
    const tern__json *at = w->document.nodes;
    for (path++; at && *path == '/';) {
        size_t size = strcspn(++path, "/");
        at = follow_step(at, path, size);
        path += size;
    }
    if (!at) {
        return tern__schema_fail(w, TERN_STATUS_INVALID_ARGUMENT, ref,
                                 "names nothing in the document");
    }
    return tern__schema_put_call(w, at);
}

static tern_status put_right_side(writer *w, const tern__json *schema) {
    const tern__json *list = tern__json_get(schema, "enum");
    const tern__json *constant = tern__json_get(schema, "const");
    const tern__json *any = tern__json_get(schema, "anyOf");
    any = any ? any : tern__json_get(schema, "oneOf");
    if (tern__json_get(schema, "$ref")) {
        return put_ref(w, tern__json_get(schema, "$ref"));
    }
    if (list) {
        TERN_TRY(check_list(w, list));
        return put_values(w, schema, list, list + 1, list + list->span);
    }
    if (constant) {
        return put_values(w, schema, constant, constant, constant + constant->span);
    }
    return any ? put_choices(w, any) : put_types(w, schema);
}

static tern_status put_rule(writer *w, const tern__json *schema) {
    const tern__json *type = tern__json_get(schema, "type");
    const char *implied = implied_type(schema);
    TERN_TRY(tern__json_check_unique(w->context, NAME, schema));
    TERN_TRY(check_keywords(w, schema));
    tern__schema_putf(w, "n%zu ::= ", tern__schema_index(w, schema));
    TERN_TRY(put_right_side(w, schema));
    tern__schema_put(w, "\n");
    bool is_object = type ? names_type(type, "object") : implied && implied[0] == 'o';
    return is_object ? tern__schema_put_object_rules(w, schema) : TERN_STATUS_OK;
}

// Rules make other rules wanted, before or after them in the document.
static tern_status put_rules(writer *w) {
    tern__schema_put(w, common_rules);
    tern__schema_put(w, "root ::= ");
    TERN_TRY(tern__schema_put_call(w, w->document.nodes));
    tern__schema_put(w, "\n");
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < w->document.count; i++) {
            if (w->wanted[i] == 1) {
                w->wanted[i] = 2 | 1;
                TERN_TRY(put_rule(w, &w->document.nodes[i]));
                more = true;
            }
        }
    }
    return TERN_STATUS_OK;
}

// "the schema: '#/items'" for rule "n5" and those made for its members, "n5f0" and "n5m0".
static void describe_rule(void *user, const char *name, uint32_t size, char *out, size_t capacity) {
    const writer *w = user;
    size_t index = 0;
    for (uint32_t i = 1; i < size && name[i] >= '0' && name[i] <= '9'; i++) {
        index = index * 10 + (size_t)(name[i] - '0');
    }
    tern__schema_describe(w, &w->document.nodes[name[0] == 'n' ? index : 0], out, capacity);
}

static tern_status write(writer *w, tern__rules *rules) {
    w->wanted = tern__calloc(w->context, w->document.count, 1);
    w->failed = !w->wanted;
    TERN_TRY(w->failed ? TERN_STATUS_OK : put_rules(w));
    if (w->failed) {
        return tern__fail_memory(w->context, w->capacity, "a grammar");
    }
    rules->describe = describe_rule;
    rules->describe_user = w;
    tern_status status = tern__rules_parse(rules, w->text, w->size);
    rules->describe = NULL;
    return status;
}

tern_status tern__schema_parse(tern__rules *rules, const char *schema, size_t size) {
    writer w = {.context = rules->context};
    char *copy = tern__alloc(w.context, size + 1);
    if (!copy) {
        return tern__fail_memory(w.context, size, NAME);
    }
    memcpy(copy, size ? schema : "", size);
    tern_status status = tern__json_parse(w.context, NAME, copy, size, &w.document);
    if (status == TERN_STATUS_OK) {
        status = write(&w, rules);
        tern__json_finish(w.context, &w.document);
    }
    tern__free(w.context, w.wanted);
    tern__free(w.context, w.text);
    tern__free(w.context, copy);
    return status;
}
