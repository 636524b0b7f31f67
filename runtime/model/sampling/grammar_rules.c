// Rules as lists of items over bytes, and the checks that make them safe to follow.
#include "runtime/allocator.h"
#include "runtime/model/sampling/grammar.h"
#include "runtime/status.h"
#include "runtime/model/utf8.h"

enum { MAX_ITEMS = 1 << 22 };

static tern_status make_room(tern__rules *rules, void **array, size_t *capacity, size_t count,
                             size_t size) {
    if (count >= MAX_ITEMS) {
        return tern__fail(rules->context, TERN_STATUS_INVALID_ARGUMENT,
                          "grammar: more than %d steps; repeat less", MAX_ITEMS);
    }
    if (!tern__grow(rules->context, array, capacity, count + 1, size)) {
        return tern__fail_memory(rules->context, (count + 1) * size, "a grammar");
    }
    return TERN_STATUS_OK;
}

tern_status tern__rules_item(tern__rules *rules, tern__item item, uint32_t *out) {
    void *items = rules->items;
    TERN_TRY(make_room(rules, &items, &rules->item_capacity, rules->item_count, sizeof item));
    rules->items = items;
    rules->items[rules->item_count] = item;
    *out = (uint32_t)rules->item_count++;
    return TERN_STATUS_OK;
}

tern_status tern__rules_rule(tern__rules *rules, uint32_t *out) {
    void *list = rules->rules;
    TERN_TRY(
        make_room(rules, &list, &rules->rule_capacity, rules->rule_count, sizeof *rules->rules));
    rules->rules = list;
    rules->rules[rules->rule_count] = (tern__rule){.is_defined = true};
    *out = (uint32_t)rules->rule_count++;
    return TERN_STATUS_OK;
}

tern_status tern__rules_alternative(tern__rules *rules, uint32_t rule, uint32_t item) {
    void *list = rules->alternatives;
    TERN_TRY(make_room(rules, &list, &rules->alternative_capacity, rules->alternative_count,
                       sizeof *rules->alternatives));
    rules->alternatives = list;
    rules->alternatives[rules->alternative_count] =
        (tern__alternative){item, rules->rules[rule].first};
    rules->rules[rule].first = (uint32_t)rules->alternative_count++;
    return TERN_STATUS_OK;
}

// |low| and |high| differ in such a way that each byte ranges by itself.
static tern_status add_run(tern__rules *rules, uint32_t rule, uint32_t low, uint32_t high) {
    char from[TERN__UTF8_MOST], to[TERN__UTF8_MOST];
    size_t size = tern__utf8_encode(low, from);
    tern__utf8_encode(high, to);
    uint32_t next = 0;
    for (size_t i = size; i-- > 0;) {
        tern__item item = {.low = (uint8_t)from[i], .high = (uint8_t)to[i], .next = next};
        TERN_TRY(tern__rules_item(rules, item, &next));
    }
    return tern__rules_alternative(rules, rule, next);
}

// The last character before |high| up to which a run from |low| may go.
static uint32_t end_of_run(uint32_t low, uint32_t high) {
    static const uint32_t limits[] = {0x7f, 0x7ff, 0xd7ff, 0xffff};
    for (int i = 0; i < 4; i++) {
        if (low <= limits[i] && limits[i] < high) {
            high = limits[i];
        }
    }
    for (uint32_t bits = 6; low > 0x7f && bits <= 18; bits += 6) {
        uint32_t mask = (1u << bits) - 1;
        if ((low & ~mask) == (high & ~mask)) {
            break;
        }
        if (low & mask) { // up to the end of its own block
            return low | mask;
        }
        if ((high & mask) != mask) { // whole blocks
            high = (high & ~mask) - 1;
        }
    }
    return high;
}

tern_status tern__rules_characters(tern__rules *rules, uint32_t rule, uint32_t low, uint32_t high) {
    while (low <= high) {
        if (low >= 0xd800 && low <= 0xdfff) { // surrogates are no characters
            low = 0xe000;
            continue;
        }
        uint32_t end = end_of_run(low, high);
        TERN_TRY(add_run(rules, rule, low, end));
        low = end + 1;
    }
    return TERN_STATUS_OK;
}

void tern__rules_finish(tern__rules *rules) {
    tern__free(rules->context, rules->items);
    tern__free(rules->context, rules->alternatives);
    tern__free(rules->context, rules->rules);
    *rules = (tern__rules){.context = rules->context};
}

// Whether the rest of an alternative can be empty, or ended by some text.
static bool rest_is(const tern__rules *rules, uint32_t item, bool nullable) {
    for (; item; item = rules->items[item].next) {
        const tern__item *step = &rules->items[item];
        if (step->is_call ? !(nullable ? rules->rules[step->rule].is_nullable
                                       : rules->rules[step->rule].is_productive)
                          : nullable) {
            return false;
        }
    }
    return true;
}

static bool some_is(const tern__rules *rules, const tern__rule *rule, bool nullable) {
    for (uint32_t a = rule->first; a; a = rules->alternatives[a].next) {
        if (rest_is(rules, rules->alternatives[a].item, nullable)) {
            return true;
        }
    }
    return false;
}

