// WordPiece as BERT uses it: a word is cut into the longest tokens from its start on, where those
// that go on within a word are spelled with a prefix ("##"); if a rest has none, the whole word is
// unknown.
#include <inttypes.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/text/text.h"
#include "runtime/model/text/tokenizer.h"
#include "runtime/model/text/trie.h"
#include "runtime/status.h"

typedef struct wordpiece {
    tern__trie trie;
    uint32_t continuing; // the node after the prefix
    bool continues;      // if there is one
} wordpiece;

void tern__wordpiece_destroy(tern_tokenizer *tokenizer) {
    wordpiece *model = tokenizer->model;
    if (model) {
        tern__trie_finish(tokenizer->v.context, &model->trie);
    }
    tern__free(tokenizer->v.context, model);
    tokenizer->model = NULL;
}

static void find_continuing(const tern__vocabulary *v, wordpiece *model) {
    model->continues = true;
    for (uint32_t i = 0; i < v->continuing.size && model->continues; i++) {
        uint8_t byte = (uint8_t)v->text[v->continuing.start + i];
        model->continuing = tern__trie_step(&model->trie, model->continuing, byte);
        model->continues = model->continuing != 0;
    }
}

tern_status tern__wordpiece_finish(tern_tokenizer *tokenizer) {
    const tern__vocabulary *v = &tokenizer->v;
    if (v->unknown < 0) {
        return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: a WordPiece vocabulary without an unknown token", v->file);
    }
    wordpiece *model = tern__calloc(v->context, 1, sizeof *model);
    tokenizer->model = model;
    if (!model) {
        return tern__fail_memory(v->context, sizeof *model, "a vocabulary");
    }
    TERN_TRY(tern__trie_of_tokens(v, &model->trie));
    find_continuing(v, model);
    return TERN_STATUS_OK;
}

// Whether |word| has more than |most| characters.
static bool is_longer(const char *word, uint32_t size, uint32_t most) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < size && count <= most; count++) {
        i += tern__character_size(word + i, size - i);
    }
    return count > most;
}

static bool cut(const wordpiece *model, const char *word, uint32_t size, tern__ids *out) {
    for (uint32_t i = 0, length; i < size; i += length) {
        if (i > 0 && !model->continues) {
            return false;
        }
        uint32_t from = i > 0 ? model->continuing : 0;
        int32_t id = tern__trie_longest(&model->trie, from, word + i, size - i, &length);
        if (id < 0) {
            return false;
        }
        tern__ids_add(out, id);
    }
    return true;
}

// A vocabulary of whole words.
tern_status tern__words_encode(tern__encoder *encoder, const char *word, uint32_t size) {
    const tern__vocabulary *v = &encoder->tokenizer->v;
    int32_t id = tern__vocabulary_find(v, word, size);
    id = id < 0 ? v->unknown : id;
    if (id < 0) {
        return tern__fail(encoder->context, TERN_STATUS_INVALID_ARGUMENT,
                          "tokenizer: the word '%.*s' has no token in this vocabulary, and there "
                          "is no unknown token",
                          (int)(size < 64 ? size : 64), word);
    }
    tern__ids_add(encoder->out, id);
    return TERN_STATUS_OK;
}

tern_status tern__wordpiece_encode(tern__encoder *encoder, const char *word, uint32_t size) {
    const tern_tokenizer *tokenizer = encoder->tokenizer;
    size_t before = encoder->out->count;
    uint32_t most = tokenizer->v.word_limit ? tokenizer->v.word_limit : UINT32_MAX;
    if (is_longer(word, size, most) || !cut(tokenizer->model, word, size, encoder->out)) {
        encoder->out->count = before;
        tern__ids_add(encoder->out, tokenizer->v.unknown);
    }
    return TERN_STATUS_OK;
}
