// Encoding as SentencePiece's BPE does it: the text starts as single characters; again and again
// the adjacent pair that makes the token with the best score is joined, the leftmost on a tie; what
// is no token in the end is spelled in bytes.
#include "runtime/model/tokenizer.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/status.h"

#define NONE UINT32_MAX

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
    double score;
    uint32_t left;
    uint32_t right;
    uint32_t size; // of both, to notice that one has changed since
} pair;

// Memory of one word.
typedef struct workspace {
    const tern_tokenizer *tokenizer;
    const char *text;
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
    int32_t id = tern__vocabulary_find(&w->tokenizer->v, w->text + w->symbols[left].start, size);
    if (id >= 0) {
        push(w, (pair){w->tokenizer->v.tokens[id].score, left, right, size});
    }
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
            tern__ids_add(out, tokenizer->v.unknown);
            return;
        }
    }
    for (uint32_t i = 0; i < size; i++) {
        tern__ids_add(out, tokenizer->bytes[(uint8_t)text[i]]);
    }
}

tern_status tern__spm_encode(tern__encoder *encoder, const char *word, uint32_t size) {
    // Characters are at most the bytes; each join takes a pair and adds two.
    workspace w = {.tokenizer = encoder->tokenizer, .text = word};
    w.heap = tern__encoder_room(encoder, size * (sizeof(symbol) + 2 * sizeof(pair)));
    if (!w.heap) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    w.symbols = (symbol *)(w.heap + 2 * (size_t)size);
    merge(&w, split(&w, size));
    for (uint32_t i = 0; i != NONE; i = w.symbols[i].next) {
        const char *piece = word + w.symbols[i].start;
        int32_t id = tern__vocabulary_find(&w.tokenizer->v, piece, w.symbols[i].size);
        if (id >= 0) {
            tern__ids_add(encoder->out, id);
        } else {
            spell(w.tokenizer, piece, w.symbols[i].size, encoder->out);
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern__spm_finish(tern_tokenizer *tokenizer) {
    const tern__vocabulary *v = &tokenizer->v;
    for (int byte = 0; byte < 256 && v->unknown < 0; byte++) {
        if (tokenizer->bytes[byte] < 0) {
            return tern__fail(
                v->context, TERN_STATUS_CORRUPT_DATA,
                "%s: the vocabulary has neither a token <0x%02X> nor an unknown token", v->file,
                (unsigned)byte);
        }
    }
    return TERN_STATUS_OK;
}
