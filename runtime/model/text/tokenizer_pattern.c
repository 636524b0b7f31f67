// Patterns of tokenizers are written for Oniguruma. What PCRE2 reads otherwise is rewritten, or
// refused: what words, white space and the POSIX classes are, \h (a hexadecimal digit), scripts
// (PCRE2 takes what is used with them too), {1,3}+ (repeated, not possessive), and classes, which
// may hold others and their intersection (&&), and (?m), which is (?s). Lines are told apart as
// PCRE2_MULTILINE does.
#include "runtime/model/text/tokenizer_class.h"

#include <string.h>

#include "runtime/model/text/text.h"
#include "runtime/model/text/tokenizer_split.h"
#include "runtime/status.h"

enum { MAX_GROUPS = 64, MAX_NESTED = 16 };

typedef struct pattern {
    const tern__vocabulary *v;
    const char *text;
    size_t size;
    size_t at;
    size_t atom; // where what a quantifier would repeat begins, in |out|
    size_t groups[MAX_GROUPS];
    uint32_t depth;  // of groups
    uint32_t nested; // classes
    tern__text *out;
} pattern;

// One side of &&, or a whole class: characters and ranges, and what is no part of a simple class.
typedef struct side {
    tern__text simple;
    tern__text others; // "|[^a]|[^b]"
} side;

static void add(tern__text *out, const char *text) {
    tern__text_add(out, text, strlen(text));
}

static void add_text(tern__text *out, const tern__text *text) {
    out->failed |= text->failed;
    tern__text_add(out, text->bytes ? text->bytes : "", text->size);
}

static char peek(const pattern *p, size_t ahead) {
    return p->at + ahead < p->size ? p->text[p->at + ahead] : '\0';
}

static tern_status refuse(const pattern *p, const char *what) {
    return tern__fail(p->v->context, TERN_STATUS_UNSUPPORTED,
                      "%s: the pre-tokenizer's pattern '%.100s' has %s at %zu, which is not "
                      "supported",
                      p->v->file, p->text, what, p->at);
}

// The size of the escape at |p->at|, with what it has in braces.
static size_t escape_size(const pattern *p) {
    bool braces = peek(p, 1) && strchr("xpPogkN", peek(p, 1)) && peek(p, 2) == '{';
    const char *end = braces ? memchr(p->text + p->at, '}', p->size - p->at) : NULL;
    return end ? (size_t)(end + 1 - (p->text + p->at)) : p->at + 1 < p->size ? 2 : 1;
}

// A set of characters for \p{NAME}, \s and the like; false if PCRE2 reads the escape alike.
static bool find_set(const pattern *p, size_t size, bool in_class, tern__set *out) {
    char letter = peek(p, 1);
    if (size > 4 && (letter == 'p' || letter == 'P') && peek(p, 2) == '{') {
        return tern__set_of_property(p->text + p->at + 3, size - 4, letter == 'P', out);
    }
    return tern__set_of_escape(letter, in_class, out);
}

static tern_status add_escape(pattern *p) {
    tern__set set;
    size_t size = escape_size(p);
    char letter = peek(p, 1);
    p->atom = p->out->size;
    if (letter == 'Q') {
        return refuse(p, "\\Q");
    }
    if (letter == 'b' || letter == 'B') {
        add(p->out, letter == 'b' ? TERN__WORD_EDGE : TERN__NO_WORD_EDGE);
    } else if (find_set(p, size, false, &set)) {
        add(p->out, set.negated ? "[^" : "[");
        tern__set_add(&set, p->out);
        add(p->out, "]");
    } else {
        tern__text_add(p->out, p->text + p->at, size);
    }
    p->at += size;
    return TERN_STATUS_OK;
}

static void add_set(side *s, const tern__set *set) {
    tern__text *to = set->negated ? &s->others : &s->simple;
    add(to, set->negated ? "|[^" : "");
    tern__set_add(set, to);
    add(to, set->negated ? "]" : "");
}

static tern_status add_class(pattern *p, tern__text *out);

