// The parser of GBNF: recursive descent over the text, rules made up for what has no name.
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/sampling/grammar.h"
#include "runtime/status.h"
#include "runtime/model/utf8.h"

enum {
    MAX_DEPTH = 64,
    MAX_REPEAT = 65536,
    MAX_CHARACTER = 0x10ffff,
    MAX_RANGES = 256,
    MAX_NAMES = 16384
};

typedef struct parser {
    tern__rules *rules;
    const char *at;
    const char *end;
    uint32_t line;
    uint32_t depth; // of parentheses
    uint32_t names;
} parser;

// A part of an alternative: its first and last item, 0 and 0 if it is empty.
typedef struct piece {
    uint32_t first;
    uint32_t last;
} piece;

static tern_status fail(const parser *p, const char *what) {
    char got[8] = "the end";
    if (p->at < p->end) {
        got[0] = '\'';
        got[1] = *p->at > 0x20 && *p->at < 0x7f ? *p->at : '?';
        got[2] = '\'';
        got[3] = '\0';
    }
    return tern__fail(p->rules->context, TERN_STATUS_INVALID_ARGUMENT,
                      "grammar: line %u: %s, not %s", p->line, what, got);
}

// Blanks and comments; lines only where a rule goes on.
static void skip(parser *p, bool lines) {
    while (p->at < p->end) {
        if (*p->at == '#') {
            while (p->at < p->end && *p->at != '\n') {
                p->at++;
            }
        } else if (*p->at == ' ' || *p->at == '\t' || (lines && *p->at == '\r')) {
            p->at++;
        } else if (lines && *p->at == '\n') {
            p->line++;
            p->at++;
        } else {
            return;
        }
    }
}

static bool is_next(const parser *p, char c) {
    return p->at < p->end && *p->at == c;
}

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static uint32_t name_size(const parser *p) {
    const char *end = p->at;
    while (end < p->end && is_name(*end)) {
        end++;
    }
    return (uint32_t)(end - p->at);
}

// The rule of the name that comes next, made if it is new.
static tern_status take_name(parser *p, uint32_t *out) {
    tern__rules *rules = p->rules;
    uint32_t size = name_size(p);
    if (size == 0) {
        return fail(p, "expected the name of a rule");
    }
    const char *name = p->at;
    p->at += size;
    for (uint32_t i = 0; i < rules->rule_count; i++) {
        const tern__rule *rule = &rules->rules[i];
        if (rule->name && rule->name_size == size && memcmp(rule->name, name, size) == 0) {
            *out = i;
            return TERN_STATUS_OK;
        }
    }
    if (p->names++ == MAX_NAMES) {
        return fail(p, "expected at most 16384 rules with names");
    }
    TERN_TRY(tern__rules_rule(rules, out));
    rules->rules[*out] = (tern__rule){.name = name, .name_size = size, .line = p->line};
    return TERN_STATUS_OK;
}

static tern_status make_up(parser *p, uint32_t *out) {
    TERN_TRY(tern__rules_rule(p->rules, out));
    p->rules->rules[*out].line = p->line;
    return TERN_STATUS_OK;
}

static tern_status take_hex(parser *p, int digits, uint32_t *out) {
    *out = 0;
    for (int i = 0; i < digits; i++, p->at++) {
        char c = p->at < p->end ? *p->at : '\0';
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit == 16) {
            return fail(p, "expected a hexadecimal digit");
        }
        *out = *out * 16 + digit;
    }
    return TERN_STATUS_OK;
}

static tern_status take_escape(parser *p, uint32_t *out) {
    static const char letters[] = "nrt\"\\[]-";
    static const char meanings[] = "\n\r\t\"\\[]-";
    char c = p->at < p->end ? *p->at : '\0';
    int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    const char *letter = c ? strchr(letters, c) : NULL;
    if (!digits && !letter) {
        return fail(p, "expected one of nrt\"\\[]-xuU after '\\'");
    }
    p->at++;
    if (letter) {
        *out = (uint8_t)meanings[letter - letters];
        return TERN_STATUS_OK;
    }
    return take_hex(p, digits, out);
}

