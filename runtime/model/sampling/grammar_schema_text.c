#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/json_number.h"
#include "runtime/model/sampling/grammar_schema.h"

typedef tern__schema_writer writer;

static void put(writer *w, const char *bytes, size_t size) {
    void *text = w->text;
    w->failed = w->failed || !tern__grow(w->context, &text, &w->capacity, w->size + size + 1, 1);
    w->text = text;
    if (!w->failed) {
        memcpy(w->text + w->size, bytes, size);
        w->size += size;
    }
}

void tern__schema_put(writer *w, const char *text) {
    put(w, text, strlen(text));
}

void tern__schema_putf(writer *w, const char *format, ...) {
    char line[128];
    va_list list;
    va_start(list, format);
    int size = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    put(w, line, (size_t)size);
}

// "#/properties/name" of a value, as far as it fits.
static void describe(const writer *w, const tern__json *node, char *out, size_t capacity) {
    const tern__json *at = w->document.nodes;
    size_t used = (size_t)snprintf(out, capacity, "#");
    while (at != node && used < capacity) {
        const tern__json *child = tern__json_first(at);
        uint32_t index = 0;
        while (child + child->span <= node) {
            child = tern__json_next(at, child);
            index++;
        }
        used += child->key ? (size_t)snprintf(out + used, capacity - used, "/%s", child->key)
                           : (size_t)snprintf(out + used, capacity - used, "/%u", index);
        at = child;
    }
}

void tern__schema_describe(const writer *w, const tern__json *node, char *out, size_t capacity) {
    char path[128];
    describe(w, node, path, sizeof path);
    snprintf(out, capacity, "the schema: '%s'", path);
}

tern_status tern__schema_fail(const writer *w, tern_status status, const tern__json *node,
                              const char *what) {
    char name[160];
    tern__schema_describe(w, node, name, sizeof name);
    return tern__fail(w->context, status, "%s %s", name, what);
}

// Bytes of JSON within a literal of GBNF.
static void put_escaped(writer *w, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\') {
            tern__schema_put(w, "\\");
        }
        put(w, bytes + i, 1);
    }
}

void tern__schema_put_characters(writer *w, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        char escaped[8] = {bytes[i]};
        if (bytes[i] == '"' || bytes[i] == '\\') {
            snprintf(escaped, sizeof escaped, "\\%c", bytes[i]);
        } else if ((uint8_t)bytes[i] < 0x20) {
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)bytes[i]);
        }
        put_escaped(w, escaped, strlen(escaped));
    }
}

void tern__schema_put_string(writer *w, const char *bytes, size_t size) {
    tern__schema_put(w, "\\\"");
    tern__schema_put_characters(w, bytes, size);
    tern__schema_put(w, "\\\"");
}

static void put_double(writer *w, double value) {
    char text[TERN__JSON_NUMBER_SIZE];
    tern__json_write_number(value, text);
    tern__schema_put(w, text);
}

// A value as compact JSON within a literal. Depth is the parser's, 64 at most.
void tern__schema_put_json(writer *w, const tern__json *value) {
    static const char *const words[] = {"null", "false"};
    bool is_object = value->type == TERN__JSON_OBJECT;
    switch (value->type) {
    case TERN__JSON_STRING:
        tern__schema_put_string(w, value->as.string, value->size);
        return;
    case TERN__JSON_NUMBER:
        if (value->flag) {
            tern__schema_putf(w, "%" PRId64, value->as.integer);
        } else {
            put_double(w, tern__json_number_of(value));
        }
        return;
    case TERN__JSON_ARRAY:
    case TERN__JSON_OBJECT:
        tern__schema_put(w, is_object ? "{" : "[");
        for (const tern__json *c = tern__json_first(value); c; c = tern__json_next(value, c)) {
            tern__schema_put(w, c != value + 1 ? "," : "");
            if (is_object) {
                tern__schema_put_string(w, c->key, c->key_size);
                tern__schema_put(w, ":");
            }
            tern__schema_put_json(w, c);
        }
        tern__schema_put(w, is_object ? "}" : "]");
        return;
    default:
        tern__schema_putf(
            w, "%s", value->type == TERN__JSON_BOOL && value->flag ? "true" : words[value->type]);
    }
}

// A call of the rule of |node|, which is written later.
static void put_call(writer *w, const tern__json *node) {
    w->wanted[tern__schema_index(w, node)] |= 1;
    tern__schema_putf(w, "n%zu", tern__schema_index(w, node));
}

// A schema may also be true, which allows any value.
tern_status tern__schema_put_call(writer *w, const tern__json *schema) {
    if (!schema || (schema->type == TERN__JSON_BOOL && schema->flag)) {
        tern__schema_put(w, "value");
        return TERN_STATUS_OK;
    }
    if (schema->type != TERN__JSON_OBJECT) {
        return tern__schema_fail(w, TERN_STATUS_INVALID_ARGUMENT, schema,
                                 "must be a schema: an object or true");
    }
    put_call(w, schema);
    return TERN_STATUS_OK;
}
