// Names of additional properties: any but those that a schema has properties for, whose own schemas
// would not hold there. GBNF cannot take words away, so the names are spelled out letter by letter.
#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/sampling/grammar_schema.h"
#include "runtime/model/utf8.h"

typedef tern__schema_writer writer;

// Names in order, so that those that begin alike lie side by side. What may come after the first
// |k| bytes of name |i| is the rule n5x<i>y<k>, where |i| is the first that begins so.
typedef struct names {
    writer *w;
    size_t rule; // 5
    const tern__json **sorted;
    uint32_t count;
} names;

static int compare_keys(const void *a, const void *b) {
    const tern__json *const *x = a, *const *y = b;
    size_t size = (*x)->key_size < (*y)->key_size ? (*x)->key_size : (*y)->key_size;
    int order = memcmp((*x)->key, (*y)->key, size);
    return order ? order : ((*x)->key_size > (*y)->key_size) - ((*x)->key_size < (*y)->key_size);
}

static bool begin_alike(const tern__json *a, const tern__json *b, size_t size) {
    return a->key_size >= size && b->key_size >= size && memcmp(a->key, b->key, size) == 0;
}

// Bytes of the character at |at| of a name.
static size_t character_size(const tern__json *name, size_t at) {
    size_t size = tern__utf8_size(name->key + at, name->key_size - at, NULL);
    return size ? size : 1;
}

// The next name from |i| on whose character at |at| is another one, or the end of those alike.
static uint32_t skip_character(const names *n, uint32_t i, size_t at) {
    const tern__json *first = n->sorted[i];
    size_t size = at + character_size(first, at);
    while (i < n->count && begin_alike(first, n->sorted[i], size)) {
        i++;
    }
    return i;
}

// Any character but the ones that names go on with at |at|, and the rest.
static void put_other(const names *n, uint32_t begin, uint32_t end, size_t at) {
    bool quote = false, backslash = false;
    tern__schema_put(n->w, "([^\"\\\\\\x00-\\x1f\\x7f");
    for (uint32_t i = begin; i < end; i = skip_character(n, i, at)) {
        const char *c = n->sorted[i]->key + at;
        quote = quote || *c == '"';
        backslash = backslash || *c == '\\';
        if ((uint8_t)*c >= 0x20 && *c != 0x7f && *c != '"' && *c != '\\') {
            tern__schema_put(n->w, strchr("[]-", *c) ? "\\" : "");
            tern__schema_putf(n->w, "%.*s", (int)character_size(n->sorted[i], at), c);
        }
    }
    tern__schema_put(n->w, "]");
    tern__schema_put(n->w, quote ? "" : " | \"\\\\\\\"\"");
    tern__schema_put(n->w, backslash ? "" : " | \"\\\\\\\\\"");
    tern__schema_put(n->w, ") plain* \"\\\"\"");
}

static void put_rule(const names *n, uint32_t first, size_t at) {
    uint32_t end = first;
    while (end < n->count && begin_alike(n->sorted[first], n->sorted[end], at)) {
        end++;
    }
    bool is_name = n->sorted[first]->key_size == at;
    uint32_t begin = first + is_name;
    tern__schema_putf(n->w, "n%zux%uy%zu ::= %s", n->rule, first, at, is_name ? "" : "\"\\\"\" | ");
    put_other(n, begin, end, at);
    for (uint32_t i = begin; i < end; i = skip_character(n, i, at)) {
        size_t size = character_size(n->sorted[i], at);
        tern__schema_put(n->w, " | \"");
        tern__schema_put_characters(n->w, n->sorted[i]->key + at, size);
        tern__schema_putf(n->w, "\" n%zux%uy%zu", n->rule, i, at + size);
    }
    tern__schema_put(n->w, "\n");
}

static void put_rules(const names *n) {
    for (uint32_t i = 0; i < n->count; i++) {
        const tern__json *name = n->sorted[i];
        size_t at = 0;
        for (; at <= name->key_size; at += at < name->key_size ? character_size(name, at) : 1) {
            if (i == 0 || !begin_alike(n->sorted[i - 1], name, at)) {
                put_rule(n, i, at);
            }
        }
    }
}

tern_status tern__schema_put_other_names(writer *w, const tern__json *schema,
                                         const tern__json *properties) {
    names n = {.w = w, .rule = tern__schema_index(w, schema), .count = properties->size};
    size_t bytes = n.count * sizeof *n.sorted;
    n.sorted = tern__alloc(w->context, bytes);
    if (!n.sorted) {
        return tern__fail_memory(w->context, bytes, "a grammar");
    }
    uint32_t i = 0;
    for (const tern__json *c = tern__json_first(properties); c;
         c = tern__json_next(properties, c)) {
        n.sorted[i++] = c;
    }
    qsort(n.sorted, n.count, sizeof *n.sorted, compare_keys);
    put_rules(&n);
    tern__free(w->context, n.sorted);
    return TERN_STATUS_OK;
}
