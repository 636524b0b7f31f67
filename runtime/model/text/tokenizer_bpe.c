// Byte pair encoding: a word starts as single letters; again and again the adjacent pair that makes
// the best token is joined, the leftmost on a tie. Letters are bytes (byte-level vocabularies) or
// characters; which pairs join is said by a list of merges, or a pair joins when its text is a
// token, the best score first (SentencePiece, tiktoken). A heap holds the pairs: O(n log n).
#include <stdlib.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/text/text.h"
#include "runtime/model/text/tokenizer.h"
#include "runtime/status.h"

#define NONE UINT32_MAX

// A merge, found by its two tokens.
typedef struct join {
    uint32_t left; // NONE: free
    uint32_t right;
    uint32_t result;
    uint32_t order; // the lower, the better
} join;

typedef struct bpe {
    join *joins; // open addressing; NULL: pairs join by their text
    uint32_t mask;
    uint32_t *orders;            // by text: of each token; 0 has the best score
    uint32_t longest;            // bytes of the longest token
    int32_t letters[256];        // token of each byte, or -1
    uint32_t neighbours[256][8]; // bit b: some token has this byte before byte b
    int32_t replacement[3];      // ids of U+FFFD, for bytes that no text in UTF-8 has
    uint32_t replacement_size;
} bpe;

// A piece of text, in a list in the text's order. Size 0: joined to the one before.
typedef struct symbol {
    uint32_t start;
    uint32_t size;
    uint32_t previous;
    uint32_t next;
    int32_t id;     // -1: no token
    int32_t joined; // token that this and the next make, or -1
    uint32_t order; // of that
} symbol;

// Memory of one word.
typedef struct workspace {
    const tern_tokenizer *tokenizer;
    const bpe *model;
    const char *text;
    symbol *symbols;
    uint64_t *heap; // order << 32 | left symbol: of two alike the leftmost comes first
    size_t heap_size;
} workspace;

static void push(workspace *w, uint64_t item) {
    size_t i = w->heap_size++;
    while (i > 0 && item < w->heap[(i - 1) / 2]) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = item;
}

static uint64_t pop(workspace *w) {
    uint64_t top = w->heap[0];
    uint64_t item = w->heap[--w->heap_size];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= w->heap_size) {
            break;
        }
        child += child + 1 < w->heap_size && w->heap[child + 1] < w->heap[child];
        if (w->heap[child] >= item) {
            break;
        }
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = item;
    return top;
}

