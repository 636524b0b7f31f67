// Which family a template is of. Its program (Jinja's language) is not run: every text that it can
// write around messages is read out of it and must be one that the family writes, from one of its
// seams to another. What is there for tools or pictures is passed over. So a template that says
// more, or says it otherwise, is of no family.
#include <string.h>

#include "runtime/model/text/chat_family.h"

enum { MAX_PIECE = 256, MAX_WRITING = 1024, MAX_NESTING = 32 };

// In a family's writing: where a text may begin or end, and where something else is put in.
#define SEAM '\4'
#define GAP '\5'

typedef struct reader {
    const char *at;
    char writing[MAX_WRITING]; // of the family
    const tern_chat_family *family;
    char piece[MAX_PIECE]; // texts in a row, of which more may come
    size_t piece_size;
    bool fits;
    bool begins;             // BOS is written
    bool contents;           // and a message's content,
    bool trims;              // its white space off
    bool skips[MAX_NESTING]; // of the blocks around
    uint32_t depth;
    bool line_starts; // a tag has swallowed the end of its line
    bool strips;      // a tag has a dash after it
} reader;

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t role_size(const char *text) {
    static const char *const roles[] = {"system", "user", "assistant", "model",
                                        "System", "User", "Assistant"};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (strncmp(text, roles[i], strlen(roles[i])) == 0) {
            return strlen(roles[i]);
        }
    }
    return 0;
}

static void add(reader *r, char c, size_t *size) {
    if (*size + 1 < sizeof r->writing) {
        r->writing[(*size)++] = c;
        r->writing[*size] = '\0';
    }
}

// With seams around roles, for which a template may have an expression.
static void add_text(reader *r, const char *text, size_t *size) {
    for (add(r, SEAM, size); text && *text; text++) {
        size_t role = role_size(text);
        for (size_t i = 0; i < role; i++) {
            add(r, i == 0 ? SEAM : text[i - 1], size);
        }
        text += role ? role - 1 : 0;
        if (*text != TERN__CHAT_TOKEN[0]) {
            add(r, *text, size);
        }
        if (role || (*text == TERN__CHAT_EOS[0] && r->family->last_is_bare)) {
            add(r, SEAM, size);
        }
    }
    add(r, SEAM, size);
}

static void add_message(reader *r, const tern__chat_frame *frame, size_t *size) {
    add_text(r, frame->before, size);
    add(r, GAP, size);
    add_text(r, frame->after, size);
}

// A conversation as the family writes it.
static void write_all(reader *r) {
    const tern_chat_family *f = r->family;
    size_t size = 0;
    add_text(r, f->begins ? TERN__CHAT_BOS : "", &size);
    add_message(r, &f->system, &size);
    if (f->default_system) {
        add_text(r, f->system.before, &size);
        size--; // no seam: a default is written with what is around it
        for (const char *c = f->default_system; *c; c++) {
            add(r, *c, &size);
        }
        add_text(r, f->system.after, &size);
    }
    add_message(r, &f->user, &size);
    add_message(r, &f->assistant, &size);
    add_message(r, &f->user, &size);
    add_text(r, f->reply, &size);
    add_text(r, f->no_think, &size);
    for (int i = 0; i < TERN__CHAT_ALSO && f->also[i]; i++) {
        add(r, GAP, &size);
        add_text(r, f->also[i], &size);
    }
}

// Whether |piece| is written from the seam |from| on, up to another.
static bool is_written_at(const char *from, const char *piece, size_t size) {
    for (;; from++) {
        bool is_end = size == 0 && (*from == SEAM || *from == GAP || *from == '\0');
        if (is_end || *from == GAP || *from == '\0') {
            return is_end;
        }
        if (*from != SEAM) {
            if (size == 0 || *from != *piece) {
                return false;
            }
            piece++;
            size--;
        }
    }
}

// The texts in a row are over: something else is written, or perhaps nothing.
static void end_piece(reader *r) {
    bool written = r->piece_size == 0;
    for (const char *at = r->writing; !written && *at; at++) {
        written = *at == SEAM && is_written_at(at, r->piece, r->piece_size);
    }
    r->fits = r->fits && written;
    r->piece_size = 0;
}

static bool is_skipped(const reader *r) {
    return r->depth > 0 && r->skips[r->depth - 1];
}

static void write(reader *r, char c) {
    if (is_skipped(r)) {
        return;
    }
    r->fits = r->fits && r->piece_size < sizeof r->piece;
    if (r->fits) {
        r->piece[r->piece_size++] = c;
    }
    r->begins = r->begins || c == TERN__CHAT_BOS[0];
}