// A class in a class. What is simple becomes a part of the other: loops over simple classes are
// fast, and take no memory.
static tern_status add_nested(pattern *p, side *s) {
    tern__text nested = {.context = s->simple.context};
    tern_status status = add_class(p, &nested);
    if (nested.size > 2 && nested.bytes[0] == '[' && nested.bytes[1] != '^') {
        tern__text_add(&s->simple, nested.bytes + 1, nested.size - 2);
    } else {
        add(&s->others, "|");
        add_text(&s->others, &nested);
    }
    s->simple.failed |= nested.failed;
    tern__text_finish(&nested);
    return status;
}

// "[:alpha:]" or "[:^alpha:]" at |p->at|: its size, or 0.
static size_t posix_size(const pattern *p) {
    const char *end = peek(p, 1) == ':' ? strstr(p->text + p->at + 2, ":]") : NULL;
    return end ? (size_t)(end + 2 - (p->text + p->at)) : 0;
}

static tern_status add_bracket(pattern *p, side *s) {
    tern__set set;
    size_t size = posix_size(p);
    bool negated = peek(p, 2) == '^';
    if (size == 0) {
        return add_nested(p, s);
    }
    if (!tern__set_of_class(p->text + p->at + 2 + negated, size - 4 - negated, negated, &set)) {
        return refuse(p, "an unknown class");
    }
    add_set(s, &set);
    p->at += size;
    return TERN_STATUS_OK;
}

// One part of a class. |*after_set|: a hyphen behind it is no range.
static tern_status add_item(pattern *p, side *s, bool *after_set) {
    tern__set set;
    char c = peek(p, 0);
    bool was_set = *after_set;
    *after_set = false;
    if (c == '[') {
        return add_bracket(p, s);
    }
    size_t size = c == '\\' ? escape_size(p) : 1;
    *after_set = c == '\\' && find_set(p, size, true, &set);
    if (*after_set) {
        add_set(s, &set);
    } else {
        add(&s->simple, c == '-' && was_set ? "\\" : "");
        tern__text_add(&s->simple, p->text + p->at, size);
    }
    p->at += size;
    return TERN_STATUS_OK;
}

static tern_status read_side(pattern *p, side *s, bool first) {
    bool after_set = false;
    if (first && peek(p, 0) == ']') { // only a character
        add(&s->simple, "\\]");
        p->at++;
    }
    while (peek(p, 0) != ']' && !(peek(p, 0) == '&' && peek(p, 1) == '&')) {
        if (p->at >= p->size) {
            return refuse(p, "a class without an end");
        }
        TERN_TRY(add_item(p, s, &after_set));
    }
    bool any = s->simple.size + s->others.size > 0 || s->simple.failed || s->others.failed;
    return any ? TERN_STATUS_OK : refuse(p, "an empty class");
}

static void add_side(const side *s, tern__text *out) {
    if (s->others.size == 0) {
        add(out, "[");
        add_text(out, &s->simple);
        add(out, "]");
        return;
    }
    add(out, s->simple.size ? "(?:[" : "(?:");
    add_text(out, &s->simple);
    add(out, s->simple.size ? "]" : "");
    size_t skipped = s->simple.size ? 0 : 1; // the first bar
    if (s->others.bytes) {
        tern__text_add(out, s->others.bytes + skipped, s->others.size - skipped);
    }
    add(out, ")");
}

// All sides but the last are looked at ahead.
static tern_status add_sides(pattern *p, tern__text *out) {
    tern_status status = TERN_STATUS_OK;
    bool more = true;
    for (bool first = true; more && status == TERN_STATUS_OK; first = false) {
        side s = {{.context = out->context}, {.context = out->context}};
        status = read_side(p, &s, first);
        more = peek(p, 0) == '&';
        add(out, more ? "(?=" : "");
        if (status == TERN_STATUS_OK) {
            out->failed |= s.simple.failed | s.others.failed;
            add_side(&s, out);
        }
        add(out, more ? ")" : "");
        p->at += more ? 2 : 1;
        tern__text_finish(&s.simple);
        tern__text_finish(&s.others);
    }
    return status;
}

