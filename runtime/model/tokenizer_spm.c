// Encoding as SentencePiece's BPE does it: the text, with a space put before it and spaces written
// as U+2581, starts as single characters; again and again the adjacent pair that makes the token
// with the best score is joined, the leftmost on a tie; what is no token in the end is spelled in
// bytes.
#include "runtime/model/tokenizer.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/status.h"

#define NONE UINT32_MAX

enum { FREE = -1, COVERED = -2 };

static const char space_mark[3] = {'\xe2', '\x96', '\x81'};

// A piece of text, in a list in the text's order. Size 0: joined to the one before.
typedef struct symbol {
    uint32_t start;
    uint32_t size;
    uint32_t previous;
    uint32_t next;
} symbol;

// Two neighbours that make a token.
typedef struct pair {
    float score;
    uint32_t left;
    uint32_t right;
    uint32_t size; // of both, to notice that one has changed since
} pair;

// Memory of one call, enough for its longest stretch of text.
typedef struct workspace {
    const tern_tokenizer *tokenizer;
    char *text;
    symbol *symbols;
    pair *heap;
    size_t heap_size;
} workspace;

static bool is_continuation(uint8_t byte) {
    return (byte & 0xc0) == 0x80;
}

// Bytes of the well-formed character at |p| (RFC 3629), or 1.
static uint32_t character_size(const uint8_t *p, uint32_t left) {
    uint8_t lead = p[0];
    uint32_t size = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
    if (size == 1 || size > left) {
        return 1;
    }
    for (uint32_t i = 1; i < size; i++) {
        if (!is_continuation(p[i])) {
            return 1;
        }
    }
    bool overlong = (lead == 0xe0 && p[1] < 0xa0) || (lead == 0xf0 && p[1] < 0x90);
    bool outside = (lead == 0xed && p[1] > 0x9f) || (lead == 0xf4 && p[1] > 0x8f);
    return overlong || outside ? 1 : size;
}

static bool is_before(const pair *a, const pair *b) {
    return a->score > b->score || (a->score == b->score && a->left < b->left);
}

static void push(workspace *w, pair item) {
    size_t i = w->heap_size++;
    while (i > 0 && is_before(&item, &w->heap[(i - 1) / 2])) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = item;
}

static pair pop(workspace *w) {
    pair top = w->heap[0];
    pair item = w->heap[--w->heap_size];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= w->heap_size) {
            break;
        }
        if (child + 1 < w->heap_size && is_before(&w->heap[child + 1], &w->heap[child])) {
            child++;
        }
        if (!is_before(&w->heap[child], &item)) {
            break;
        }
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = item;
    return top;
}

static void try_pair(workspace *w, uint32_t left, uint32_t right) {
    if (left == NONE || right == NONE) {
        return;
    }
    uint32_t size = w->symbols[left].size + w->symbols[right].size;
    int32_t id = tern__token_find(w->tokenizer, w->text + w->symbols[left].start, size);
    if (id >= 0) {
        push(w, (pair){w->tokenizer->scores[id], left, right, size});
    }
}

// Copies a stretch of text with its spaces marked; returns the size of the copy.
static uint32_t mark_spaces(workspace *w, const char *text, uint32_t size, bool prefix) {
    char *out = w->text;
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
    return (uint32_t)(out - w->text);
}

static uint32_t split(workspace *w, uint32_t size) {
    uint32_t count = 0;
    for (uint32_t start = 0; start < size;) {
        uint32_t length = character_size((const uint8_t *)w->text + start, size - start);
        uint32_t next = start + length < size ? count + 1 : NONE;
        w->symbols[count] = (symbol){start, length, count ? count - 1 : NONE, next};
        start += length;
        count++;
    }
    return count;
}

static void merge(workspace *w, uint32_t count) {
    w->heap_size = 0;
    for (uint32_t i = 1; i < count; i++) {
        try_pair(w, i - 1, i);
    }
    while (w->heap_size > 0) {
        pair best = pop(w);
        symbol *left = &w->symbols[best.left];
        symbol *right = &w->symbols[best.right];
        if (left->size == 0 || right->size == 0 || left->size + right->size != best.size) {
            continue;
        }
        left->size = best.size;
        right->size = 0;
        left->next = right->next;
        if (left->next != NONE) {
            w->symbols[left->next].previous = best.left;
        }
        try_pair(w, left->previous, best.left);
        try_pair(w, best.left, left->next);
    }
}

