// From ids to the bytes of a text.
#include <string.h>

#include "runtime/model/text/tokenizer.h"

typedef struct byte_sink {
    char *bytes;
    size_t capacity;
    size_t size;
    bool drop_space; // if it comes first
} byte_sink;

static void add_byte(byte_sink *out, char byte) {
    bool dropped = out->drop_space && byte == ' ';
    out->drop_space = false;
    if (dropped) {
        return;
    }
    if (out->size < out->capacity) {
        out->bytes[out->size] = byte;
    }
    out->size++;
}

static void add_bytes(byte_sink *out, const char *text, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        add_byte(out, text[i]);
    }
}

// U+2581 stands for a space.
static void add_marked(byte_sink *out, const char *text, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        if (size - i >= 3 && memcmp(text + i, "\xe2\x96\x81", 3) == 0) {
            add_byte(out, ' ');
            i += 2;
        } else {
            add_byte(out, text[i]);
        }
    }
}

// Whether the space before a word goes, as BERT's decoder has it.
static bool closes_up(const char *text, uint32_t size) {
    static const char *const words[] = {".", "?", "!", ",", "n't", "'m", "'s", "'ve", "'re"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i]);
        if (size >= length && memcmp(text, words[i], length) == 0) {
            return true;
        }
    }
    return false;
}

static void add_wordpiece(const tern__vocabulary *v, byte_sink *out, const char *text,
                          uint32_t size, bool first) {
    tern__span prefix = v->joint;
    if (!first && size >= prefix.size && memcmp(text, v->text + prefix.start, prefix.size) == 0) {
        add_bytes(out, text + prefix.size, size - prefix.size);
        return;
    }
    if (!first && !(v->clean_spaces && closes_up(text, size))) {
        add_byte(out, ' ');
    }
    add_bytes(out, text, size);
}

// The end of a word becomes a space.
static void add_ended(const tern__vocabulary *v, byte_sink *out, const char *text, uint32_t size) {
    tern__span end = v->joint;
    bool ends = end.size > 0 && size >= end.size &&
                memcmp(text + size - end.size, v->text + end.start, end.size) == 0;
    add_bytes(out, text, ends ? size - end.size : size);
    if (ends) {
        add_byte(out, ' ');
    }
}

// A token of the model as its decoder has it.
static void add_normal(const tern__vocabulary *v, byte_sink *out, const char *text, uint32_t size,
                       bool first) {
    switch (v->decoder) {
    case TERN__DECODE_MARKED:
        add_marked(out, text, size);
        break;
    case TERN__DECODE_WORDPIECE:
        add_wordpiece(v, out, text, size, first);
        break;
    case TERN__DECODE_ENDED:
        add_ended(v, out, text, size);
        break;
    case TERN__DECODE_WORDS:
        add_bytes(out, " ", first ? 0 : 1);
        add_bytes(out, text, size);
        break;
    default:
        add_bytes(out, text, size);
        break;
    }
}

// As any other token: a word where spaces go between words, spaces where they are marked (runs of
// them are what many vocabularies have such tokens for). Only ends of words are none.
static void add_user_defined(const tern__vocabulary *v, byte_sink *out, const tern__token *token,
                             bool first) {
    const char *text = v->text + token->start;
    bool in_text = (token->added & TERN__ADDED_AS_SPELLED) != 0; // the prefix comes before it
    out->drop_space = out->drop_space && in_text;
    if (v->decoder == TERN__DECODE_ENDED) {
        add_bytes(out, text, token->size);
    } else {
        add_normal(v, out, text, token->size, first);
    }
}

// Control, unknown and unused tokens add nothing.
static void add_token(const tern_tokenizer *tokenizer, int32_t id, bool first, byte_sink *out) {
    uint32_t size;
    const char *text = tern__token_text(tokenizer, (uint32_t)id, &size);
    const tern__token *token = &tokenizer->v.tokens[id];
    switch (token->type) {
    case TERN__TOKEN_NORMAL:
    case TERN__TOKEN_UNDEFINED:
        add_normal(&tokenizer->v, out, text, size, first);
        break;
    case TERN__TOKEN_USER_DEFINED:
        if (!(token->added & TERN__ADDED_SPECIAL)) {
            add_user_defined(&tokenizer->v, out, token, first);
        }
        break;
    case TERN__TOKEN_BYTE:
        add_byte(out, (char)tern__token_byte(text, size));
        break;
    default:
        break;
    }
}

size_t tern__token_bytes(const tern_tokenizer *tokenizer, int32_t id, bool first, char *out_bytes,
                         size_t capacity) {
    bool prefixed = tokenizer->v.prefix != TERN__PREFIX_NEVER;
    byte_sink out = {out_bytes, capacity, 0, first && prefixed};
    add_token(tokenizer, id, first, &out);
    return out.size;
}