// The class at |p->at|. A simple one stays as it is.
static tern_status add_class(pattern *p, tern__text *out) {
    tern__text sides = {.context = out->context};
    bool negated = peek(p, 1) == '^';
    if (++p->nested > MAX_NESTED) {
        return refuse(p, "classes that deep");
    }
    p->at += negated ? 2 : 1;
    tern_status status = add_sides(p, &sides);
    bool simple = status == TERN_STATUS_OK && sides.size > 0 && sides.bytes[0] == '[';
    if (status == TERN_STATUS_OK && simple) {
        add(out, negated ? "[^" : "[");
        tern__text_add(out, sides.bytes + 1, sides.size - 1);
    } else if (status == TERN_STATUS_OK) {
        add(out, negated ? "(?:(?!" : "(?:");
        add_text(out, &sides);
        add(out, negated ? ")(?s:.))" : ")");
    }
    out->failed |= sides.failed;
    tern__text_finish(&sides);
    p->nested--;
    return status;
}

// The size of "{1,3}" at |p->at| if a plus is behind it, else 0.
static size_t repeated_size(const pattern *p) {
    size_t size = 1;
    while (peek(p, size) && strchr("0123456789,", peek(p, size))) {
        size++;
    }
    return size > 1 && peek(p, size) == '}' && peek(p, size + 1) == '+' ? size + 1 : 0;
}

// Puts what the interval repeats into a group, which the plus then repeats.
static void add_repeated(pattern *p, size_t size) {
    static const char open[] = "(?:";
    size_t length = p->out->size - p->atom;
    add(p->out, open);
    if (!p->out->failed) {
        char *atom = p->out->bytes + p->atom;
        memmove(atom + 3, atom, length);
        memcpy(atom, open, 3);
    }
    tern__text_add(p->out, p->text + p->at, size);
    add(p->out, ")");
    p->at += size;
}

// What may follow "(?": the m of Oniguruma has a dot match line feeds.
static void add_options(pattern *p) {
    size_t size = peek(p, 0) == '?' ? 1 + strspn(p->text + p->at + 1, "imx-") : 0;
    if (size < 2 || (peek(p, size) != ':' && peek(p, size) != ')')) {
        return;
    }
    for (size_t i = 0; i < size; i++) {
        char c = peek(p, i);
        tern__text_add(p->out, c == 'm' ? "s" : &c, 1);
    }
    p->at += size;
}

static tern_status add_group(pattern *p, char c) {
    if (c == '(') {
        if (p->depth == MAX_GROUPS) {
            return refuse(p, "groups more than 64 deep");
        }
        p->groups[p->depth++] = p->out->size;
    } else {
        p->atom = p->depth > 0 ? p->groups[--p->depth] : p->out->size;
    }
    tern__text_add(p->out, &c, 1);
    p->at++;
    if (c == '(') {
        add_options(p);
    }
    return TERN_STATUS_OK;
}

static tern_status add_next(pattern *p) {
    char c = peek(p, 0);
    size_t repeated = c == '{' ? repeated_size(p) : 0;
    if (repeated) {
        add_repeated(p, repeated);
        return TERN_STATUS_OK;
    }
    switch (c) {
    case '\\':
        return add_escape(p);
    case '[':
        p->atom = p->out->size;
        return add_class(p, p->out);
    case '(':
    case ')':
        return add_group(p, c);
    default:
        break;
    }
    uint32_t size = tern__character_size(p->text + p->at, p->size - p->at);
    p->atom = strchr("*+?{}", c) ? p->atom : p->out->size;
    tern__text_add(p->out, p->text + p->at, size);
    p->at += size;
    return TERN_STATUS_OK;
}

tern_status tern__pattern_translate(const tern__vocabulary *v, const tern__span *span,
                                    tern__text *out) {
    pattern p = {.v = v, .text = v->text + span->start, .size = span->size, .out = out};
    while (p.at < p.size) {
        TERN_TRY(add_next(&p));
    }
    return out->failed ? tern__fail_memory(v->context, span->size, "a pattern") : TERN_STATUS_OK;
}
