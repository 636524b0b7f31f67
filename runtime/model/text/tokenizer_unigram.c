// Unigram language model (arXiv 1804.10959): of all ways to write a text as tokens, the one whose
// scores, logarithms of probabilities, have the greatest sum. A character that begins no token
// alone may be the unknown token, at a score below all others'.
#include <inttypes.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/text/text.h"
#include "runtime/model/text/tokenizer.h"
#include "runtime/model/text/trie.h"
#include "runtime/status.h"

// How much worse an unknown character is than the worst token; SentencePiece's number.
static const float unknown_penalty = 10.0f;

typedef struct unigram {
    tern__trie trie;
    double unknown_score;
} unigram;

// The best way to reach a position: by token |id| (-1: unknown, a character) from |start|.
typedef struct step {
    double score;
    int32_t id;
    uint32_t start; // NONE: not reached yet
} step;

#define NONE UINT32_MAX

void tern__unigram_destroy(tern_tokenizer *tokenizer) {
    unigram *model = tokenizer->model;
    if (model) {
        tern__trie_finish(tokenizer->v.context, &model->trie);
    }
    tern__free(tokenizer->v.context, model);
    tokenizer->model = NULL;
}

static double find_unknown_score(const tern__vocabulary *v) {
    double worst = 0;
    bool any = false;
    for (size_t id = 0; id < v->token_count; id++) {
        const tern__token *token = &v->tokens[id];
        if (token->type == TERN__TOKEN_NORMAL && (!any || token->score < worst)) {
            worst = token->score;
            any = true;
        }
    }
    return v->single_scores ? (double)((float)worst - unknown_penalty) : worst - unknown_penalty;
}

tern_status tern__unigram_finish(tern_tokenizer *tokenizer) {
    const tern__vocabulary *v = &tokenizer->v;
    for (int byte = 0; byte < 256 && v->unknown < 0; byte++) {
        if (tokenizer->bytes[byte] < 0) {
            return tern__fail(
                v->context, TERN_STATUS_CORRUPT_DATA,
                "%s: the vocabulary has neither a token <0x%02X> nor an unknown token", v->file,
                (unsigned)byte);
        }
    }
    unigram *model = tern__calloc(v->context, 1, sizeof *model);
    tokenizer->model = model;
    if (!model) {
        return tern__fail_memory(v->context, sizeof *model, "a vocabulary");
    }
    model->unknown_score = find_unknown_score(v);
    return tern__trie_of_tokens(v, &model->trie);
}

// Sums are rounded as the model's trainer rounds them, which decides between ways almost equal.
static void offer(const tern__vocabulary *v, step *to, uint32_t start, int32_t id, double score) {
    score = v->single_scores ? (double)(float)score : score;
    if (to->start == NONE || score > to->score) {
        *to = (step){score, id, start};
    }
}

static void extend(const tern_tokenizer *tokenizer, step *best, const char *text, uint32_t size,
                   uint32_t start) {
    const unigram *model = tokenizer->model;
    const tern__vocabulary *v = &tokenizer->v;
    uint32_t character = tern__character_size(text + start, size - start);
    bool alone = false;
    uint32_t node = 0;
    for (uint32_t end = start; end < size;) {
        node = tern__trie_step(&model->trie, node, (uint8_t)text[end++]);
        if (node == 0) {
            break;
        }
        int32_t id = tern__trie_value(&model->trie, node);
        if (id >= 0) {
            offer(v, &best[end], start, id, v->tokens[id].score + best[start].score);
            alone |= end - start == character;
        }
    }
    if (!alone) {
        offer(v, &best[start + character], start, -1, model->unknown_score + best[start].score);
    }
}

// The unknown text [start, end), in bytes where each has a token.
static void spell(const tern_tokenizer *tokenizer, const char *text, uint32_t size,
                  tern__ids *out) {
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

// Turns the way that ends at |size| round: each step then says where the next one ends. Returns
// where the first one does.
static uint32_t turn(step *best, uint32_t size) {
    uint32_t after = 0;
    for (uint32_t at = size; at > 0;) {
        uint32_t before = best[at].start;
        best[at].start = after;
        after = at;
        at = before;
    }
    return after;
}

// Unknown characters in a row are one unknown token.
static void emit(const tern_tokenizer *tokenizer, const step *best, uint32_t first,
                 const char *text, tern__ids *out) {
    uint32_t start = 0;
    for (uint32_t end = first; end > 0; end = best[end].start) {
        if (best[end].id >= 0) {
            tern__ids_add(out, best[end].id);
        } else if (best[end].start > 0 && best[best[end].start].id < 0) {
            continue;
        } else {
            spell(tokenizer, text + start, end - start, out);
        }
        start = end;
    }
}

tern_status tern__unigram_encode(tern__encoder *encoder, const char *word, uint32_t size) {
    const tern_tokenizer *tokenizer = encoder->tokenizer;
    step *best = tern__encoder_room(encoder, (size_t)size + 1, sizeof *best);
    if (!best) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i <= size; i++) {
        best[i].start = NONE;
    }
    best[0] = (step){0, -1, 0};
    for (uint32_t i = 0; i < size; i += tern__character_size(word + i, size - i)) {
        extend(tokenizer, best, word, size, i);
    }
    emit(tokenizer, best, turn(best, size), word, encoder->out);
    return TERN_STATUS_OK;
}