// The slot of this pair, or the free one where it belongs.
static join *slot_of(const bpe *model, uint32_t left, uint32_t right) {
    uint64_t hash = ((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15u;
    uint32_t slot = (uint32_t)(hash >> 32) & model->mask;
    while (model->joins[slot].left != NONE &&
           (model->joins[slot].left != left || model->joins[slot].right != right)) {
        slot = (slot + 1) & model->mask;
    }
    return &model->joins[slot];
}

// Notes what |left| and the symbol after it make.
static void try_pair(workspace *w, uint32_t left) {
    if (left == NONE) {
        return;
    }
    symbol *a = &w->symbols[left];
    a->joined = -1;
    if (a->next == NONE) {
        return;
    }
    const symbol *b = &w->symbols[a->next];
    if (!w->model->joins) {
        uint32_t size = a->size + b->size;
        a->joined = size <= w->model->longest
                        ? tern__vocabulary_find(&w->tokenizer->v, w->text + a->start, size)
                        : -1;
        a->order = a->joined >= 0 ? w->model->orders[a->joined] : 0;
    } else if (a->id >= 0 && b->id >= 0) {
        const join *found = slot_of(w->model, (uint32_t)a->id, (uint32_t)b->id);
        a->joined = found->left == NONE ? -1 : (int32_t)found->result;
        a->order = found->order;
    }
    if (a->joined >= 0) {
        push(w, (uint64_t)a->order << 32 | left);
    }
}

static bool has_joints(const tern__vocabulary *v) {
    return v->continuing.size + v->ending.size > 0;
}

// A letter as the tokens have it at its place in the word.
typedef struct spelled {
    char text[4 + 2 * TERN__MAX_JOINT];
    uint32_t size;
} spelled;

static void put(spelled *to, const char *text, uint32_t size) {
    memcpy(to->text + to->size, text, size);
    to->size += size;
}

static void spell_letter(const tern__vocabulary *v, const char *word, uint32_t word_size,
                         tern__span letter, spelled *to) {
    to->size = 0;
    if (letter.start > 0) {
        put(to, v->text + v->continuing.start, v->continuing.size);
    }
    put(to, word + letter.start, letter.size);
    if (letter.start + letter.size == word_size) {
        put(to, v->text + v->ending.start, v->ending.size);
    }
}

static int32_t find_letter(const workspace *w, uint32_t size, tern__span letter) {
    const tern__vocabulary *v = &w->tokenizer->v;
    const char *text = w->text + letter.start;
    if (has_joints(v)) {
        spelled s;
        spell_letter(v, w->text, size, letter, &s);
        return tern__vocabulary_find(v, s.text, s.size);
    }
    return v->byte_level ? w->model->letters[(uint8_t)*text]
                         : tern__vocabulary_find(v, text, letter.size);
}

static uint32_t split(workspace *w, uint32_t size) {
    const tern__vocabulary *v = &w->tokenizer->v;
    uint32_t count = 0;
    for (uint32_t start = 0; start < size; count++) {
        const char *letter = w->text + start;
        uint32_t length = v->byte_level ? 1 : tern__character_size(letter, size - start);
        int32_t id = find_letter(w, size, (tern__span){start, length});
        uint32_t next = start + length < size ? count + 1 : NONE;
        w->symbols[count] = (symbol){start, length, count ? count - 1 : NONE, next, id, -1, 0};
        start += length;
    }
    return count;
}

// What lies in the heap may be out of date: the symbol is gone, or makes another token by now.
static void merge(workspace *w, uint32_t count) {
    w->heap_size = 0;
    for (uint32_t i = 0; i < count; i++) {
        try_pair(w, i);
    }
    while (w->heap_size > 0) {
        uint64_t best = pop(w);
        uint32_t index = (uint32_t)best;
        symbol *left = &w->symbols[index];
        if (left->size == 0 || left->joined < 0 || left->order != best >> 32) {
            continue;
        }
        symbol *right = &w->symbols[left->next];
        left->size += right->size;
        left->id = left->joined;
        left->next = right->next;
        right->size = 0;
        if (left->next != NONE) {
            w->symbols[left->next].previous = index;
        }
        try_pair(w, left->previous);
        try_pair(w, index);
    }
}

// Bytes that are never part of UTF-8.
static bool is_foreign(uint8_t byte) {
    return byte == 0xc0 || byte == 0xc1 || byte >= 0xf5;
}

// A letter without any token: the unknown token, one for several in a row where the vocabulary
// wants it so. Without that, byte-level vocabularies leave it out, as the tools do that made them;
// what no text has becomes U+FFFD.
static tern_status replace(tern__encoder *encoder, char letter) {
    const tern__vocabulary *v = &encoder->tokenizer->v;
    const bpe *model = encoder->tokenizer->model;
    bool fused = encoder->after_unknown && v->fuse_unknown;
    encoder->after_unknown = true;
    if (v->unknown >= 0) {
        if (!fused) {
            tern__ids_add(encoder->out, v->unknown);
        }
        return TERN_STATUS_OK;
    }
    bool dropped = v->drop_unknown || (v->byte_level && !is_foreign((uint8_t)letter));
    for (uint32_t i = 0; i < model->replacement_size && !dropped; i++) {
        tern__ids_add(encoder->out, model->replacement[i]);
    }
    return model->replacement_size || dropped
               ? TERN_STATUS_OK
               : tern__fail(encoder->context, TERN_STATUS_INVALID_ARGUMENT,
                            "tokenizer: byte 0x%02X of the text has no token in this vocabulary",
                            (unsigned)(uint8_t)letter);
}

// A letter that is no token, in bytes if all of them have one.
static tern_status spell(tern__encoder *encoder, const char *text, uint32_t size) {
    const tern_tokenizer *tokenizer = encoder->tokenizer;
    if (size == 3 && memcmp(text, "\xe2\x96\x81", 3) == 0 && tokenizer->v.mark_spaces) {
        text = " "; // a vocabulary without the mark: back to what it stands for
        size = 1;
    }
    for (uint32_t i = 0; i < size; i++) {
        if (tokenizer->bytes[(uint8_t)text[i]] < 0) {
            return replace(encoder, text[i]);
        }
    }
    encoder->after_unknown = false;
    for (uint32_t i = 0; i < size; i++) {
        tern__ids_add(encoder->out, tokenizer->bytes[(uint8_t)text[i]]);
    }
    return TERN_STATUS_OK;
}

static tern_status encode_letters(tern__encoder *encoder, const char *word, uint32_t size) {
    // Letters are at most the bytes; each join takes a pair and adds two.
    workspace w = {
        .tokenizer = encoder->tokenizer, .model = encoder->tokenizer->model, .text = word};
    w.heap = tern__encoder_room(encoder, size, sizeof(symbol) + 2 * sizeof *w.heap);
    if (!w.heap) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    w.symbols = (symbol *)(w.heap + 2 * (size_t)size);
    merge(&w, split(&w, size));
    for (uint32_t i = 0; i != NONE; i = w.symbols[i].next) {
        const symbol *s = &w.symbols[i];
        if (s->id >= 0) {
            tern__ids_add(encoder->out, s->id);
            encoder->after_unknown = false;
        } else if (has_joints(&w.tokenizer->v)) {
            spelled letter;
            spell_letter(&w.tokenizer->v, word, size, (tern__span){s->start, s->size}, &letter);
            TERN_TRY(spell(encoder, letter.text, letter.size));
        } else {
            TERN_TRY(spell(encoder, word + s->start, s->size));
        }
    }
    return TERN_STATUS_OK;
}

// Where |word| may be cut without changing a thing: between two bytes that no token has side by
// side, and not within a character. What SentencePiece sees as one word, a whole text, becomes many
// small ones.
static uint32_t part_size(const bpe *model, const char *word, uint32_t size) {
    uint32_t at = 1;
    for (; at < size; at++) {
        uint8_t left = (uint8_t)word[at - 1];
        uint8_t right = (uint8_t)word[at];
        if ((right & 0xc0) != 0x80 && !(model->neighbours[left][right / 32] >> right % 32 & 1)) {
            break;
        }
    }
    return at;
}

static tern_status encode_parts(tern__encoder *encoder, const char *word, uint32_t size) {
    if (has_joints(&encoder->tokenizer->v)) { // where a word begins and ends matters
        return encode_letters(encoder, word, size);
    }
    for (uint32_t at = 0; at < size;) {
        uint32_t part = part_size(encoder->tokenizer->model, word + at, size - at);
        TERN_TRY(encode_letters(encoder, word + at, part));
        at += part;
    }
    return TERN_STATUS_OK;
}

static bool is_lines(const char *word, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        if (word[i] != '\n') {
            return false;
        }
    }
    return true;
}

tern_status tern__bpe_encode(tern__encoder *encoder, const char *word, uint32_t size) {
    const tern__vocabulary *v = &encoder->tokenizer->v;
    encoder->after_unknown = false;
    bool whole = v->whole_words || (v->whole_lines && is_lines(word, size));
    int32_t id = whole ? tern__vocabulary_find(v, word, size) : -1;
    if (id < 0) {
        return encode_parts(encoder, word, size);
    }
    tern__ids_add(encoder->out, id);
    return TERN_STATUS_OK;
}

static tern_status index_merges(bpe *model, const tern__vocabulary *v) {
    uint32_t slots = 16;
    while (slots / 2 < v->merge_count) {
        slots *= 2;
    }
    model->joins = tern__alloc(v->context, slots * sizeof *model->joins);
    if (!model->joins) {
        return tern__fail_memory(v->context, slots * sizeof *model->joins, "a vocabulary");
    }
    model->mask = slots - 1;
    for (uint32_t i = 0; i < slots; i++) {
        model->joins[i] = (join){.left = NONE};
    }
    for (uint32_t i = 0; i < v->merge_count; i++) {
        const tern__merge *m = &v->merges[i];
        join *slot = slot_of(model, m->left, m->right);
        if (slot->left == NONE) { // of two, the first counts
            *slot = (join){m->left, m->right, m->result, i};
        }
    }
    return TERN_STATUS_OK;
}

static int compare_scores(const void *a, const void *b) {
    const tern__token *const *x = a, *const *y = b;
    return ((*x)->score < (*y)->score) - ((*x)->score > (*y)->score);
}

// Tokens of one score have one order.
static tern_status index_scores(bpe *model, const tern__vocabulary *v) {
    size_t bytes = v->token_count * (sizeof(void *) + sizeof *model->orders);
    const tern__token **sorted = tern__calloc(v->context, v->token_count, sizeof *sorted);
    model->orders = tern__calloc(v->context, v->token_count, sizeof *model->orders);
    if (!sorted || !model->orders) {
        tern__free(v->context, sorted);
        return tern__fail_memory(v->context, bytes, "a vocabulary");
    }
    for (size_t id = 0; id < v->token_count; id++) {
        sorted[id] = &v->tokens[id];
    }
    qsort(sorted, v->token_count, sizeof *sorted, compare_scores);
    for (size_t i = 1; i < v->token_count; i++) {
        bool worse = sorted[i]->score < sorted[i - 1]->score;
        model->orders[sorted[i] - v->tokens] = model->orders[sorted[i - 1] - v->tokens] + worse;
    }
    tern__free(v->context, sorted);
    return TERN_STATUS_OK;
}

// Characters without a token are spelled in bytes, or are the unknown token.
static tern_status check_bytes(const tern_tokenizer *tokenizer) {
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

// The letter of a byte may be a control token (CLIP's padding is "!"): nothing else can write it.
static void index_letters(bpe *model, const tern__vocabulary *v) {
    for (int byte = 0; byte < 256; byte++) {
        char letter = (char)byte;
        model->letters[byte] = tern__vocabulary_find(v, &letter, 1);
    }
    for (size_t id = 0; v->byte_level && id < v->token_count; id++) {
        const tern__token *token = &v->tokens[id];
        int32_t *letter = &model->letters[(uint8_t)v->text[token->start]];
        if (token->size == 1 && *letter < 0 && !(token->added & TERN__ADDED_ONLY)) {
            *letter = (int32_t)id;
        }
    }
}

static void index_tokens(bpe *model, const tern__vocabulary *v) {
    for (size_t id = 0; id < v->token_count; id++) {
        const tern__token *token = &v->tokens[id];
        const uint8_t *text = (const uint8_t *)v->text + token->start;
        model->longest = token->size > model->longest ? token->size : model->longest;
        for (uint32_t i = 1; i < token->size; i++) {
            model->neighbours[text[i - 1]][text[i] / 32] |= UINT32_C(1) << text[i] % 32;
        }
    }
}

static tern_status find_replacement(tern_tokenizer *tokenizer) {
    bpe *model = tokenizer->model;
    tern__ids ids = {model->replacement, 3, 0};
    tern__encoder encoder = {.tokenizer = tokenizer, .context = tokenizer->v.context, .out = &ids};
    for (const char *c = "\xef\xbf\xbd"; *c; c++) {
        if (model->letters[(uint8_t)*c] < 0) {
            return TERN_STATUS_OK; // encoding such a byte fails
        }
    }
    tern_status status = encode_letters(&encoder, "\xef\xbf\xbd", 3);
    model->replacement_size = (uint32_t)ids.count;
    tern__free(encoder.context, encoder.room);
    return status;
}

tern_status tern__bpe_finish(tern_tokenizer *tokenizer) {
    const tern__vocabulary *v = &tokenizer->v;
    if (!v->byte_level && v->join_by_score) {
        TERN_TRY(check_bytes(tokenizer));
    }
    bpe *model = tern__calloc(v->context, 1, sizeof *model);
    tokenizer->model = model;
    if (!model) {
        return tern__fail_memory(v->context, sizeof *model, "a vocabulary");
    }
    index_letters(model, v);
    index_tokens(model, v);
    TERN_TRY(v->join_by_score ? index_scores(model, v) : index_merges(model, v));
    return v->byte_level ? find_replacement(tokenizer) : TERN_STATUS_OK;
}

void tern__bpe_destroy(tern_tokenizer *tokenizer) {
    bpe *model = tokenizer->model;
    if (model) {
        tern__free(tokenizer->v.context, model->joins);
        tern__free(tokenizer->v.context, model->orders);
        tern__free(tokenizer->v.context, model);
    }
}
