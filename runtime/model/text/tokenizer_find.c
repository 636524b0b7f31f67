// PCRE2 counts its steps anew wherever a match may start, and does not count what a loop over
// characters reads: a pattern that looks far ahead would take time quadratic in the text. So it is
// shown a little of the text at first, and told to say when it wants more
// (PCRE2_PARTIAL_HARD). More is shown to one start at a time, and counted.
#include "runtime/model/text/tokenizer_find.h"

#include "runtime/model/text/text.h"

enum {
    FIRST = 512,       // bytes that are shown uncounted
    GROWTH = 4,        // and each time it wants more
    FIRST_STEPS = 4096 // of backtracking, for each start in the first bytes
};

// For one start: what short texts may cost, and each byte shown. For a text: bytes shown, however
// short it is, and for each of its own.
static const uint64_t steps_base = 100000, steps_per_byte = 64;
static const uint64_t bytes_base = UINT64_C(1) << 24, bytes_per_byte = 32;

bool tern__finder_init(tern__finder *f, pcre2_general_context *general, uint64_t size,
                       size_t patterns) {
    *f = (tern__finder){.limits = pcre2_match_context_create(general),
                        .match = pcre2_match_data_create(1, general),
                        .left = bytes_base + bytes_per_byte * size * patterns};
    if (!f->limits || !f->match) {
        return false;
    }
    pcre2_set_heap_limit(f->limits, 64 * 1024);
    return true;
}

void tern__finder_finish(tern__finder *f) {
    pcre2_match_data_free(f->match);
    pcre2_match_context_free(f->limits);
}

// What a match may see, from |at| on.
typedef struct view {
    const char *text;
    size_t size; // of the whole text
    size_t at;
    size_t shown; // bytes from |at| on
} view;

// Where the shown bytes end: not within a character.
static size_t end_of(const view *v) {
    size_t end = v->size - v->at > v->shown ? v->at + v->shown : v->size;
    while (end < v->size && ((uint8_t)v->text[end] & 0xc0) == 0x80) {
        end--;
    }
    return end;
}

static int match(tern__finder *f, const pcre2_code *code, const view *v, uint32_t options,
                 uint64_t steps) {
    size_t end = end_of(v);
    options |= PCRE2_NO_UTF_CHECK | (end < v->size ? PCRE2_PARTIAL_HARD : 0);
    pcre2_set_match_limit(f->limits, steps < UINT32_MAX ? (uint32_t)steps : UINT32_MAX);
    PCRE2_SPTR text = (PCRE2_SPTR)v->text;
    int result = pcre2_match(code, text, end, v->at, options, f->match, f->limits);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) {
        result = pcre2_match(code, text, end, v->at, options | PCRE2_NO_JIT, f->match, f->limits);
    }
    // Nothing at the end of what is shown may be something where there is more.
    bool at_end = result >= 0 && end < v->size && pcre2_get_ovector_pointer(f->match)[0] == end;
    return at_end ? PCRE2_ERROR_NOMATCH : result;
}

// A match that starts at |v.at|, however far it looks.
static int match_here(tern__finder *f, const pcre2_code *code, view v) {
    int result = PCRE2_ERROR_PARTIAL;
    v.shown = FIRST;
    while (result == PCRE2_ERROR_PARTIAL) {
        v.shown *= GROWTH;
        size_t shown = end_of(&v) - v.at;
        if (shown > f->left) {
            return PCRE2_ERROR_MATCHLIMIT;
        }
        f->left -= shown;
        result = match(f, code, &v, PCRE2_ANCHORED, steps_base + steps_per_byte * shown);
    }
    return result;
}

int tern__find(tern__finder *f, const pcre2_code *code, const char *text, size_t size, size_t at) {
    view v = {text, size, at, FIRST};
    for (;;) {
        size_t end = end_of(&v);
        int result = match(f, code, &v, 0, FIRST_STEPS);
        if (result == PCRE2_ERROR_NOMATCH && end < size) {
            v.at = end;
            continue;
        }
        if (result != PCRE2_ERROR_PARTIAL && result != PCRE2_ERROR_MATCHLIMIT) {
            return result;
        }
        size_t start = pcre2_get_ovector_pointer(f->match)[0];
        if (result == PCRE2_ERROR_PARTIAL && start > v.at) {
            v.at = start < end ? start : end; // nothing starts before
            continue;
        }
        result = match_here(f, code, v);
        if (result != PCRE2_ERROR_NOMATCH || v.at == size) {
            return result;
        }
        v.at += tern__character_size(text + v.at, size - v.at);
    }
}
