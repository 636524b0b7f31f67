#include "runtime/model/text/normalize.h"

#include <string.h>

#include <utf8proc.h>

#include "runtime/allocator.h"
#include "runtime/model/text/tokenizer_added.h"
#include "runtime/model/text/tokenizer_split.h"
#include "runtime/status.h"

enum { MOST_BYTES = 1 << 30 };

bool tern__is_space(int32_t c) {
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

bool tern__is_word(int32_t c) {
    if (c < 0) {
        return false;
    }
    utf8proc_category_t category = utf8proc_category(c);
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NL) ||
           category == UTF8PROC_CATEGORY_PC || c == 0x200c || c == 0x200d ||
           (c >= 0x24b6 && c <= 0x24e9);
}

// Adds what becomes of one character; -1 for a byte that is none.
typedef void (*character_step)(int32_t character, tern__text *out);

static void each_character(const char *text, size_t size, character_step step, tern__text *out) {
    for (size_t i = 0; i < size;) {
        uint32_t length;
        int32_t character = tern__character_at(text + i, size - i, &length);
        if (character < 0) {
            tern__text_add(out, text + i, 1);
        } else {
            step(character, out);
        }
        i += length;
    }
}

static void lower(int32_t character, tern__text *out) {
    if (character == 0x130) { // the one letter whose lower case is two
        tern__text_add(out, "i\xcc\x87", 3);
        return;
    }
    tern__text_add_character(out, utf8proc_tolower(character));
}

static void strip_mark(int32_t character, tern__text *out) {
    if (utf8proc_category(character) != UTF8PROC_CATEGORY_MN) {
        tern__text_add_character(out, character);
    }
}

static void strip_any_mark(int32_t character, tern__text *out) {
    utf8proc_category_t category = utf8proc_category(character);
    if (category < UTF8PROC_CATEGORY_MN || category > UTF8PROC_CATEGORY_ME) {
        tern__text_add_character(out, character);
    }
}

static void bert_clean(int32_t character, tern__text *out) {
    utf8proc_category_t category = utf8proc_category(character);
    bool kept = character == '\t' || character == '\n' || character == '\r';
    bool other = category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
                 category == UTF8PROC_CATEGORY_CO;
    if (character == 0 || character == 0xfffd || (other && !kept)) {
        return;
    }
    tern__text_add_character(out, tern__is_space(character) ? ' ' : character);
}