// A character that is not escaped.
static tern_status take_utf8(parser *p, uint32_t *out) {
    size_t size = tern__utf8_size(p->at, (size_t)(p->end - p->at), NULL);
    if (size == 0) {
        return fail(p, "expected UTF-8");
    }
    *out = (uint32_t)tern__utf8_decode(p->at, size);
    p->at += size;
    return TERN_STATUS_OK;
}

static tern_status take_character(parser *p, uint32_t *out) {
    if (p->at == p->end || *p->at == '\n') {
        return fail(p, "expected a character or the closing quote or bracket");
    }
    if (*p->at != '\\') {
        return take_utf8(p, out);
    }
    p->at++;
    TERN_TRY(take_escape(p, out));
    if (*out > MAX_CHARACTER || (*out >= 0xd800 && *out <= 0xdfff)) {
        return fail(p, "expected a character of Unicode before what comes next");
    }
    return TERN_STATUS_OK;
}

static tern_status append_item(parser *p, piece *to, tern__item item) {
    uint32_t index;
    TERN_TRY(tern__rules_item(p->rules, item, &index));
    if (to->last) {
        p->rules->items[to->last].next = index;
    } else {
        to->first = index;
    }
    to->last = index;
    return TERN_STATUS_OK;
}

static tern_status append_call(parser *p, piece *to, uint32_t rule) {
    return append_item(p, to, (tern__item){.is_call = true, .rule = rule});
}

static tern_status append_character(parser *p, piece *to, uint32_t c) {
    if (c < 0x80) {
        return append_item(p, to, (tern__item){.low = (uint8_t)c, .high = (uint8_t)c});
    }
    uint32_t rule;
    TERN_TRY(make_up(p, &rule));
    TERN_TRY(tern__rules_characters(p->rules, rule, c, c));
    return append_call(p, to, rule);
}

static tern_status take_string(parser *p, piece *out) {
    p->at++;
    while (!is_next(p, '"')) {
        uint32_t c;
        TERN_TRY(take_character(p, &c));
        TERN_TRY(append_character(p, out, c));
    }
    p->at++;
    return TERN_STATUS_OK;
}

typedef struct range {
    uint32_t low;
    uint32_t high;
} range;

// Sorted by |low|, so that the gaps between them can be had.
static void insert_range(range *list, uint32_t count, range item) {
    while (count > 0 && list[count - 1].low > item.low) {
        list[count] = list[count - 1];
        count--;
    }
    list[count] = item;
}

static tern_status add_ranges(parser *p, uint32_t rule, const range *list, uint32_t count,
                              bool inverted) {
    uint32_t next = 0; // the first character that no range has covered
    for (uint32_t i = 0; i < count; i++) {
        uint32_t low = list[i].low > next ? list[i].low : next;
        if (inverted && list[i].low > next) {
            TERN_TRY(tern__rules_characters(p->rules, rule, next, list[i].low - 1));
        } else if (!inverted && low <= list[i].high) {
            TERN_TRY(tern__rules_characters(p->rules, rule, low, list[i].high));
        }
        next = list[i].high >= next ? list[i].high + 1 : next;
    }
    return inverted && next <= MAX_CHARACTER
               ? tern__rules_characters(p->rules, rule, next, MAX_CHARACTER)
               : TERN_STATUS_OK;
}

static tern_status take_range(parser *p, range *out) {
    TERN_TRY(take_character(p, &out->low));
    out->high = out->low;
    if (is_next(p, '-') && p->at + 1 < p->end && p->at[1] != ']') {
        p->at++;
        TERN_TRY(take_character(p, &out->high));
    }
    if (out->high < out->low) {
        return fail(p, "expected a range of characters in ascending order before what comes next");
    }
    return TERN_STATUS_OK;
}

static tern_status take_class(parser *p, piece *out) {
    range list[MAX_RANGES];
    uint32_t count = 0, rule;
    p->at++;
    bool inverted = is_next(p, '^');
    p->at += inverted;
    while (!is_next(p, ']')) {
        range item;
        TERN_TRY(take_range(p, &item));
        if (count == MAX_RANGES) {
            return fail(p, "expected at most 256 ranges in one class");
        }
        insert_range(list, count++, item);
    }
    p->at++;
    TERN_TRY(make_up(p, &rule));
    TERN_TRY(add_ranges(p, rule, list, count, inverted));
    return append_call(p, out, rule);
}