// The bytes of a character that is no token, or the unknown token where a byte has none.
static void spell(const tern_tokenizer *tokenizer, const char *text, uint32_t size,
                  tern__ids *out) {
    if (size == sizeof space_mark && memcmp(text, space_mark, size) == 0) {
        text = " "; // a vocabulary without the mark: back to what it stands for
        size = 1;
    }
    for (uint32_t i = 0; i < size; i++) {
        if (tokenizer->bytes[(uint8_t)text[i]] < 0) {
            tern__ids_add(out, tokenizer->unknown);
            return;
        }
    }
    for (uint32_t i = 0; i < size; i++) {
        tern__ids_add(out, tokenizer->bytes[(uint8_t)text[i]]);
    }
}

static void encode_stretch(workspace *w, const char *text, uint32_t size, bool prefix,
                           tern__ids *out) {
    uint32_t count = split(w, mark_spaces(w, text, size, prefix));
    merge(w, count);
    for (uint32_t i = count ? 0 : NONE; i != NONE; i = w->symbols[i].next) {
        const char *piece = w->text + w->symbols[i].start;
        int32_t id = tern__token_find(w->tokenizer, piece, w->symbols[i].size);
        if (id >= 0) {
            tern__ids_add(out, id);
        } else {
            spell(w->tokenizer, piece, w->symbols[i].size, out);
        }
    }
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

static void encode_marked(workspace *w, const char *text, uint32_t size, const int32_t *owner,
                          tern__ids *out) {
    bool prefix = w->tokenizer->add_space_prefix;
    for (uint32_t i = 0; i < size;) {
        uint32_t length = 0;
        if (owner[i] >= 0) {
            tern__ids_add(out, owner[i]);
            tern__token_text(w->tokenizer, (uint32_t)owner[i], &length);
            prefix = w->tokenizer->add_space_prefix;
        } else {
            while (i + length < size && owner[i + length] == FREE) {
                length++;
            }
            encode_stretch(w, text + i, length, prefix, out);
            prefix = false;
        }
        i += length;
    }
}

static tern_status encode_special(workspace *w, const char *text, uint32_t size, bool special,
                                  tern__ids *out) {
    const tern_tokenizer *tokenizer = w->tokenizer;
    size_t bytes = 0;
    int32_t *owner =
        tern__mul_size(size, sizeof *owner, &bytes) ? tern__alloc(tokenizer->context, bytes) : NULL;
    if (!owner) {
        return tern__fail_memory(tokenizer->context, (uint64_t)size * sizeof *owner,
                                 "encoding a text");
    }
    for (uint32_t i = 0; i < size; i++) {
        owner[i] = FREE;
    }
    for (uint32_t i = 0; i < tokenizer->special_count; i++) {
        uint32_t id = tokenizer->special[i];
        if (special || tokenizer->types[id] == TERN__TOKEN_USER_DEFINED) {
            mark_token(tokenizer, id, text, size, owner);
        }
    }
    encode_marked(w, text, size, owner, out);
    tern__free(tokenizer->context, owner);
    return TERN_STATUS_OK;
}

tern_status tern__spm_encode(const tern_tokenizer *tokenizer, const char *text, uint32_t size,
                             bool special, tern__ids *out) {
    // Characters are at most the bytes and the prefix; each join takes a pair and adds two.
    size_t each = sizeof(symbol) + 2 * sizeof(pair) + sizeof space_mark;
    size_t count = (size_t)size + 1;
    size_t bytes = 0;
    char *memory =
        tern__mul_size(count, each, &bytes) ? tern__alloc(tokenizer->context, bytes) : NULL;
    if (!memory) {
        return tern__fail_memory(tokenizer->context, (uint64_t)count * each, "encoding a text");
    }
    workspace w = {.tokenizer = tokenizer};
    w.heap = (pair *)memory;
    w.symbols = (symbol *)(w.heap + 2 * count);
    w.text = (char *)(w.symbols + count);
    tern_status status = TERN_STATUS_OK;
    if (special || tokenizer->has_user_defined) {
        status = encode_special(&w, text, size, special, out);
    } else if (size > 0) {
        encode_stretch(&w, text, size, tokenizer->add_space_prefix, out);
    }
    tern__free(tokenizer->context, memory);
    return status;
}