// Past the string at |at|, which is written if |written|.
static const char *read_string(reader *r, const char *at, const char *end, bool written) {
    char quote = *at++;
    for (; at < end && *at != quote; at++) {
        char c = *at;
        if (c == '\\' && at + 1 < end) {
            c = *++at;
            c = (char)(c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c);
        }
        if (written) {
            write(r, c);
        }
    }
    return at < end ? at + 1 : end;
}

// Past the bracket that closes the one at |at|.
static const char *skip_brackets(reader *r, const char *at, const char *end) {
    for (int depth = 0; at < end;) {
        depth +=
            (*at == '(' || *at == '[' || *at == '{') - (*at == ')' || *at == ']' || *at == '}');
        at = *at == '\'' || *at == '"' ? read_string(r, at, end, false) : at + 1;
        if (depth <= 0) {
            break;
        }
    }
    return at;
}

static bool is_word(const char *at, const char *end, const char *word) {
    size_t size = strlen(word);
    return (size_t)(end - at) >= size && memcmp(at, word, size) == 0 &&
           (at + size == end || !is_name(at[size]));
}

static bool holds_part(const char *at, const char *end, const char *part) {
    size_t size = strlen(part);
    for (; (size_t)(end - at) >= size; at++) {
        if (memcmp(at, part, size) == 0) {
            return true;
        }
    }
    return false;
}

// Up to the else of a condition within an expression, or its end.
static const char *skip_condition(reader *r, const char *at, const char *end) {
    while (at < end && *at != ')' && !is_word(at, end, "else")) {
        bool name = is_name(*at);
        if (name) {
            for (; at < end && is_name(*at); at++) {
            }
        } else if (strchr("'\"([{", *at)) {
            at = skip_brackets(r, at, end);
        } else {
            at++;
        }
    }
    return at;
}

// A name with what is called and indexed on it: message['content'].strip(). Filters follow it.
static const char *read_operand(reader *r, const char *at, const char *end) {
    const char *start = at;
    while (at < end && (is_name(*at) || *at == '.' || *at == '[' || *at == '(')) {
        at = is_name(*at) || *at == '.' ? at + 1 : skip_brackets(r, at, end);
    }
    bool bos = is_word(start, at, "bos_token"), eos = is_word(start, at, "eos_token");
    if (bos || eos) {
        write(r, bos ? TERN__CHAT_BOS[0] : TERN__CHAT_EOS[0]);
        return at;
    }
    end_piece(r);
    if (!is_skipped(r) && holds_part(start, at, "content")) {
        r->contents = true;
        r->trims = r->trims || holds_part(start, at, ".strip()");
    }
    return at;
}

static const char *read_filter(reader *r, const char *at, const char *end) {
    for (at++; at < end && is_blank(*at); at++) {
    }
    r->trims = r->trims || (!is_skipped(r) && is_word(at, end, "trim"));
    for (; at < end && is_name(*at); at++) {
    }
    return at < end && *at == '(' ? skip_brackets(r, at, end) : at;
}

// Strings of |at| to |end| that are the whole or added to others; not those that are compared.
static void read_expression(reader *r, const char *at, const char *end) {
    bool compared = false;
    while (at < end) {
        if (*at == '\'' || *at == '"') {
            at = read_string(r, at, end, !compared);
        } else if (is_word(at, end, "if")) {
            end_piece(r);
            at = skip_condition(r, at, end);
        } else if (is_word(at, end, "else")) {
            end_piece(r);
            at += 4;
        } else if (is_name(*at)) {
            compared = is_word(at, end, "in");
            at = compared ? at + 2 : read_operand(r, at, end);
            continue;
        } else if (*at == '|') {
            at = read_filter(r, at, end);
        } else if (*at == '[' || *at == '{') {
            r->fits = r->fits && at[1] != '%'; // a tag within a tag: it was not ended
            at = skip_brackets(r, at, end);
        } else {
            if (!is_blank(*at) && *at != '+' && *at != '~') {
                end_piece(r);
            }
            compared = *at == '=' || *at == '!' || (compared && is_blank(*at));
            at++;
            continue;
        }
        compared = false;
    }
}

// What is there for tools and pictures: no message of ours comes there.
static bool is_for_others(const char *at, const char *end) {
    return (holds_part(at, end, "tool") || holds_part(at, end, "image")) &&
           !holds_part(at, end, "not");
}

static void open_block(reader *r, bool skips) {
    r->fits = r->fits && r->depth < MAX_NESTING;
    if (r->fits) {
        bool outside = is_skipped(r);
        r->skips[r->depth++] = outside || skips;
    }
}

static void close_block(reader *r) {
    r->fits = r->fits && r->depth > 0;
    r->depth -= r->depth > 0;
}