static tern_status take_any(parser *p, piece *out) {
    uint32_t rule;
    p->at++;
    TERN_TRY(make_up(p, &rule));
    TERN_TRY(tern__rules_characters(p->rules, rule, 0, MAX_CHARACTER));
    return append_call(p, out, rule);
}

static tern_status take_alternatives(parser *p, uint32_t rule);

static tern_status take_group(parser *p, piece *out) {
    uint32_t rule;
    p->at++;
    if (++p->depth > MAX_DEPTH) {
        return fail(p, "expected parentheses at most 64 deep");
    }
    TERN_TRY(make_up(p, &rule));
    skip(p, true);
    TERN_TRY(take_alternatives(p, rule));
    if (!is_next(p, ')')) {
        return fail(p, "expected ')'");
    }
    p->at++;
    p->depth--;
    return append_call(p, out, rule);
}

static tern_status take_number(parser *p, uint32_t *out) {
    *out = 0;
    if (p->at == p->end || *p->at < '0' || *p->at > '9') {
        return fail(p, "expected a number");
    }
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++) {
        *out = *out * 10 + (uint32_t)(*p->at - '0');
        if (*out > MAX_REPEAT) {
            return fail(p, "expected at most 65536 repetitions");
        }
    }
    return TERN_STATUS_OK;
}

// {n}, {n,} or {n,m}; |*out_most| is UINT32_MAX where there is no end.
static tern_status take_bounds(parser *p, uint32_t *out_least, uint32_t *out_most) {
    p->at++;
    skip(p, true);
    TERN_TRY(take_number(p, out_least));
    *out_most = *out_least;
    skip(p, true);
    if (is_next(p, ',')) {
        p->at++;
        skip(p, true);
        *out_most = UINT32_MAX;
        if (!is_next(p, '}')) {
            TERN_TRY(take_number(p, out_most));
            skip(p, true);
        }
    }
    if (!is_next(p, '}') || *out_most < *out_least) {
        return fail(p, "expected {n}, {n,} or {n,m} with n <= m");
    }
    p->at++;
    return TERN_STATUS_OK;
}

// |out| becomes a rule that is |item| and |rest| after it, or nothing.
static tern_status make_optional(parser *p, uint32_t item, uint32_t rest, uint32_t *out) {
    piece both = {0, 0};
    TERN_TRY(append_call(p, &both, item));
    if (rest) {
        TERN_TRY(append_call(p, &both, rest));
    }
    TERN_TRY(tern__rules_alternative(p->rules, *out, 0));
    return tern__rules_alternative(p->rules, *out, both.first);
}

// What is left after the least number of repetitions: x* or (x (x (x)?)?)?.
static tern_status append_optional(parser *p, piece *to, uint32_t item, uint32_t count) {
    uint32_t rule = 0;
    if (count == UINT32_MAX) {
        TERN_TRY(make_up(p, &rule));
        TERN_TRY(make_optional(p, item, rule, &rule));
        return append_call(p, to, rule);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rest = rule;
        TERN_TRY(make_up(p, &rule));
        TERN_TRY(make_optional(p, item, rest, &rule));
    }
    return count ? append_call(p, to, rule) : TERN_STATUS_OK;
}

static tern_status repeat(parser *p, piece *part, uint32_t least, uint32_t most) {
    uint32_t item;
    TERN_TRY(make_up(p, &item));
    TERN_TRY(tern__rules_alternative(p->rules, item, part->first));
    *part = (piece){0, 0};
    for (uint32_t i = 0; i < least; i++) {
        TERN_TRY(append_call(p, part, item));
    }
    return append_optional(p, part, item, most == UINT32_MAX ? most : most - least);
}

static tern_status take_repetition(parser *p, piece *part) {
    while (p->at < p->end) {
        uint32_t least = 0, most = UINT32_MAX;
        switch (*p->at) {
        case '*':
            p->at++;
            break;
        case '+':
            p->at++;
            least = 1;
            break;
        case '?':
            p->at++;
            most = 1;
            break;
        case '{':
            TERN_TRY(take_bounds(p, &least, &most));
            break;
        default:
            return TERN_STATUS_OK;
        }
        TERN_TRY(repeat(p, part, least, most));
        skip(p, p->depth > 0);
    }
    return TERN_STATUS_OK;
}

