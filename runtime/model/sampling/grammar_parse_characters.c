// Characters in a grammar: strings, classes and what they are spelled with.
#include <string.h>

#include "runtime/model/sampling/grammar_parse.h"
#include "runtime/model/utf8.h"
#include "runtime/status.h"

enum { MAX_CHARACTER = 0x10ffff, MAX_RANGES = 256 };

static tern_status take_hex(tern__parser *p, int digits, uint32_t *out) {
    *out = 0;
    for (int i = 0; i < digits; i++, p->at++) {
        char c = p->at < p->end ? *p->at : '\0';
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit == 16) {
            return tern__parse_fail(p, "expected a hexadecimal digit");
        }
        *out = *out * 16 + digit;
    }
    return TERN_STATUS_OK;
}

static tern_status take_escape(tern__parser *p, uint32_t *out) {
    static const char letters[] = "nrt\"\\[]-";
    static const char meanings[] = "\n\r\t\"\\[]-";
    char c = p->at < p->end ? *p->at : '\0';
    int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    const char *letter = c ? strchr(letters, c) : NULL;
    if (!digits && !letter) {
        return tern__parse_fail(p, "expected one of nrt\"\\[]-xuU after '\\'");
    }
    p->at++;
    if (letter) {
        *out = (uint8_t)meanings[letter - letters];
        return TERN_STATUS_OK;
    }
    return take_hex(p, digits, out);
}

// A character that is not escaped.
static tern_status take_utf8(tern__parser *p, uint32_t *out) {
    size_t size = tern__utf8_size(p->at, (size_t)(p->end - p->at), NULL);
    if (size == 0) {
        return tern__parse_fail(p, "expected UTF-8");
    }
    *out = (uint32_t)tern__utf8_decode(p->at, size);
    p->at += size;
    return TERN_STATUS_OK;
}

static tern_status take_character(tern__parser *p, uint32_t *out) {
    if (p->at == p->end || *p->at == '\n') {
        return tern__parse_fail(p, "expected a character or the closing quote or bracket");
    }
    if (*p->at != '\\') {
        return take_utf8(p, out);
    }
    p->at++;
    TERN_TRY(take_escape(p, out));
    if (*out > MAX_CHARACTER || (*out >= 0xd800 && *out <= 0xdfff)) {
        return tern__parse_fail(p, "expected a character of Unicode before what comes next");
    }
    return TERN_STATUS_OK;
}

static tern_status append_character(tern__parser *p, tern__piece *to, uint32_t c) {
    if (c < 0x80) {
        return tern__parse_append(p, to, (tern__item){.low = (uint8_t)c, .high = (uint8_t)c});
    }
    uint32_t rule;
    TERN_TRY(tern__parse_make_up(p, &rule));
    TERN_TRY(tern__rules_characters(p->rules, rule, c, c));
    return tern__parse_call(p, to, rule);
}

tern_status tern__parse_string(tern__parser *p, tern__piece *out) {
    p->at++;
    while (!tern__parse_is_next(p, '"')) {
        uint32_t c = 0;
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

static tern_status add_ranges(tern__parser *p, uint32_t rule, const range *list, uint32_t count,
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

static tern_status take_range(tern__parser *p, range *out) {
    TERN_TRY(take_character(p, &out->low));
    out->high = out->low;
    if (tern__parse_is_next(p, '-') && p->at + 1 < p->end && p->at[1] != ']') {
        p->at++;
        TERN_TRY(take_character(p, &out->high));
    }
    if (out->high < out->low) {
        return tern__parse_fail(
            p, "expected a range of characters in ascending order before what comes next");
    }
    return TERN_STATUS_OK;
}

tern_status tern__parse_class(tern__parser *p, tern__piece *out) {
    range list[MAX_RANGES];
    uint32_t count = 0, rule;
    p->at++;
    bool inverted = tern__parse_is_next(p, '^');
    p->at += inverted;
    while (!tern__parse_is_next(p, ']')) {
        range item;
        TERN_TRY(take_range(p, &item));
        if (count == MAX_RANGES) {
            return tern__parse_fail(p, "expected at most 256 ranges in one class");
        }
        insert_range(list, count++, item);
    }
    p->at++;
    TERN_TRY(tern__parse_make_up(p, &rule));
    TERN_TRY(add_ranges(p, rule, list, count, inverted));
    return tern__parse_call(p, out, rule);
}

tern_status tern__parse_any(tern__parser *p, tern__piece *out) {
    uint32_t rule;
    p->at++;
    TERN_TRY(tern__parse_make_up(p, &rule));
    TERN_TRY(tern__rules_characters(p->rules, rule, 0, MAX_CHARACTER));
    return tern__parse_call(p, out, rule);
}