static void read_statement(reader *r, const char *at, const char *end) {
    for (; at < end && is_blank(*at); at++) {
    }
    end_piece(r);
    if (is_word(at, end, "if") || is_word(at, end, "for") || is_word(at, end, "macro")) {
        open_block(r, is_for_others(at, end));
    } else if (is_word(at, end, "elif") || is_word(at, end, "else")) {
        close_block(r);
        open_block(r, is_for_others(at, end));
    } else if (is_word(at, end, "endif") || is_word(at, end, "endfor") ||
               is_word(at, end, "endmacro")) {
        close_block(r);
    } else if (is_word(at, end, "set")) {
        const char *value = memchr(at, '=', (size_t)(end - at));
        read_expression(r, value ? value + 1 : end, end);
        end_piece(r);
    }
}

// The text up to the next tag, without what Jinja as set up for templates takes off.
static const char *read_text(reader *r) {
    const char *start = r->at, *end = start;
    while (*end && !(*end == '{' && (end[1] == '{' || end[1] == '%' || end[1] == '#'))) {
        end++;
    }
    const char *tag = end;
    bool dashed = *tag && tag[2] == '-';
    for (; r->strips && start < end && is_blank(*start); start++) {
    }
    for (; dashed && end > start && is_blank(end[-1]); end--) {
    }
    if (*tag && tag[1] != '{') { // blanks before a statement on its own line
        const char *blanks = end;
        for (; blanks > start && (blanks[-1] == ' ' || blanks[-1] == '\t'); blanks--) {
        }
        bool own_line = blanks > start ? blanks[-1] == '\n' : r->line_starts;
        end = own_line ? blanks : end;
    }
    if (!*tag && end > start && end[-1] == '\n') { // the last line's end
        end--;
    }
    for (; start < end; start++) {
        write(r, *start);
    }
    return tag;
}

// Past a tag: "}}" after |at| that is in no string.
static const char *find_end(reader *r, const char *at, char closing) {
    while (*at && !(*at == closing && at[1] == '}')) {
        bool quoted = closing != '#' && (*at == '\'' || *at == '"');
        at = quoted ? read_string(r, at, at + strlen(at), false) : at + 1;
    }
    return at;
}

static void read_tag(reader *r) {
    char kind = r->at[1];
    const char *start = r->at + 2;
    const char *end = find_end(r, start, kind == '{' ? '}' : kind);
    r->fits = r->fits && *end;
    start += *start == '-' || *start == '+';
    r->strips = *end && end > start && end[-1] == '-';
    const char *inside = r->strips ? end - 1 : end;
    if (kind == '{') {
        read_expression(r, start, inside);
    } else if (kind == '%') {
        read_statement(r, start, inside);
    }
    r->at = *end ? end + 2 : end;
    r->line_starts = kind != '{' && *r->at == '\n';
    r->at += r->line_starts;
}

static bool is_written_by(const tern_chat_family *family, const char *text) {
    reader r = {.at = text, .family = family, .fits = true, .line_starts = true};
    write_all(&r);
    while (*r.at && r.fits) {
        r.at = read_text(&r);
        if (*r.at) {
            read_tag(&r);
        }
    }
    end_piece(&r);
    return r.fits && r.depth == 0 && r.contents && r.begins == family->begins &&
           r.trims == family->trims;
}

// Of blanks and "\\n", 0 if none is there.
static size_t layout_size(const char *at) {
    return is_blank(*at) ? 1 : at[0] == '\\' && at[1] == 'n' ? 2 : 0;
}

// The next character of a template that is not layout, NUL at its end.
static char next_significant(const char **at) {
    for (size_t size; (size = layout_size(*at)) > 0;) {
        *at += size;
    }
    char c = **at;
    *at += c != '\0';
    return c == '"' ? '\'' : c;
}

static bool begins_with(const char *text, const char *mark) {
    for (; *mark; mark++) {
        if (next_significant(&text) != *mark) {
            return false;
        }
    }
    return true;
}

static bool holds(const char *text, const char *mark) {
    for (; *text; text++) {
        if (layout_size(text) == 0 && begins_with(text, mark)) {
            return true;
        }
    }
    return false;
}

static bool has_marks(const tern_chat_family *family, const char *text) {
    for (int i = 0; i < TERN__CHAT_MARKS && family->marks[i]; i++) {
        if (!holds(text, family->marks[i])) {
            return false;
        }
    }
    return family->marks[0] != NULL;
}

const tern_chat_family *tern_chat_recognise(const char *template_text) {
    for (int i = 0; template_text && i < tern__chat_family_count; i++) {
        const tern_chat_family *family = &tern__chat_families[i];
        if (has_marks(family, template_text) &&
            (family->is_stand_in || is_written_by(family, template_text))) {
            return family;
        }
    }
    return NULL;
}
