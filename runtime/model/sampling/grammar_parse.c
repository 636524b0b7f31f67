// The parser of GBNF: recursive descent over the text, rules made up for what has no name.
#include "runtime/model/sampling/grammar_parse.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/hash.h"
#include "runtime/status.h"

enum { MAX_DEPTH = 64, MAX_NAMES = 16384, SLOTS = 2 * MAX_NAMES };

tern_status tern__parse_fail(const tern__parser *p, const char *what) {
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
void tern__parse_skip(tern__parser *p, bool lines) {
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

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static uint32_t name_size(const tern__parser *p) {
    const char *end = p->at;
    while (end < p->end && is_name(*end)) {
        end++;
    }
    return (uint32_t)(end - p->at);
}

// Where the rule of that name is, or would be: half of them are free at least.
static uint32_t *slot_of(const tern__parser *p, const char *name, uint32_t size) {
    uint32_t slot = (uint32_t)(tern__hash(TERN__HASH_START, name, size) % SLOTS);
    for (; p->slots[slot]; slot = (slot + 1) % SLOTS) {
        const tern__rule *rule = &p->rules->rules[p->slots[slot]];
        if (rule->name_size == size && memcmp(rule->name, name, size) == 0) {
            break;
        }
    }
    return &p->slots[slot];
}

// The rule of the name that comes next, made if it is new.
static tern_status take_name(tern__parser *p, uint32_t *out) {
    tern__rules *rules = p->rules;
    uint32_t size = name_size(p);
    if (size == 0) {
        return tern__parse_fail(p, "expected the name of a rule");
    }
    const char *name = p->at;
    p->at += size;
    uint32_t *slot = slot_of(p, name, size);
    if (*slot) {
        *out = *slot;
        return TERN_STATUS_OK;
    }
    if (p->names++ == MAX_NAMES) {
        return tern__parse_fail(p, "expected at most 16384 rules with names");
    }
    TERN_TRY(tern__rules_rule(rules, out));
    rules->rules[*out] = (tern__rule){.name = name, .name_size = size, .line = p->line};
    *slot = *out;
    return TERN_STATUS_OK;
}

tern_status tern__parse_make_up(tern__parser *p, uint32_t *out) {
    TERN_TRY(tern__rules_rule(p->rules, out));
    p->rules->rules[*out].line = p->line;
    return TERN_STATUS_OK;
}

tern_status tern__parse_append(tern__parser *p, tern__piece *to, tern__item item) {
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

static tern_status take_alternatives(tern__parser *p, uint32_t rule);

static tern_status take_group(tern__parser *p, tern__piece *out) {
    uint32_t rule;
    p->at++;
    if (++p->depth > MAX_DEPTH) {
        return tern__parse_fail(p, "expected parentheses at most 64 deep");
    }
    TERN_TRY(tern__parse_make_up(p, &rule));
    tern__parse_skip(p, true);
    TERN_TRY(take_alternatives(p, rule));
    if (!tern__parse_is_next(p, ')')) {
        return tern__parse_fail(p, "expected ')'");
    }
    p->at++;
    p->depth--;
    return tern__parse_call(p, out, rule);
}

static tern_status take_part(tern__parser *p, tern__piece *out) {
    uint32_t rule;
    switch (*p->at) {
    case '"':
        return tern__parse_string(p, out);
    case '[':
        return tern__parse_class(p, out);
    case '.':
        return tern__parse_any(p, out);
    case '(':
        return take_group(p, out);
    default:
        TERN_TRY(take_name(p, &rule));
        return tern__parse_call(p, out, rule);
    }
}

static bool begins_part(const tern__parser *p) {
    return p->at < p->end && (strchr("\"[.(", *p->at) || is_name(*p->at)) && *p->at;
}

static void join(tern__parser *p, tern__piece *to, tern__piece part) {
    if (part.first && to->last) {
        p->rules->items[to->last].next = part.first;
        to->last = part.last;
    } else if (part.first) {
        *to = part;
    }
}

static tern_status take_sequence(tern__parser *p, tern__piece *out) {
    while (begins_part(p)) {
        tern__piece part = {0, 0};
        TERN_TRY(take_part(p, &part));
        tern__parse_skip(p, p->depth > 0);
        TERN_TRY(tern__parse_repetition(p, &part));
        join(p, out, part);
    }
    return TERN_STATUS_OK;
}

// Whether the rule goes on in a later line, which then begins with '|'.
static void skip_to_bar(tern__parser *p) {
    tern__parser ahead = *p;
    tern__parse_skip(&ahead, true);
    if (tern__parse_is_next(&ahead, '|')) {
        *p = ahead;
    }
}

static tern_status take_alternatives(tern__parser *p, uint32_t rule) {
    for (;;) {
        tern__piece sequence = {0, 0};
        TERN_TRY(take_sequence(p, &sequence));
        TERN_TRY(tern__rules_alternative(p->rules, rule, sequence.first));
        skip_to_bar(p);
        if (!tern__parse_is_next(p, '|')) {
            return TERN_STATUS_OK;
        }
        p->at++;
        tern__parse_skip(p, true);
    }
}

static tern_status take_rule(tern__parser *p) {
    uint32_t rule;
    uint32_t line = p->line;
    TERN_TRY(take_name(p, &rule));
    tern__parse_skip(p, false);
    if (p->end - p->at < 3 || memcmp(p->at, "::=", 3) != 0) {
        return tern__parse_fail(p, "expected '::=' after the name of a rule");
    }
    if (p->rules->rules[rule].is_defined) {
        return tern__fail(p->rules->context, TERN_STATUS_INVALID_ARGUMENT,
                          "grammar: line %u: rule '%.*s' is defined twice", p->line,
                          (int)p->rules->rules[rule].name_size, p->rules->rules[rule].name);
    }
    p->rules->rules[rule].is_defined = true;
    p->rules->rules[rule].line = line;
    p->at += 3;
    tern__parse_skip(p, true);
    TERN_TRY(take_alternatives(p, rule));
    if (p->at < p->end && *p->at != '\n' && *p->at != '\r') {
        return tern__parse_fail(p,
                                "expected a string, a class, a rule, '(' or the end of the line");
    }
    return TERN_STATUS_OK;
}

static tern_status find_root(const tern__parser *p) {
    tern__parser name = {.rules = p->rules, .at = "root", .line = p->line, .slots = p->slots};
    name.end = name.at + 4;
    return take_name(&name, &p->rules->root); // made, it is found to be missing
}

// What the numbers 0 stand for: the end of an alternative, of a list of them, and nobody's rule.
static tern_status add_zeros(tern__rules *rules) {
    uint32_t unused;
    TERN_TRY(tern__rules_item(rules, (tern__item){.is_call = false}, &unused));
    TERN_TRY(tern__rules_rule(rules, &unused));
    TERN_TRY(tern__rules_alternative(rules, 0, 0));
    TERN_TRY(tern__rules_alternative(rules, 0, 0)); // rule 0 is empty
    rules->rules[0].first = 1;
    rules->alternatives[1].next = 0;
    return TERN_STATUS_OK;
}

static tern_status take_rules(tern__parser *p) {
    TERN_TRY(add_zeros(p->rules));
    for (tern__parse_skip(p, true); p->at < p->end; tern__parse_skip(p, true)) {
        TERN_TRY(take_rule(p));
    }
    TERN_TRY(find_root(p));
    return tern__rules_check(p->rules);
}

tern_status tern__rules_parse(tern__rules *rules, const char *text, size_t size) {
    tern__parser p = {.rules = rules, .at = text, .end = text + size, .line = 1};
    p.slots = tern__calloc(rules->context, SLOTS, sizeof *p.slots);
    if (!p.slots) {
        return tern__fail_memory(rules->context, SLOTS * sizeof *p.slots, "a grammar");
    }
    tern_status status = take_rules(&p);
    tern__free(rules->context, p.slots);
    return status;
}
