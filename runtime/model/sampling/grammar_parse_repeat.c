// Repetitions in a grammar, as rules made up for them.
#include "runtime/model/sampling/grammar_parse.h"
#include "runtime/status.h"

enum { MAX_REPEAT = 65536 };

static tern_status take_number(tern__parser *p, uint32_t *out) {
    *out = 0;
    if (p->at == p->end || *p->at < '0' || *p->at > '9') {
        return tern__parse_fail(p, "expected a number");
    }
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++) {
        *out = *out * 10 + (uint32_t)(*p->at - '0');
        if (*out > MAX_REPEAT) {
            return tern__parse_fail(p, "expected at most 65536 repetitions");
        }
    }
    return TERN_STATUS_OK;
}

// {n}, {n,} or {n,m}; |*out_most| is UINT32_MAX where there is no end.
static tern_status take_bounds(tern__parser *p, uint32_t *out_least, uint32_t *out_most) {
    p->at++;
    tern__parse_skip(p, true);
    TERN_TRY(take_number(p, out_least));
    *out_most = *out_least;
    tern__parse_skip(p, true);
    if (tern__parse_is_next(p, ',')) {
        p->at++;
        tern__parse_skip(p, true);
        *out_most = UINT32_MAX;
        if (!tern__parse_is_next(p, '}')) {
            TERN_TRY(take_number(p, out_most));
            tern__parse_skip(p, true);
        }
    }
    if (!tern__parse_is_next(p, '}') || *out_most < *out_least) {
        return tern__parse_fail(p, "expected {n}, {n,} or {n,m} with n <= m");
    }
    p->at++;
    return TERN_STATUS_OK;
}

// |out| becomes a rule that is |item| and |rest| after it, or nothing.
static tern_status make_optional(tern__parser *p, uint32_t item, uint32_t rest, uint32_t *out) {
    tern__piece both = {0, 0};
    TERN_TRY(tern__parse_call(p, &both, item));
    if (rest) {
        TERN_TRY(tern__parse_call(p, &both, rest));
    }
    TERN_TRY(tern__rules_alternative(p->rules, *out, 0));
    return tern__rules_alternative(p->rules, *out, both.first);
}

// What is left after the least number of repetitions: x* or (x (x (x)?)?)?.
static tern_status append_optional(tern__parser *p, tern__piece *to, uint32_t item,
                                   uint32_t count) {
    uint32_t rule = 0;
    if (count == UINT32_MAX) {
        TERN_TRY(tern__parse_make_up(p, &rule));
        TERN_TRY(make_optional(p, item, rule, &rule));
        return tern__parse_call(p, to, rule);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rest = rule;
        TERN_TRY(tern__parse_make_up(p, &rule));
        TERN_TRY(make_optional(p, item, rest, &rule));
    }
    return count ? tern__parse_call(p, to, rule) : TERN_STATUS_OK;
}

static tern_status repeat(tern__parser *p, tern__piece *part, uint32_t least, uint32_t most) {
    uint32_t item;
    TERN_TRY(tern__parse_make_up(p, &item));
    TERN_TRY(tern__rules_alternative(p->rules, item, part->first));
    *part = (tern__piece){0, 0};
    for (uint32_t i = 0; i < least; i++) {
        TERN_TRY(tern__parse_call(p, part, item));
    }
    return append_optional(p, part, item, most == UINT32_MAX ? most : most - least);
}

tern_status tern__parse_repetition(tern__parser *p, tern__piece *part) {
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
        tern__parse_skip(p, p->depth > 0);
    }
    return TERN_STATUS_OK;
}