static tern_status take_part(parser *p, piece *out) {
    uint32_t rule;
    switch (*p->at) {
    case '"':
        return take_string(p, out);
    case '[':
        return take_class(p, out);
    case '.':
        return take_any(p, out);
    case '(':
        return take_group(p, out);
    default:
        TERN_TRY(take_name(p, &rule));
        return append_call(p, out, rule);
    }
}

static bool begins_part(const parser *p) {
    return p->at < p->end && (strchr("\"[.(", *p->at) || is_name(*p->at)) && *p->at;
}

static void join(parser *p, piece *to, piece part) {
    if (part.first && to->last) {
        p->rules->items[to->last].next = part.first;
        to->last = part.last;
    } else if (part.first) {
        *to = part;
    }
}

static tern_status take_sequence(parser *p, piece *out) {
    while (begins_part(p)) {
        piece part = {0, 0};
        TERN_TRY(take_part(p, &part));
        skip(p, p->depth > 0);
        TERN_TRY(take_repetition(p, &part));
        join(p, out, part);
    }
    return TERN_STATUS_OK;
}

// Whether the rule goes on in a later line, which then begins with '|'.
static void skip_to_bar(parser *p) {
    parser ahead = *p;
    skip(&ahead, true);
    if (is_next(&ahead, '|')) {
        *p = ahead;
    }
}

static tern_status take_alternatives(parser *p, uint32_t rule) {
    for (;;) {
        piece sequence = {0, 0};
        TERN_TRY(take_sequence(p, &sequence));
        TERN_TRY(tern__rules_alternative(p->rules, rule, sequence.first));
        skip_to_bar(p);
        if (!is_next(p, '|')) {
            return TERN_STATUS_OK;
        }
        p->at++;
        skip(p, true);
    }
}

static tern_status take_rule(parser *p) {
    uint32_t rule;
    uint32_t line = p->line;
    TERN_TRY(take_name(p, &rule));
    skip(p, false);
    if (p->end - p->at < 3 || memcmp(p->at, "::=", 3) != 0) {
        return fail(p, "expected '::=' after the name of a rule");
    }
    if (p->rules->rules[rule].is_defined) {
        return tern__fail(p->rules->context, TERN_STATUS_INVALID_ARGUMENT,
                          "grammar: line %u: rule '%.*s' is defined twice", p->line,
                          (int)p->rules->rules[rule].name_size, p->rules->rules[rule].name);
    }
    p->rules->rules[rule].is_defined = true;
    p->rules->rules[rule].line = line;
    p->at += 3;
    skip(p, true);
    TERN_TRY(take_alternatives(p, rule));
    if (p->at < p->end && *p->at != '\n' && *p->at != '\r') {
        return fail(p, "expected a string, a class, a rule, '(' or the end of the line");
    }
    return TERN_STATUS_OK;
}

static tern_status find_root(parser *p) {
    parser name = {.rules = p->rules, .at = "root", .line = p->line};
    name.end = name.at + 4;
    return take_name(&name, &p->rules->root); // made, it is found to be missing
}

tern_status tern__rules_parse(tern__rules *rules, const char *text, size_t size) {
    parser p = {.rules = rules, .at = text, .end = text + size, .line = 1};
    uint32_t unused;
    TERN_TRY(tern__rules_item(rules, (tern__item){.is_call = false}, &unused)); // the end
    TERN_TRY(tern__rules_rule(rules, &unused));
    TERN_TRY(tern__rules_alternative(rules, 0, 0)); // 0 ends a list of alternatives
    TERN_TRY(tern__rules_alternative(rules, 0, 0)); // rule 0 is nobody's, and empty
    rules->rules[0].first = 1;
    rules->alternatives[1].next = 0;
    for (skip(&p, true); p.at < p.end; skip(&p, true)) {
        TERN_TRY(take_rule(&p));
    }
    TERN_TRY(find_root(&p));
    return tern__rules_check(rules);
}