// The least fixed point. Forwards and backwards in turn, so that a long chain of rules in either
// order takes one pass.
static void find_properties(tern__rules *rules) {
    bool backwards = false;
    for (int still = 0; still < 2; backwards = !backwards) {
        bool changed = false;
        for (size_t i = 0; i < rules->rule_count; i++) {
            tern__rule *rule = &rules->rules[backwards ? rules->rule_count - 1 - i : i];
            bool nullable = rule->is_nullable || some_is(rules, rule, true);
            bool productive = rule->is_productive || some_is(rules, rule, false);
            changed |= nullable != rule->is_nullable || productive != rule->is_productive;
            rule->is_nullable = nullable;
            rule->is_productive = productive;
        }
        still = changed ? 0 : still + 1;
    }
}

static tern_status wrong_rule(const tern__rules *rules, uint32_t rule, const char *what) {
    const tern__rule *r = &rules->rules[rule];
    char name[160];
    if (rules->describe && r->name) {
        rules->describe(rules->describe_user, r->name, r->name_size, name, sizeof name);
        return tern__fail(rules->context, TERN_STATUS_INVALID_ARGUMENT, "%s %s", name, what);
    }
    return tern__fail(rules->context, TERN_STATUS_INVALID_ARGUMENT, "grammar: line %u: %s%.*s%s %s",
                      r->line, r->name ? "rule '" : "a repetition", r->name ? (int)r->name_size : 0,
                      r->name ? r->name : "", r->name ? "'" : "", what);
}

// Depth first over "begins with"; |colour| is 0 new, 1 on the way, 2 done.
typedef struct left_walk {
    tern__rules *rules;
    uint8_t *colour;
    uint32_t *stack; // of rules on the way,
    uint32_t *alternative;
    uint32_t *item; // and where each stands
    size_t depth;
} left_walk;

static void enter(left_walk *w, uint32_t rule) {
    const tern__rules *rules = w->rules;
    w->colour[rule] = 1;
    w->stack[w->depth] = rule;
    w->alternative[w->depth] = rules->rules[rule].first;
    w->item[w->depth] =
        w->alternative[w->depth] ? rules->alternatives[w->alternative[w->depth]].item : 0;
    w->depth++;
}

// The next rule that the one on top may begin with; false when there is none.
static bool next_left(left_walk *w, uint32_t *out) {
    const tern__rules *rules = w->rules;
    size_t top = w->depth - 1;
    while (w->alternative[top]) {
        uint32_t item = w->item[top];
        if (item && rules->items[item].is_call) {
            *out = rules->items[item].rule;
            w->item[top] = rules->rules[*out].is_nullable ? rules->items[item].next : 0;
            return true;
        }
        w->alternative[top] = rules->alternatives[w->alternative[top]].next;
        w->item[top] = w->alternative[top] ? rules->alternatives[w->alternative[top]].item : 0;
    }
    return false;
}

// A rule of the circle that |rule| closes, with a name if one has.
static uint32_t named_on_way(const left_walk *w, uint32_t rule) {
    uint32_t named = rule;
    for (size_t i = w->depth; !w->rules->rules[named].name && i-- > 0 && w->stack[i] != rule;) {
        named = w->stack[i];
    }
    return w->rules->rules[named].name ? named : rule;
}

static tern_status visit_left(left_walk *w, uint32_t start) {
    enter(w, start);
    while (w->depth) {
        uint32_t next;
        if (!next_left(w, &next)) {
            w->colour[w->stack[--w->depth]] = 2;
        } else if (w->colour[next] == 1) {
            next = named_on_way(w, next);
            return wrong_rule(w->rules, next,
                              w->rules->rules[next].name
                                  ? "begins with itself, so that nothing could follow it"
                                  : "of what may be empty has no end");
        } else if (w->colour[next] == 0) {
            enter(w, next);
        }
    }
    return TERN_STATUS_OK;
}

static tern_status check_left(tern__rules *rules) {
    size_t count = rules->rule_count;
    uint32_t *memory = tern__calloc(rules->context, count, 3 * sizeof *memory + 1);
    if (!memory) {
        return tern__fail_memory(rules->context, count * 13, "a grammar");
    }
    left_walk w = {.rules = rules,
                   .stack = memory,
                   .alternative = memory + count,
                   .item = memory + 2 * count,
                   .colour = (uint8_t *)(memory + 3 * count)};
    tern_status status = TERN_STATUS_OK;
    for (uint32_t i = 0; status == TERN_STATUS_OK && i < count; i++) {
        status = w.colour[i] == 0 ? visit_left(&w, i) : TERN_STATUS_OK;
    }
    tern__free(rules->context, memory);
    return status;
}

tern_status tern__rules_check(tern__rules *rules) {
    for (uint32_t i = 0; i < rules->rule_count; i++) {
        if (!rules->rules[i].is_defined) {
            return wrong_rule(rules, i, "is not defined");
        }
    }
    find_properties(rules);
    for (uint32_t i = 0; i < rules->rule_count; i++) { // one without a name is part of such a one
        if (!rules->rules[i].is_productive && rules->rules[i].name) {
            return wrong_rule(rules, i, "has no end: every alternative goes on for ever");
        }
    }
    return check_left(rules);
}
