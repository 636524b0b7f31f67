#include "runtime/model/files/json.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/json_number.h"
#include "runtime/status.h"
#include "runtime/model/utf8.h"

typedef struct parser {
    tern_context *context;
    const char *name;
    char *text;
    size_t size;
    size_t at;
    size_t depth;
    tern__json *nodes;
    size_t count;
    size_t capacity;
} parser;

static tern_status wrong_at(const parser *p, size_t offset, const char *what) {
    return tern__fail(p->context, TERN_STATUS_CORRUPT_DATA, "%s: %s at offset %zu", p->name, what,
                      offset);
}

static tern_status wrong(const parser *p, const char *what) {
    return wrong_at(p, p->at, p->at < p->size ? what : "the text ends too early");
}

static char peek(const parser *p) {
    return p->at < p->size ? p->text[p->at] : 0;
}

static void skip_space(parser *p) {
    while (p->at < p->size && (p->text[p->at] == ' ' || p->text[p->at] == '\t' ||
                               p->text[p->at] == '\n' || p->text[p->at] == '\r')) {
        p->at++;
    }
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// The four digits of an escape; UINT32_MAX if they are not there.
static uint32_t read_unit(const parser *p, size_t at) {
    uint32_t unit = 0;
    if (at + 4 > p->size) {
        return UINT32_MAX;
    }
    for (size_t i = at; i < at + 4; i++) {
        int digit = hex_digit(p->text[i]);
        if (digit < 0) {
            return UINT32_MAX;
        }
        unit = unit << 4 | (uint32_t)digit;
    }
    return unit;
}

// After "\u": one unit, or the two of a pair.
static tern_status read_code(parser *p, char **to) {
    uint32_t code = read_unit(p, p->at);
    size_t start = p->at;
    p->at += 4;
    if (code >= 0xd800 && code < 0xdc00 && p->at + 2 <= p->size &&
        memcmp(p->text + p->at, "\\u", 2) == 0) {
        uint32_t low = read_unit(p, p->at + 2);
        bool paired = low >= 0xdc00 && low < 0xe000;
        code = paired ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : code;
        p->at += 6;
    }
    if (code == UINT32_MAX || (code >= 0xd800 && code < 0xe000)) {
        return wrong_at(p, start, "no four hexadecimal digits, or half a surrogate pair");
    }
    *to += tern__utf8_encode(code, *to);
    return TERN_STATUS_OK;
}

static tern_status read_escape(parser *p, char **to) {
    static const char from[] = "\"\\/bfnrt";
    static const char meaning[] = "\"\\/\b\f\n\r\t";
    p->at++;
    char c = peek(p);
    if (c == 'u') {
        p->at++;
        return read_code(p, to);
    }
    const char *found = c ? strchr(from, c) : NULL;
    if (!found) {
        return wrong(p, "an unknown escape");
    }
    *(*to)++ = meaning[found - from];
    p->at++;
    return TERN_STATUS_OK;
}

static tern_status read_plain(parser *p, char **to) {
    size_t size = tern__utf8_size(p->text + p->at, p->size - p->at, NULL);
    if (size == 0) {
        return wrong(p, "bytes that are not UTF-8");
    }
    if ((uint8_t)p->text[p->at] < 0x20) {
        return wrong(p, "a control character in a string");
    }
    memmove(*to, p->text + p->at, size);
    *to += size;
    p->at += size;
    return TERN_STATUS_OK;
}

// Decodes in place: what is decoded is never longer, and the NUL goes where the quote was at most.
static tern_status read_string(parser *p, const char **out, uint32_t *out_size) {
    if (peek(p) != '"') {
        return wrong(p, "no string where one is expected");
    }
    char *start = p->text + ++p->at;
    char *to = start;
    while (p->at < p->size && p->text[p->at] != '"') {
        TERN_TRY(p->text[p->at] == '\\' ? read_escape(p, &to) : read_plain(p, &to));
    }
    if (p->at == p->size) {
        return wrong(p, "");
    }
    p->at++;
    *to = 0;
    *out = start;
    *out_size = (uint32_t)(to - start);
    return TERN_STATUS_OK;
}

static tern_status read_number(parser *p, tern__json *node) {
    tern__json_number number;
    size_t taken = tern__json_read_number(p->text + p->at, p->size - p->at, &number);
    if (taken == 0) {
        return wrong(p, "no value, or a number beyond the range of a double,");
    }
    node->type = TERN__JSON_NUMBER;
    node->flag = number.is_integer;
    if (number.is_integer) {
        node->as.integer = number.integer;
    } else {
        node->as.real = number.value;
    }
    p->at += taken;
    return TERN_STATUS_OK;
}

static bool take_word(parser *p, const char *word) {
    size_t size = strlen(word);
    bool there = p->size - p->at >= size && memcmp(p->text + p->at, word, size) == 0;
    p->at += there ? size : 0;
    return there;
}

static tern_status read_scalar(parser *p, tern__json *node) {
    if (peek(p) == '"') {
        node->type = TERN__JSON_STRING;
        return read_string(p, &node->as.string, &node->size);
    }
    if (take_word(p, "null")) {
        return TERN_STATUS_OK;
    }
    node->flag = take_word(p, "true");
    if (node->flag || take_word(p, "false")) {
        node->type = TERN__JSON_BOOL;
        return TERN_STATUS_OK;
    }
    return read_number(p, node);
}

static tern_status read_value(parser *p, const char *key, uint32_t key_size);

static tern_status read_child(parser *p, bool object) {
    const char *key = NULL;
    uint32_t key_size = 0;
    skip_space(p);
    if (object) {
        TERN_TRY(read_string(p, &key, &key_size));
        skip_space(p);
        if (peek(p) != ':') {
            return wrong(p, "no ':' after a key");
        }
        p->at++;
    }
    TERN_TRY(read_value(p, key, key_size));
    skip_space(p);
    return TERN_STATUS_OK;
}

static tern_status read_children(parser *p, size_t index, bool object) {
    char close = object ? '}' : ']';
    p->at++;
    skip_space(p);
    for (bool first = true; peek(p) != close; first = false) {
        if (!first && peek(p) != ',') {
            return wrong(p, object ? "no ',' or '}'" : "no ',' or ']'");
        }
        p->at += first ? 0 : 1;
        TERN_TRY(read_child(p, object));
        p->nodes[index].size++;
    }
    p->at++;
    return TERN_STATUS_OK;
}

static tern_status read_nested(parser *p, size_t index) {
    bool object = peek(p) == '{';
    p->nodes[index].type = object ? TERN__JSON_OBJECT : TERN__JSON_ARRAY;
    if (p->depth == TERN__JSON_DEPTH) {
        return wrong(p, "values more than 64 deep");
    }
    p->depth++;
    TERN_TRY(read_children(p, index, object));
    p->depth--;
    return TERN_STATUS_OK;
}

static tern_status read_value(parser *p, const char *key, uint32_t key_size) {
    void *nodes = p->nodes;
    size_t index = p->count;
    if (!tern__grow(p->context, &nodes, &p->capacity, index + 1, sizeof(tern__json))) {
        return tern__fail_memory(p->context, (index + 1) * sizeof(tern__json), p->name);
    }
    p->nodes = nodes;
    p->nodes[p->count++] = (tern__json){.key = key, .key_size = key_size};
    skip_space(p);
    bool nested = peek(p) == '{' || peek(p) == '[';
    TERN_TRY(nested ? read_nested(p, index) : read_scalar(p, &p->nodes[index]));
    p->nodes[index].span = (uint32_t)(p->count - index);
    return TERN_STATUS_OK;
}

// Values that the text may have at most: one after each comma and each bracket.
static size_t count_values(const parser *p) {
    size_t count = 1;
    bool in_string = false;
    for (size_t i = 0; i < p->size; i++) {
        char c = p->text[i];
        i += in_string && c == '\\';
        in_string ^= c == '"';
        count += !in_string && (c == ',' || c == '[' || c == '{');
    }
    return count < p->size / 2 + 1 ? count : p->size / 2 + 1; // a value takes two bytes
}

// Room for all values at once: growing would hold twice as much for a while.
static tern_status reserve(parser *p) {
    void *nodes = NULL;
    size_t count = count_values(p);
    if (!tern__grow(p->context, &nodes, &p->capacity, count, sizeof(tern__json))) {
        return tern__fail_memory(p->context, count * sizeof(tern__json), p->name);
    }
    p->nodes = nodes;
    return TERN_STATUS_OK;
}

static tern_status read_document(parser *p) {
    if (p->size > INT32_MAX) {
        return tern__fail(p->context, TERN_STATUS_UNSUPPORTED,
                          "%s: %zu bytes of JSON, expected %d "
                          "at most",
                          p->name, p->size, INT32_MAX);
    }
    TERN_TRY(reserve(p));
    TERN_TRY(read_value(p, NULL, 0));
    skip_space(p);
    return p->at == p->size ? TERN_STATUS_OK : wrong(p, "something behind the value");
}

tern_status tern__json_parse(tern_context *context, const char *name, char *text, size_t size,
                             tern__json_document *out) {
    parser p = {.context = context, .name = name, .text = text, .size = size};
    tern_status status = read_document(&p);
    *out = (tern__json_document){p.nodes, p.count};
    if (status != TERN_STATUS_OK) {
        tern__json_finish(context, out);
    }
    return status;
}

void tern__json_finish(tern_context *context, tern__json_document *document) {
    tern__free(context, document->nodes);
    *document = (tern__json_document){0};
}

static int compare_keys(const void *a, const void *b) {
    const tern__json *x = *(const tern__json *const *)a;
    const tern__json *y = *(const tern__json *const *)b;
    size_t shared = x->key_size < y->key_size ? x->key_size : y->key_size;
    int order = memcmp(x->key, y->key, shared);
    return order != 0 ? order : (x->key_size > y->key_size) - (x->key_size < y->key_size);
}

tern_status tern__json_check_unique(tern_context *context, const char *name,
                                    const tern__json *object) {
    const tern__json **sorted = tern__alloc(context, object->size * sizeof *sorted);
    size_t count = 0;
    if (!sorted) {
        return tern__fail_memory(context, object->size * sizeof *sorted, name);
    }
    for (const tern__json *c = tern__json_first(object); c; c = tern__json_next(object, c)) {
        sorted[count++] = c;
    }
    qsort(sorted, count, sizeof *sorted, compare_keys);
    tern_status status = TERN_STATUS_OK;
    for (size_t i = 1; i < count && status == TERN_STATUS_OK; i++) {
        if (compare_keys(&sorted[i - 1], &sorted[i]) == 0) {
            status = tern__fail(context, TERN_STATUS_CORRUPT_DATA, "%s: key '%.100s' appears twice",
                                name, sorted[i]->key);
        }
    }
    tern__free(context, sorted);
    return status;
}

const tern__json *tern__json_get(const tern__json *object, const char *key) {
    size_t size = strlen(key);
    if (!object || object->type != TERN__JSON_OBJECT) {
        return NULL;
    }
    for (const tern__json *c = tern__json_first(object); c; c = tern__json_next(object, c)) {
        if (c->key_size == size && memcmp(c->key, key, size) == 0) {
            return c;
        }
    }
    return NULL;
}

bool tern__json_is(const tern__json *value, const char *text) {
    return value && value->type == TERN__JSON_STRING && value->size == strlen(text) &&
           memcmp(value->as.string, text, value->size) == 0;
}

const char *tern__json_type_name(const tern__json *value) {
    static const char *const names[] = {"null",     "a bool",   "a number",
                                        "a string", "an array", "an object"};
    return value ? names[value->type] : "nothing";
}
