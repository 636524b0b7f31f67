// From a text to words: added tokens are cut out, what lies between them is normalised.
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/normalize.h"
#include "runtime/model/tokenizer_added.h"
#include "runtime/model/tokenizer_split.h"
#include "runtime/status.h"

static const char space_mark[3] = {'\xe2', '\x96', '\x81'};

void *tern__encoder_room(tern__encoder *encoder, size_t count, size_t each) {
    size_t size;
    if (!tern__mul_size(count, each, &size) ||
        !tern__grow(encoder->context, &encoder->room, &encoder->room_size, size, 1)) {
        tern__fail_memory(encoder->context, (uint64_t)count * each, "encoding a text");
        return NULL;
    }
    return encoder->room;
}

// Copies a stretch of text with its spaces marked.
static tern_status mark_spaces(tern__encoder *e, const char *text, uint32_t size, bool prefix) {
    size_t needed = ((size_t)size + 1) * sizeof space_mark;
    if (!tern__grow(e->context, (void **)&e->text, &e->text_capacity, needed, 1)) {
        return tern__fail_memory(e->context, needed, "encoding a text");
    }
    char *out = e->text;
    if (prefix) {
        memcpy(out, space_mark, sizeof space_mark);
        out += sizeof space_mark;
    }
    for (uint32_t i = 0; i < size; i++) {
        if (text[i] == ' ') {
            memcpy(out, space_mark, sizeof space_mark);
            out += sizeof space_mark;
        } else {
            *out++ = text[i];
        }
    }
    e->text_size = (size_t)(out - e->text);
    return TERN_STATUS_OK;
}

static tern_status encode_normal(tern__encoder *e, const char *text, uint32_t size, bool first) {
    const tern__vocabulary *v = &e->tokenizer->v;
    if (size == 0) {
        return TERN_STATUS_OK;
    }
    if (!v->mark_spaces) {
        return tern__split_words(e, text, size);
    }
    bool prefix = v->prefix == TERN__PREFIX_EACH || (v->prefix == TERN__PREFIX_FIRST && first);
    TERN_TRY(mark_spaces(e, text, size, prefix));
    return tern__split_words(e, e->text, (uint32_t)e->text_size);
}

static tern_status encode_stretch(tern__encoder *e, const char *text, uint32_t size, bool first) {
    const tern__vocabulary *v = &e->tokenizer->v;
    if (v->normal_count == 0) {
        return encode_normal(e, text, size, first);
    }
    tern__text normal = {.context = e->context};
    tern_status status = tern__normalize(v, text, size, &normal);
    if (status == TERN_STATUS_OK && normal.size >= UINT32_MAX / 4) {
        status = tern__fail(e->context, TERN_STATUS_UNSUPPORTED,
                            "tokenizer: a text of %zu bytes once normalised", normal.size);
    }
    if (status == TERN_STATUS_OK) {
        status = encode_normal(e, normal.bytes, (uint32_t)normal.size, first);
    }
    tern__text_finish(&normal);
    return status;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// Of a word for this purpose: ASCII letters, digits, the underscore and what is not ASCII.
static bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           (c & 0x80);
}

// Where an added token counts, with the white space that it takes.
typedef struct hit {
    uint32_t start;
    uint32_t end;
} hit;

// Whether token |id| at |at| counts. |from| is where the token before it ended.
static bool take(const tern__vocabulary *v, int32_t id, const char *text, uint32_t size,
                 uint32_t at, uint32_t from, hit *out) {
    const tern__token *token = &v->tokens[id];
    *out = (hit){at, at + token->size};
    if (token->added & TERN__ADDED_SINGLE_WORD) {
        if ((out->start > 0 && is_word(text[out->start - 1])) ||
            (out->end < size && is_word(text[out->end]))) {
            return false;
        }
    }
    while ((token->added & TERN__ADDED_LSTRIP) && out->start > from &&
           is_space(text[out->start - 1])) {
        out->start--;
    }
    while ((token->added & TERN__ADDED_RSTRIP) && out->end < size && is_space(text[out->end])) {
        out->end++;
    }
    return true;
}

// |ids| has the longest token that starts at each byte.
static tern_status encode_found(tern__encoder *e, const char *text, uint32_t size,
                                const int32_t *ids) {
    const tern__vocabulary *v = &e->tokenizer->v;
    uint32_t done = 0;
    for (uint32_t at = 0; at < size;) {
        hit h;
        if (ids[at] < 0 || !take(v, ids[at], text, size, at, done, &h)) {
            at++;
            continue;
        }
        TERN_TRY(encode_stretch(e, text + done, h.start - done, done == 0));
        tern__ids_add(e->out, ids[at]);
        done = at = h.end;
    }
    return encode_stretch(e, text + done, size - done, done == 0);
}

static tern_status encode_added(tern__encoder *e, const char *text, uint32_t size, bool special) {
    size_t bytes = 0;
    int32_t *ids =
        tern__mul_size(size, sizeof *ids, &bytes) ? tern__alloc(e->context, bytes) : NULL;
    if (!ids) {
        return tern__fail_memory(e->context, (uint64_t)size * sizeof *ids, "encoding a text");
    }
    tern__added_find(e->tokenizer->added, text, size, special, ids);
    tern_status status = encode_found(e, text, size, ids);
    tern__free(e->context, ids);
    return status;
}

tern_status tern__encode(const tern_tokenizer *tokenizer, const char *text, uint32_t size,
                         bool special, tern__ids *out) {
    tern__encoder e = {.tokenizer = tokenizer, .context = tokenizer->v.context, .out = out};
    bool looked_for = special || tern__added_has_user_defined(tokenizer->added);
    tern_status status = tokenizer->added && looked_for && size > 0
                             ? encode_added(&e, text, size, special)
                             : encode_stretch(&e, text, size, true);
    tern__free(e.context, e.room);
    tern__free(e.context, e.text);
    return status;
}
