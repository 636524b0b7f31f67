// The pre_tokenizer of a tokenizer.json: patterns that cut a text into words.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/model/text/text.h"
#include "runtime/model/text/tokenizer_class.h"
#include "runtime/model/text/vocabulary_json.h"
#include "runtime/status.h"

#define MARK "\xe2\x96\x81"

// What Rust's \w matches, and what BERT takes for punctuation.
#define WORD TERN__LETTERS "\\x{200c}\\x{200d}"
#define PUNCTUATION "[!-/:-@\\[-`{-~\\p{P}]"

static tern_status read_behaviour(const tern__vocabulary *v, const tern__json *step,
                                  tern__split_behaviour *out) {
    static const char *const names[] = {"Isolated", "Removed", "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous"};
    const char *name;
    TERN_TRY(tern__json_want_string(v, step, "behavior", "Isolated", &name));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (tern__split_behaviour)i; // in the enumeration's order
            return TERN_STATUS_OK;
        }
    }
    return tern__json_refuse(v, "split's behavior", name);
}

// Cuts at |plain|, a text and no pattern.
static tern_status split_plain(tern__vocabulary *v, const char *plain,
                               tern__split_behaviour behaviour, bool inverted) {
    tern__text pattern = {.context = v->context};
    for (const char *c = plain; *c; c++) {
        bool letter = (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') ||
                      (*c >= 'a' && *c <= 'z') || (*c & 0x80);
        tern__text_add(&pattern, "\\", !letter);
        tern__text_add(&pattern, c, 1);
    }
    tern__text_add(&pattern, "", 1);
    tern_status status = pattern.failed
                             ? tern__fail_memory(v->context, pattern.size, "a vocabulary")
                             : tern__vocabulary_split(v, pattern.bytes, behaviour, inverted);
    tern__text_finish(&pattern);
    return status;
}

static tern_status read_split(tern__vocabulary *v, const tern__json *step) {
    const char *plain;
    const char *regex;
    tern__split_behaviour behaviour = TERN__SPLIT_ISOLATED;
    bool invert;
    TERN_TRY(tern__json_want_pattern(v, step, &plain, &regex));
    TERN_TRY(read_behaviour(v, step, &behaviour));
    TERN_TRY(tern__json_want_bool(v, step, "invert", false, &invert));
    return plain ? split_plain(v, plain, behaviour, invert)
                 : tern__vocabulary_split(v, regex, behaviour, invert);
}

// Steps that change the text cannot come after one that cuts it.
static tern_status check_first(const tern__vocabulary *v, const char *what) {
    return v->split_count == 0 && !v->byte_level
               ? TERN_STATUS_OK
               : tern__json_refuse(v, "pre_tokenizer after another one", what);
}

static tern_status read_byte_level(tern__vocabulary *v, const tern__json *step) {
    bool prefix;
    bool cut;
    if (v->byte_level) {
        return tern__json_refuse(v, "pre_tokenizer after another one", "ByteLevel");
    }
    TERN_TRY(tern__json_want_bool(v, step, "add_prefix_space", true, &prefix));
    TERN_TRY(tern__json_want_bool(v, step, "use_regex", true, &cut));
    if (prefix) {
        TERN_TRY(check_first(v, "ByteLevel with add_prefix_space"));
        TERN_TRY(tern__vocabulary_normal(v, TERN__NORMAL_PREPEND_ONCE, NULL, " ", 1));
    }
    if (cut) {
        TERN_TRY(tern__vocabulary_split(v,
                                        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| "
                                        "?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
                                        TERN__SPLIT_ISOLATED, false));
    }
    v->byte_level = true;
    v->split_letters = v->split_count;
    return TERN_STATUS_OK;
}

// prepend_scheme, or what older files say for it.
static tern_status read_scheme(const tern__vocabulary *v, const tern__json *step,
                               tern__prefix *out) {
    bool old;
    const char *scheme;
    TERN_TRY(tern__json_want_bool(v, step, "add_prefix_space", true, &old));
    TERN_TRY(tern__json_want_string(v, step, "prepend_scheme", old ? "always" : "never", &scheme));
    if (strcmp(scheme, "always") != 0 && strcmp(scheme, "first") != 0 &&
        strcmp(scheme, "never") != 0) {
        return tern__json_refuse(v, "prepend_scheme", scheme);
    }
    *out = scheme[0] == 'a'   ? TERN__PREFIX_EACH
           : scheme[0] == 'f' ? TERN__PREFIX_FIRST
                              : TERN__PREFIX_NEVER;
    return TERN_STATUS_OK;
}

static tern_status check_mark(const tern__vocabulary *v, const tern__json *step) {
    const char *mark;
    TERN_TRY(tern__json_want_string(v, step, "replacement", MARK, &mark));
    return strcmp(mark, MARK) == 0 ? TERN_STATUS_OK
                                   : tern__json_refuse(v, "Metaspace replacement", mark);
}

static tern_status read_metaspace(tern__vocabulary *v, const tern__json *step) {
    tern__prefix prefix = TERN__PREFIX_NEVER;
    bool split;
    TERN_TRY(check_first(v, "Metaspace"));
    TERN_TRY(check_mark(v, step));
    TERN_TRY(read_scheme(v, step, &prefix));
    TERN_TRY(tern__json_want_bool(v, step, "split", true, &split));
    TERN_TRY(tern__vocabulary_normal(v, TERN__NORMAL_REPLACE, " ", MARK, 3));
    if (prefix != TERN__PREFIX_NEVER) {
        TERN_TRY(tern__vocabulary_normal(
            v, prefix == TERN__PREFIX_EACH ? TERN__NORMAL_PREPEND_ONCE : TERN__NORMAL_PREPEND_FIRST,
            NULL, MARK, 3));
    }
    return split ? tern__vocabulary_split(v, MARK, TERN__SPLIT_MERGED_WITH_NEXT, false)
                 : TERN_STATUS_OK;
}

static tern_status read_digits(tern__vocabulary *v, const tern__json *step) {
    bool individual;
    TERN_TRY(tern__json_want_bool(v, step, "individual_digits", false, &individual));
    return tern__vocabulary_split(
        v, "\\p{N}", individual ? TERN__SPLIT_ISOLATED : TERN__SPLIT_CONTIGUOUS, false);
}

static tern_status read_whitespace(tern__vocabulary *v, const tern__json *step) {
    (void)step;
    return tern__vocabulary_split(v, "[" WORD "]+|[^" WORD TERN__SPACES "]+", TERN__SPLIT_REMOVED,
                                  true);
}

static tern_status read_whitespace_split(tern__vocabulary *v, const tern__json *step) {
    (void)step;
    return tern__vocabulary_split(v, "[" TERN__SPACES "]", TERN__SPLIT_REMOVED, false);
}

static tern_status read_punctuation(tern__vocabulary *v, const tern__json *step) {
    tern__split_behaviour behaviour = TERN__SPLIT_ISOLATED;
    TERN_TRY(read_behaviour(v, step, &behaviour));
    return tern__vocabulary_split(v, PUNCTUATION, behaviour, false);
}

tern_status tern__vocabulary_bert_words(tern__vocabulary *v) {
    TERN_TRY(tern__vocabulary_split(v, "[" TERN__SPACES "]", TERN__SPLIT_REMOVED, false));
    return tern__vocabulary_split(v, PUNCTUATION, TERN__SPLIT_ISOLATED, false);
}

static tern_status read_bert(tern__vocabulary *v, const tern__json *step) {
    (void)step;
    return tern__vocabulary_bert_words(v);
}

static tern_status read_fixed_length(tern__vocabulary *v, const tern__json *step) {
    char pattern[32];
    uint32_t length = 5;
    if (!tern__json_is_none(tern__json_get(step, "length"))) {
        TERN_TRY(tern__json_to_id(v, tern__json_get(step, "length"), "length", &length));
    }
    if (length == 0 || length > UINT16_MAX - 1) { // what PCRE2 can repeat
        return tern__json_refuse(v, "pre_tokenizer FixedLength", "of that length");
    }
    snprintf(pattern, sizeof pattern, "(?s:.){1,%" PRIu32 "}", length);
    return tern__vocabulary_split(v, pattern, TERN__SPLIT_ISOLATED, false);
}

static tern_status read_delimiter(tern__vocabulary *v, const tern__json *step) {
    const char *delimiter;
    TERN_TRY(tern__json_want_string(v, step, "delimiter", NULL, &delimiter));
    return split_plain(v, delimiter, TERN__SPLIT_REMOVED, false);
}

// Words between white space, each with the mark before it: the same as marks for the white space
// before, and a cut at each mark.
static tern_status read_marked_words(tern__vocabulary *v, const tern__json *metaspace) {
    tern__prefix prefix = TERN__PREFIX_NEVER;
    TERN_TRY(check_mark(v, metaspace));
    TERN_TRY(read_scheme(v, metaspace, &prefix));
    if (prefix != TERN__PREFIX_EACH) {
        return tern__json_refuse(v, "prepend_scheme after WhitespaceSplit", "first or never");
    }
    TERN_TRY(tern__vocabulary_normal(v, TERN__NORMAL_STRIP_LEFT, NULL, NULL, 0));
    TERN_TRY(tern__vocabulary_normal(v, TERN__NORMAL_STRIP_RIGHT, NULL, NULL, 0));
    TERN_TRY(tern__vocabulary_normal(v, TERN__NORMAL_REPLACE_PATTERN,
                                     "[" TERN__SPACES "]+(?:" MARK ")?", MARK, 3));
    TERN_TRY(tern__vocabulary_normal(v, TERN__NORMAL_PREPEND_ONCE, NULL, MARK, 3));
    return tern__vocabulary_split(v, MARK, TERN__SPLIT_MERGED_WITH_NEXT, false);
}

static tern_status read_sequence(tern__vocabulary *v, const tern__json *step) {
    const tern__json *list;
    TERN_TRY(tern__json_want_list(v, step, "pretokenizers", &list));
    const tern__json *one = tern__json_first(list);
    const tern__json *two = one ? tern__json_next(list, one) : NULL;
    if (two && v->split_count == 0 && !v->byte_level && !tern__json_next(list, two) &&
        tern__json_is(tern__json_get(one, "type"), "WhitespaceSplit") &&
        tern__json_is(tern__json_get(two, "type"), "Metaspace")) {
        return read_marked_words(v, two);
    }
    return tern__json_read_list(v, step, "pretokenizers", tern__json_read_pre_tokenizer);
}

tern_status tern__json_read_pre_tokenizer(tern__vocabulary *v, const tern__json *pre_tokenizer) {
    static const tern__json_entry entries[] = {{"Sequence", read_sequence},
                                               {"Split", read_split},
                                               {"ByteLevel", read_byte_level},
                                               {"Metaspace", read_metaspace},
                                               {"Digits", read_digits},
                                               {"Whitespace", read_whitespace},
                                               {"WhitespaceSplit", read_whitespace_split},
                                               {"Punctuation", read_punctuation},
                                               {"BertPreTokenizer", read_bert},
                                               {"CharDelimiterSplit", read_delimiter},
                                               {"FixedLength", read_fixed_length},
                                               {NULL, NULL}};
    return tern__json_read_step(v, pre_tokenizer, "pre_tokenizer", entries);
}
