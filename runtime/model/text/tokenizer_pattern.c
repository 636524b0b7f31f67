// Patterns of tokenizers are written for Oniguruma. What PCRE2 reads otherwise is rewritten, or
// refused: white space is Unicode's White_Space (PCRE2 adds U+180E), \h is a hexadecimal digit, a
// class may hold another, and && is their intersection. Lines are told apart as PCRE2_MULTILINE
// does.
#include <string.h>

#include "runtime/model/text/text.h"
#include "runtime/model/text/tokenizer_split.h"
#include "runtime/status.h"

#define WHITE_SPACE                                                                                \
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"    \
    "\\x{205f}\\x{3000}"

typedef struct pattern {
    const tern__vocabulary *v;
    const char *text;
    size_t size;
    size_t at;
    bool in_class;
    tern__text *out;
} pattern;

static void add(pattern *p, const char *text) {
    tern__text_add(p->out, text, strlen(text));
}

static tern_status refuse(const pattern *p, const char *what) {
    return tern__fail(p->v->context, TERN_STATUS_UNSUPPORTED,
                      "%s: the pre-tokenizer's pattern '%.100s' has %s at %zu, which is not "
                      "supported",
                      p->v->file, p->text, what, p->at);
}

// A backslash and what follows.
static tern_status add_escape(pattern *p) {
    char letter = p->at + 1 < p->size ? p->text[p->at + 1] : '\0';
    if (letter == 'h' || letter == 'H' || letter == 'Q') {
        return refuse(p, "\\h, \\H or \\Q");
    }
    if (letter == 'S' && p->in_class) {
        return refuse(p, "\\S in a class");
    }
    if (letter == 's') {
        add(p, p->in_class ? WHITE_SPACE : "[" WHITE_SPACE "]");
    } else if (letter == 'S') {
        add(p, "[^" WHITE_SPACE "]");
    } else {
        tern__text_add(p->out, p->text + p->at, p->size - p->at < 2 ? 1 : 2);
    }
    p->at += 2;
    return TERN_STATUS_OK;
}

// "[" or "[^", and a "]" right behind, which is only a character.
static void open_class(pattern *p) {
    size_t start = p->at++;
    p->in_class = true;
    p->at += p->at < p->size && p->text[p->at] == '^';
    p->at += p->at < p->size && p->text[p->at] == ']';
    tern__text_add(p->out, p->text + start, p->at - start);
}

// The end of "[:alpha:]" at |p->at|, or |p->at|.
static size_t posix_end(const pattern *p) {
    const char *end =
        p->size - p->at > 4 && p->text[p->at + 1] == ':' ? strstr(p->text + p->at + 2, ":]") : NULL;
    return end ? (size_t)(end + 2 - p->text) : p->at;
}

static tern_status add_in_class(pattern *p) {
    const char *c = p->text + p->at;
    size_t end = *c == '[' ? posix_end(p) : p->at + 1;
    if (end == p->at) {
        return refuse(p, "a class in a class");
    }
    if (c[0] == '&' && c[1] == '&') {
        return refuse(p, "&&");
    }
    tern__text_add(p->out, c, end - p->at);
    p->in_class = *c != ']';
    p->at = end;
    return TERN_STATUS_OK;
}

tern_status tern__pattern_translate(const tern__vocabulary *v, const tern__span *span,
                                    tern__text *out) {
    pattern p = {.v = v, .text = v->text + span->start, .size = span->size, .out = out};
    while (p.at < p.size) {
        char c = p.text[p.at];
        if (c == '\\') {
            TERN_TRY(add_escape(&p));
        } else if (p.in_class) {
            TERN_TRY(add_in_class(&p));
        } else if (c == '[') {
            open_class(&p);
        } else {
            tern__text_add(out, &c, 1);
            p.at++;
        }
    }
    return out->failed ? tern__fail_memory(v->context, span->size, "a pattern") : TERN_STATUS_OK;
}
