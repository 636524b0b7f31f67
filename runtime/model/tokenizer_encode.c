// From a text to words: added tokens are cut out, what lies between them is normalised.
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/normalize.h"
#include "runtime/model/tokenizer.h"
#include "runtime/status.h"

enum { FREE = -1, COVERED = -2 };

static const char space_mark[3] = {'\xe2', '\x96', '\x81'};

void *tern__encoder_room(tern__encoder *encoder, size_t size) {
    if (!tern__grow(encoder->context, &encoder->room, &encoder->room_size, size, 1)) {
        tern__fail_memory(encoder->context, size, "encoding a text");
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
    const tern_tokenizer *tokenizer = e->tokenizer;
    const tern__vocabulary *v = &tokenizer->v;
    if (size == 0) {
        return TERN_STATUS_OK;
    }
    if (!v->mark_spaces) {
        return tokenizer->kind->encode(e, text, size);
    }
    bool prefix = v->prefix == TERN__PREFIX_EACH || (v->prefix == TERN__PREFIX_FIRST && first);
    TERN_TRY(mark_spaces(e, text, size, prefix));
    return tokenizer->kind->encode(e, e->text, (uint32_t)e->text_size);
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

// Marks where |id| is spelled out in what no longer token has taken: its id at the first byte.
static void mark_token(const tern_tokenizer *tokenizer, uint32_t id, const char *text,
                       uint32_t size, int32_t *owner) {
    uint32_t length;
    const char *token = tern__token_text(tokenizer, id, &length);
    for (uint32_t i = 0; length <= size && i <= size - length;) {
        const char *hit = memchr(text + i, token[0], size - length - i + 1);
        if (!hit) {
            return;
        }
        i = (uint32_t)(hit - text);
        bool open = memcmp(hit, token, length) == 0;
        for (uint32_t j = 0; open && j < length; j++) {
            open = owner[i + j] == FREE;
        }
        if (!open) {
            i++;
            continue;
        }
        for (uint32_t j = 0; j < length; j++) {
            owner[i + j] = COVERED;
        }
        owner[i] = (int32_t)id;
        i += length;
    }
}

static tern_status encode_marked(tern__encoder *e, const char *text, uint32_t size,
                                 const int32_t *owner) {
    for (uint32_t i = 0; i < size;) {
        uint32_t length = 0;
        if (owner[i] >= 0) {
            tern__ids_add(e->out, owner[i]);
            tern__token_text(e->tokenizer, (uint32_t)owner[i], &length);
        } else {
            while (i + length < size && owner[i + length] == FREE) {
                length++;
            }
            TERN_TRY(encode_stretch(e, text + i, length, i == 0));
        }
        i += length;
    }
    return TERN_STATUS_OK;
}

static tern_status encode_special(tern__encoder *e, const char *text, uint32_t size, bool special) {
    const tern_tokenizer *tokenizer = e->tokenizer;
    size_t bytes = 0;
    int32_t *owner =
        tern__mul_size(size, sizeof *owner, &bytes) ? tern__alloc(e->context, bytes) : NULL;
    if (!owner) {
        return tern__fail_memory(e->context, (uint64_t)size * sizeof *owner, "encoding a text");
    }
    for (uint32_t i = 0; i < size; i++) {
        owner[i] = FREE;
    }
    for (uint32_t i = 0; i < tokenizer->special_count; i++) {
        uint32_t id = tokenizer->special[i];
        if (special || tokenizer->v.tokens[id].type == TERN__TOKEN_USER_DEFINED) {
            mark_token(tokenizer, id, text, size, owner);
        }
    }
    tern_status status = encode_marked(e, text, size, owner);
    tern__free(e->context, owner);
    return status;
}

tern_status tern__encode(const tern_tokenizer *tokenizer, const char *text, uint32_t size,
                         bool special, tern__ids *out) {
    tern__encoder e = {.tokenizer = tokenizer, .context = tokenizer->v.context, .out = out};
    tern_status status = special || tokenizer->has_user_defined
                             ? encode_special(&e, text, size, special)
                             : encode_stretch(&e, text, size, true);
    tern__free(e.context, e.room);
    tern__free(e.context, e.text);
    return status;
}
