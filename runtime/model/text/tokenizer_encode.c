// From a text to words: added tokens are cut out, what lies between them is normalised.
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/text/normalize.h"
#include "runtime/model/text/tokenizer_added.h"
#include "runtime/model/text/tokenizer_split.h"
#include "runtime/status.h"
#include "runtime/model/utf8.h"

enum { MAX_TEXT = 1 << 30 };

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

static tern_status encode_marked(tern__encoder *e, const char *text, uint32_t size, bool first) {
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

typedef tern_status (*encode_part)(tern__encoder *e, const char *text, uint32_t size, bool first);

// Has |encode| go on with what the steps [from, to) make of a text.
static tern_status encode_normal(tern__encoder *e, size_t from, size_t to, encode_part encode,
                                 const char *text, uint32_t size, bool first) {
    const tern__vocabulary *v = &e->tokenizer->v;
    if (from == to) {
        return encode(e, text, size, first);
    }
    const tern__normalizing how = {v, e->tokenizer->splitter, e->tokenizer->kept, from, to, first};
    tern__text normal = {.context = e->context};
    tern_status status = tern__normalize(&how, text, size, &normal);
    if (status == TERN_STATUS_OK) {
        status = encode(e, normal.bytes ? normal.bytes : "", (uint32_t)normal.size, first);
    }
    tern__text_finish(&normal);
    return status;
}

static tern_status encode_late(tern__encoder *e, const char *text, uint32_t size, bool first) {
    const tern__vocabulary *v = &e->tokenizer->v;
    return size == 0 ? TERN_STATUS_OK
                     : encode_normal(e, v->normal_late, v->normal_count, encode_marked, text, size,
                                     first);
}

// Where an added token counts, with the white space that it takes.
typedef struct hit {
    uint32_t start;
    uint32_t end;
} hit;

// The character that ends before |at|.
static int32_t character_before(const char *text, uint32_t at) {
    uint32_t length;
    for (uint32_t back = 1; back <= 4 && back <= at; back++) {
        int32_t character = tern__character_at(text + at - back, back, &length);
        if (character >= 0 && length == back) {
            return character;
        }
    }
    return -1;
}

static int32_t character_after(const char *text, uint32_t size, uint32_t at) {
    uint32_t length;
    return at < size ? tern__character_at(text + at, size - at, &length) : -1;
}

static uint32_t space_before(const char *text, uint32_t at, uint32_t from) {
    char bytes[4];
    while (at > from && tern__is_space(character_before(text, at))) {
        at -= (uint32_t)tern__utf8_encode((uint32_t)character_before(text, at), bytes);
    }
    return at < from ? from : at;
}

static uint32_t space_after(const char *text, uint32_t size, uint32_t at) {
    char bytes[4];
    while (at < size && tern__is_space(character_after(text, size, at))) {
        at += (uint32_t)tern__utf8_encode((uint32_t)character_after(text, size, at), bytes);
    }
    return at;
}

// Whether token |id|, spelled in [at, end), counts. |from| is where the token before it ended.
static bool take(const tern__vocabulary *v, int32_t id, const char *text, uint32_t size,
                 uint32_t from, hit *h) {
    uint8_t added = v->tokens[id].added;
    if ((added & TERN__ADDED_SINGLE_WORD) && (tern__is_word(character_before(text, h->start)) ||
                                              tern__is_word(character_after(text, size, h->end)))) {
        return false;
    }
    if (added & TERN__ADDED_LSTRIP) {
        h->start = space_before(text, h->start, from);
    }
    if (added & TERN__ADDED_RSTRIP) {
        h->end = space_after(text, size, h->end);
    }
    return true;
}

static bool is_barred(const tern__encoder *e, int32_t id) {
    bool barred = e->barred && tern_tokenizer_is_end(e->tokenizer, id);
    for (uint32_t i = 0; e->barred && i < e->barred->count; i++) {
        barred = barred || e->barred->ids[i] == id;
    }
    return barred;
}

// Cuts the tokens of |added| out and has |encode| go on with what lies between. Each is looked for
// behind the one before, in the text that white space is not yet taken from: so a token of white
// space counts where another has taken it, too, as in the package tokenizers.
static tern_status encode_found(tern__encoder *e, const tern__added *added, const int32_t *ids,
                                encode_part encode, const char *text, uint32_t size, bool first) {
    const tern__vocabulary *v = &e->tokenizer->v;
    uint32_t done = 0;
    for (uint32_t at = 0; at < size;) {
        int32_t id = ids[at];
        if (id < 0 || is_barred(e, id)) {
            at++;
            continue;
        }
        hit h = {at, at + tern__added_size(added, v, id)};
        at = h.end;
        if (take(v, id, text, size, done, &h)) {
            TERN_TRY(h.start <= done ? TERN_STATUS_OK
                                     : encode(e, text + done, h.start - done, first && done == 0));
            tern__ids_add(e->out, id);
            done = h.end;
        }
    }
    return encode(e, text + done, size - done, first && done == 0);
}

static tern_status encode_added(tern__encoder *e, const tern__added *added, encode_part encode,
                                const char *text, uint32_t size, bool first) {
    if (size == 0 || !(e->special ? added != NULL : tern__added_has_user_defined(added))) {
        return encode(e, text, size, first);
    }
    size_t bytes = 0;
    int32_t *ids =
        tern__mul_size(size, sizeof *ids, &bytes) ? tern__alloc(e->context, bytes) : NULL;
    if (!ids) {
        return tern__fail_memory(e->context, (uint64_t)size * sizeof *ids, "encoding a text");
    }
    tern__added_find(added, text, size, e->special, ids);
    tern_status status = encode_found(e, added, ids, encode, text, size, first);
    tern__free(e->context, ids);
    return status;
}

static tern_status encode_normalised(tern__encoder *e, const char *text, uint32_t size,
                                     bool first) {
    return encode_added(e, e->tokenizer->added_normal, encode_late, text, size, first);
}

static tern_status encode_stretch(tern__encoder *e, const char *text, uint32_t size, bool first) {
    return size == 0 ? TERN_STATUS_OK
                     : encode_normal(e, 0, e->tokenizer->v.normal_late, encode_normalised, text,
                                     size, first);
}

static tern_status encode_all(tern__encoder *e, const char *text, size_t size) {
    if (size >= MAX_TEXT) {
        return tern__fail(e->context, TERN_STATUS_INVALID_ARGUMENT,
                          "tokenizer: a text of %zu bytes, expected less than %d", size, MAX_TEXT);
    }
    tern_status status =
        encode_added(e, e->tokenizer->added, encode_stretch, text, (uint32_t)size, true);
    tern__free(e->context, e->room);
    tern__free(e->context, e->text);
    return status;
}

tern_status tern__encode(const tern_tokenizer *tokenizer, const char *text, size_t size,
                         bool special, tern__ids *out) {
    tern__encoder e = {
        .tokenizer = tokenizer, .context = tokenizer->v.context, .out = out, .special = special};
    return encode_all(&e, text, size);
}

tern_status tern__encode_words(const tern_tokenizer *tokenizer, const char *text, size_t size,
                               const tern__barred *barred, tern__ids *out) {
    tern__encoder e = {
        .tokenizer = tokenizer, .context = tokenizer->v.context, .out = out, .barred = barred};
    return encode_all(&e, text, size);
}