static bool is_chinese(int32_t c) {
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
           (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
           (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

static void bert_chinese(int32_t character, tern__text *out) {
    tern__text_add(out, " ", is_chinese(character));
    tern__text_add_character(out, character);
    tern__text_add(out, " ", is_chinese(character));
}

static void nmt(int32_t c, tern__text *out) {
    bool dropped = (c >= 0x01 && c <= 0x08) || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f ||
                   c == 0x8f || c == 0x9f;
    bool space = c == 0x09 || c == 0x0a || c == 0x0c || c == 0x0d || c == 0x1680 ||
                 (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                 c == 0xfeff || c == 0xfffd;
    if (!dropped) {
        tern__text_add_character(out, space ? ' ' : c);
    }
}

static void strip(const char *text, size_t size, bool left, bool right, tern__text *out) {
    size_t begin = 0;
    size_t end = size;
    bool leading = left;
    size_t trailing = 0; // where white space up to the end begins
    for (size_t i = 0; i < size;) {
        uint32_t length;
        bool space = tern__is_space(tern__character_at(text + i, size - i, &length));
        i += length;
        leading &= space;
        begin = leading ? i : begin;
        trailing = space ? trailing : i;
    }
    end = right && trailing > begin ? trailing : right ? begin : end;
    tern__text_add(out, text + begin, end - begin);
}

// Spaces at the ends go, of several in a row one stays.
static void squeeze(const char *text, size_t size, tern__text *out) {
    static const char mark[3] = {'\xe2', '\x96', '\x81'}; // counts as one at the end
    while (size > 0 && (text[size - 1] == ' ' ||
                        (size >= 3 && memcmp(text + size - 3, mark, sizeof mark) == 0))) {
        size -= text[size - 1] == ' ' ? 1 : 3;
    }
    bool after_space = true;
    for (size_t i = 0; i < size; i++) {
        bool space = text[i] == ' ';
        tern__text_add(out, text + i, !(space && after_space));
        after_space = space;
    }
}

static void replace(const char *text, size_t size, const char *pattern, size_t length,
                    const char *content, size_t content_size, tern__text *out) {
    size_t from = 0;
    for (size_t i = 0; length > 0 && i + length <= size;) {
        if (memcmp(text + i, pattern, length) != 0) {
            i++;
            continue;
        }
        tern__text_add(out, text + from, i - from);
        tern__text_add(out, content, content_size);
        i += length;
        from = i;
    }
    tern__text_add(out, text + from, size - from);
}

static bool needs_prefix(const tern__normal *n, const char *content, const char *text, size_t size,
                         bool first) {
    bool there = size >= n->content.size && memcmp(text, content, n->content.size) == 0;
    return size > 0 && (n->form == TERN__NORMAL_PREPEND || !there) &&
           (n->form != TERN__NORMAL_PREPEND_FIRST || first);
}

// As SentencePiece does it, but for tokens of the user, which stay as they are. (Spaces within them
// are squeezed like others.)
static tern_status map_characters(const tern__normalizing *how, tern__charsmap map,
                                  const char *text, size_t size, tern__text *out) {
    int32_t *ids = NULL;
    size_t bytes = size * sizeof *ids;
    if (how->kept && size > 0) {
        ids = tern__alloc(how->v->context, bytes);
        if (!ids) {
            return tern__fail_memory(how->v->context, bytes, "normalising a text");
        }
        tern__added_find(how->kept, text, (uint32_t)size, true, ids);
    }
    for (size_t at = 0; at < size;) {
        if (ids && ids[at] >= 0) {
            uint32_t length = tern__added_size(how->kept, how->v, ids[at]);
            tern__text_add(out, text + at, length);
            at += length;
        } else {
            at += tern__charsmap_add_next(map, text + at, size - at, out);
        }
    }
    tern__free(how->v->context, ids);
    return TERN_STATUS_OK;
}

static tern_status apply(const tern__normalizing *how, size_t step, const char *text, size_t size,
                         tern__text *out) {
    const tern__vocabulary *v = how->v;
    const tern__normal *n = &v->normals[step];
    static const character_step characters[TERN__NORMAL_FORMS] = {
        [TERN__NORMAL_LOWERCASE] = lower,           [TERN__NORMAL_STRIP_ACCENTS] = strip_any_mark,
        [TERN__NORMAL_BERT_ACCENTS] = strip_mark,   [TERN__NORMAL_BERT_CLEAN] = bert_clean,
        [TERN__NORMAL_BERT_CHINESE] = bert_chinese, [TERN__NORMAL_NMT] = nmt,
    };
    const char *content = v->text + n->content.start;
    if (characters[n->form]) {
        each_character(text, size, characters[n->form], out);
        return TERN_STATUS_OK;
    }
    switch (n->form) {
    case TERN__NORMAL_STRIP_LEFT:
    case TERN__NORMAL_STRIP_RIGHT:
        strip(text, size, n->form == TERN__NORMAL_STRIP_LEFT, n->form == TERN__NORMAL_STRIP_RIGHT,
              out);
        break;
    case TERN__NORMAL_REPLACE:
        replace(text, size, v->text + n->pattern.start, n->pattern.size, content, n->content.size,
                out);
        break;
    case TERN__NORMAL_PREPEND:
    case TERN__NORMAL_PREPEND_ONCE:
    case TERN__NORMAL_PREPEND_FIRST:
        if (needs_prefix(n, content, text, size, how->first)) {
            tern__text_add(out, content, n->content.size);
        }
        tern__text_add(out, text, size);
        break;
    case TERN__NORMAL_CHARSMAP:
        return map_characters(how, (tern__charsmap){content, n->content.size}, text, size, out);
    case TERN__NORMAL_CHARSMAP_GRAPHEMES:
        tern__charsmap_add_graphemes((tern__charsmap){content, n->content.size}, text, size, out);
        break;
    case TERN__NORMAL_SQUEEZE_SPACES:
        squeeze(text, size, out);
        break;
    case TERN__NORMAL_REPLACE_PATTERN:
        return tern__split_replace(how->patterns, v, step, text, size, out);
    default:
        tern__normal_form_add(n->form, text, size, out);
        break;
    }
    return TERN_STATUS_OK;
}

tern_status tern__normalize(const tern__normalizing *how, const char *text, size_t size,
                            tern__text *out) {
    tern__text other = {.context = out->context};
    tern_status status = TERN_STATUS_OK;
    for (size_t i = how->from; i < how->to && status == TERN_STATUS_OK; i++) {
        tern__text result = other;
        result.size = 0;
        status = apply(how, i, text, size, &result);
        if (status == TERN_STATUS_OK && result.failed) {
            status = tern__fail_memory(out->context, result.size, "normalising a text");
        } else if (status == TERN_STATUS_OK && result.size > MOST_BYTES) {
            status = tern__fail(out->context, TERN_STATUS_UNSUPPORTED,
                                "tokenizer: a text of %zu bytes once normalised", result.size);
        }
        other = *out;
        *out = result;
        text = out->bytes ? out->bytes : "";
        size = out->size;
    }
    tern__text_finish(&other);
    return status;
}
