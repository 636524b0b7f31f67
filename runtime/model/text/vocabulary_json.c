// Reads a tokenizer.json of Hugging Face's tokenizers: the model and the added tokens.
#include "runtime/model/text/vocabulary_json.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/status.h"

typedef struct model {
    tern__vocabulary *v;
    const tern__json *json;
    const tern__json *added; // list of added tokens, or NULL
    bool byte_fallback;
    size_t own;    // tokens of the model, before those that are added
    uint32_t most; // the greatest id allowed: so many tokens are named, and a few may be missing
    char *bytes;   // byte-level: of a token or of two that merge
    size_t capacity;
} model;

enum { MISSING_IDS = 1 << 16 };

// Text that is lent.
typedef struct piece {
    const char *text;
    size_t size;
} piece;

static tern_status check_id(const model *m, const char *text, uint32_t id) {
    if (id <= m->most) {
        return TERN_STATUS_OK;
    }
    return tern__fail(m->v->context, TERN_STATUS_CORRUPT_DATA,
                      "%s: token '%.40s' has the id %" PRIu32 ", expected at most %" PRIu32,
                      m->v->file, text, id, m->most);
}

// |text| as the bytes that its characters stand for, where it is byte-level.
static tern_status to_bytes(model *m, size_t at, const char *text, size_t size, size_t *out_size) {
    *out_size = size;
    if (!tern__grow(m->v->context, (void **)&m->bytes, &m->capacity, at + size + 1, 1)) {
        return tern__fail_memory(m->v->context, at + size + 1, "a vocabulary");
    }
    if (!m->v->byte_level || !tern__byte_letters(text, size, m->bytes + at, out_size)) {
        memcpy(m->bytes + at, text, size);
        *out_size = size;
    }
    return TERN_STATUS_OK;
}

static tern_status set_token(model *m, uint32_t id, const char *text, size_t size, double score) {
    size_t bytes;
    TERN_TRY(check_id(m, text, id));
    int32_t type = m->byte_fallback && tern__token_byte(text, size) >= 0 ? TERN__TOKEN_BYTE
                                                                         : TERN__TOKEN_NORMAL;
    TERN_TRY(to_bytes(m, 0, text, size, &bytes));
    return tern__vocabulary_set(m->v, id, m->bytes, bytes, score, type);
}

// {"token": id, ...}
static tern_status read_words(model *m, const tern__json *vocab) {
    if (!vocab || vocab->type != TERN__JSON_OBJECT) {
        return tern__fail(m->v->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: the model's 'vocab' is %s, expected an object", m->v->file,
                          tern__json_type_name(vocab));
    }
    TERN_TRY(tern__json_check_unique(m->v->context, m->v->file, vocab));
    m->most = vocab->size + (m->added ? m->added->size : 0) + MISSING_IDS;
    for (const tern__json *t = tern__json_first(vocab); t; t = tern__json_next(vocab, t)) {
        uint32_t id;
        TERN_TRY(tern__json_to_id(m->v, t, t->key, &id));
        if (id < m->v->token_count && m->v->tokens[id].type != TERN__TOKEN_UNUSED) {
            return tern__fail(m->v->context, TERN_STATUS_CORRUPT_DATA,
                              "%s: 'vocab' has the id %" PRIu32 " twice, for '%.64s' too",
                              m->v->file, id, t->key);
        }
        TERN_TRY(set_token(m, id, t->key, t->key_size, 0.0));
    }
    return TERN_STATUS_OK;
}

static tern_status read_vocabulary(model *m) {
    return read_words(m, tern__json_get(m->json, "vocab"));
}

// [["token", score], ...]
static tern_status read_scored(model *m) {
    const tern__json *vocab;
    uint32_t id = 0;
    TERN_TRY(tern__json_want_list(m->v, m->json, "vocab", &vocab));
    m->most = vocab->size + (m->added ? m->added->size : 0) + MISSING_IDS;
    for (const tern__json *t = tern__json_first(vocab); t; t = tern__json_next(vocab, t)) {
        const tern__json *text = t->type == TERN__JSON_ARRAY ? tern__json_first(t) : NULL;
        const tern__json *score = text ? tern__json_next(t, text) : NULL;
        if (!score || text->type != TERN__JSON_STRING || score->type != TERN__JSON_NUMBER) {
            return tern__fail(m->v->context, TERN_STATUS_CORRUPT_DATA,
                              "%s: token %" PRIu32 " is not a pair of a string and a score",
                              m->v->file, id);
        }
        TERN_TRY(set_token(m, id++, text->as.string, text->size, tern__json_number_of(score)));
    }
    return TERN_STATUS_OK;
}

// The token that stands for what has none, by its text; it is no part of a text itself.
static tern_status read_unknown(model *m) {
    const char *text;
    TERN_TRY(tern__json_want_string(m->v, m->json, "unk_token", "", &text));
    m->v->unknown = tern__vocabulary_find_any(m->v, text, strlen(text));
    if (m->v->unknown >= 0) {
        m->v->tokens[m->v->unknown].type = TERN__TOKEN_UNKNOWN;
    }
    return TERN_STATUS_OK;
}

// What tokens of BPE begin or end with, by their place in a word.
static tern_status read_joint(const model *m, const char *key, tern__span *out) {
    const char *text;
    TERN_TRY(tern__json_want_string(m->v, m->json, key, "", &text));
    return strlen(text) > TERN__MAX_JOINT ? tern__json_refuse(m->v, key, text)
                                          : tern__vocabulary_keep(m->v, text, strlen(text), out);
}

static tern_status add_merge(model *m, piece left, piece right) {
    size_t left_size;
    size_t right_size;
    TERN_TRY(to_bytes(m, 0, left.text, left.size, &left_size));
    TERN_TRY(to_bytes(m, left_size, right.text, right.size, &right_size));
    return tern__vocabulary_merge(m->v, m->bytes, left_size, m->bytes + left_size, right_size);
}

static tern_status refuse_merge(const model *m) {
    return tern__fail(m->v->context, TERN_STATUS_CORRUPT_DATA, "%s: merge %zu is not two tokens",
                      m->v->file, m->v->merge_count);
}

// "left right"
static tern_status read_spaced(model *m, const char *text, size_t size) {
    const char *space = size > 2 ? memchr(text + 1, ' ', size - 1) : NULL;
    if (!space) {
        return refuse_merge(m);
    }
    size_t left = (size_t)(space - text);
    return add_merge(m, (piece){text, left}, (piece){space + 1, size - left - 1});
}

// "left right", or ["left", "right"] since tokens may have spaces.
static tern_status read_merge(model *m, const tern__json *merge) {
    const tern__json *a = merge->type == TERN__JSON_ARRAY ? tern__json_first(merge) : NULL;
    const tern__json *b = a ? tern__json_next(merge, a) : NULL;
    if (b && a->type == TERN__JSON_STRING && b->type == TERN__JSON_STRING) {
        return add_merge(m, (piece){a->as.string, a->size}, (piece){b->as.string, b->size});
    }
    return merge->type == TERN__JSON_STRING ? read_spaced(m, merge->as.string, merge->size)
                                            : refuse_merge(m);
}

static tern_status read_merges(model *m) {
    const tern__json *merges;
    TERN_TRY(tern__json_want_list(m->v, m->json, "merges", &merges));
    TERN_TRY(tern__vocabulary_index(m->v));
    for (const tern__json *p = tern__json_first(merges); p; p = tern__json_next(merges, p)) {
        TERN_TRY(read_merge(m, p));
    }
    return TERN_STATUS_OK;
}

static tern_status read_bpe(model *m) {
    const tern__json *dropout = tern__json_get(m->json, "dropout");
    if (!tern__json_is_none(dropout) && tern__json_number_of(dropout) != 0) {
        return tern__json_refuse(m->v, "model", "BPE with dropout");
    }
    TERN_TRY(read_joint(m, "continuing_subword_prefix", &m->v->continuing));
    TERN_TRY(read_joint(m, "end_of_word_suffix", &m->v->ending));
    TERN_TRY(tern__json_want_bool(m->v, m->json, "byte_fallback", false, &m->byte_fallback));
    TERN_TRY(tern__json_want_bool(m->v, m->json, "fuse_unk", false, &m->v->fuse_unknown));
    TERN_TRY(tern__json_want_bool(m->v, m->json, "ignore_merges", false, &m->v->whole_words));
    m->v->kind = m->v->byte_level ? "gpt2" : "llama";
    m->v->drop_unknown = true;
    TERN_TRY(read_vocabulary(m));
    TERN_TRY(read_merges(m));
    return read_unknown(m);
}

static tern_status read_unigram(model *m) {
    const tern__json *unknown = tern__json_get(m->json, "unk_id");
    uint32_t id;
    TERN_TRY(tern__json_want_bool(m->v, m->json, "byte_fallback", false, &m->byte_fallback));
    m->v->kind = "t5";
    m->v->spelled_bytes = true;
    m->v->fuse_unknown = true;
    TERN_TRY(read_scored(m));
    if (tern__json_is_none(unknown)) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(tern__json_to_id(m->v, unknown, "unk_id", &id));
    if (id >= m->v->token_count) {
        return tern__fail(m->v->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: unk_id is %" PRIu32 ", but there are %zu tokens", m->v->file, id,
                          m->v->token_count);
    }
    m->v->unknown = (int32_t)id;
    m->v->tokens[id].type = TERN__TOKEN_UNKNOWN;
    return TERN_STATUS_OK;
}

static tern_status read_wordpiece(model *m) {
    const char *prefix;
    const tern__json *limit = tern__json_get(m->json, "max_input_chars_per_word");
    m->v->kind = "bert";
    m->v->word_limit = 100;
    TERN_TRY(tern__json_want_string(m->v, m->json, "continuing_subword_prefix", "##", &prefix));
    if (!tern__json_is_none(limit)) {
        TERN_TRY(tern__json_to_id(m->v, limit, "max_input_chars_per_word", &m->v->word_limit));
    }
    TERN_TRY(tern__vocabulary_keep(m->v, prefix, strlen(prefix), &m->v->continuing));
    TERN_TRY(read_vocabulary(m));
    return read_unknown(m);
}

static tern_status read_word_level(model *m) {
    m->v->kind = "word";
    TERN_TRY(read_vocabulary(m));
    return read_unknown(m);
}

// Old files do not say what their model is.
static const char *guess_type(const tern__json *json) {
    const tern__json *vocab = tern__json_get(json, "vocab");
    return tern__json_get(json, "merges")                     ? "BPE"
           : vocab && vocab->type == TERN__JSON_ARRAY         ? "Unigram"
           : tern__json_get(json, "max_input_chars_per_word") ? "WordPiece"
                                                              : "WordLevel";
}

static tern_status read_model(model *m) {
    const char *type;
    TERN_TRY(tern__json_want_string(m->v, m->json, "type", guess_type(m->json), &type));
    return strcmp(type, "BPE") == 0         ? read_bpe(m)
           : strcmp(type, "Unigram") == 0   ? read_unigram(m)
           : strcmp(type, "WordPiece") == 0 ? read_wordpiece(m)
           : strcmp(type, "WordLevel") == 0 ? read_word_level(m)
                                            : tern__json_refuse(m->v, "model", type);
}

static tern_status read_flags(const tern__vocabulary *v, const tern__json *token, uint8_t *out) {
    static const struct {
        const char *name;
        uint8_t flag;
    } flags[] = {{"lstrip", TERN__ADDED_LSTRIP},
                 {"rstrip", TERN__ADDED_RSTRIP},
                 {"normalized", TERN__ADDED_NORMALIZED},
                 {"single_word", TERN__ADDED_SINGLE_WORD}};
    *out = 0;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        bool set;
        TERN_TRY(tern__json_want_bool(v, token, flags[i].name, false, &set));
        *out |= set ? flags[i].flag : 0;
    }
    return TERN_STATUS_OK;
}

tern_status tern__json_read_added(tern__vocabulary *v, const tern__json *token, uint32_t id,
                                  size_t own) {
    const char *text;
    uint8_t flags;
    bool special;
    TERN_TRY(tern__json_want_string(v, token, "content", NULL, &text));
    TERN_TRY(tern__json_want_bool(v, token, "special", false, &special));
    TERN_TRY(read_flags(v, token, &flags));
    bool unknown = v->unknown >= 0 && (uint32_t)v->unknown == id;
    double score = id < v->token_count ? v->tokens[id].score : 0.0;
    int32_t type = unknown   ? TERN__TOKEN_UNKNOWN
                   : special ? TERN__TOKEN_CONTROL
                             : TERN__TOKEN_USER_DEFINED;
    tern__token before = id < own && v->byte_level ? v->tokens[id] : (tern__token){0};
    TERN_TRY(tern__vocabulary_set(v, id, text, strlen(text), score, type));
    tern__token *added = &v->tokens[id];
    added->added = (uint8_t)(flags | (id >= own ? TERN__ADDED_ONLY : 0));
    added->spelling = (tern__span){added->start, added->size};
    if (before.size == 1) { // the letter of a byte, which nothing else can write, remains one
        added->start = before.start;
        added->size = before.size;
    }
    return TERN_STATUS_OK;
}

static tern_status read_added(model *m, const tern__json *token) {
    uint32_t id;
    TERN_TRY(tern__json_to_id(m->v, tern__json_get(token, "id"), "added_tokens", &id));
    TERN_TRY(check_id(m, "added", id));
    return tern__json_read_added(m->v, token, id, m->own);
}

static tern_status read_all_added(model *m) {
    for (const tern__json *t = m->added ? tern__json_first(m->added) : NULL; t;
         t = tern__json_next(m->added, t)) {
        TERN_TRY(read_added(m, t));
    }
    return TERN_STATUS_OK;
}

// What goes around a text says which ids begin and end one.
static void find_ends(tern__vocabulary *v) {
    if (v->before.count > 0) {
        v->bos = v->before.ids[0];
    }
    if (v->after.count > 0) {
        v->eos = v->after.ids[v->after.count - 1];
    }
}

static tern_status read_file(model *m, const tern__json *file) {
    tern__vocabulary *v = m->v;
    m->json = tern__json_get(file, "model");
    m->added = tern__json_get(file, "added_tokens");
    m->added = m->added && m->added->type == TERN__JSON_ARRAY ? m->added : NULL;
    if (!m->json || m->json->type != TERN__JSON_OBJECT) {
        return tern__fail(v->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: 'model' is %s, expected an object", v->file,
                          tern__json_type_name(m->json));
    }
    TERN_TRY(tern__json_read_normalizer(v, tern__json_get(file, "normalizer")));
    v->normal_late = v->normal_count;
    TERN_TRY(tern__json_read_pre_tokenizer(v, tern__json_get(file, "pre_tokenizer")));
    TERN_TRY(tern__json_read_decoder(v, tern__json_get(file, "decoder")));
    if (tern__json_is_none(tern__json_get(file, "decoder")) && !v->byte_level) {
        v->decoder = TERN__DECODE_WORDS;
    }
    TERN_TRY(read_model(m));
    m->own = v->token_count;
    TERN_TRY(read_all_added(m));
    TERN_TRY(tern__json_read_post_processor(v, tern__json_get(file, "post_processor")));
    find_ends(v);
    return TERN_STATUS_OK;
}

// A line for each merge; the first may name the format's version.
static tern_status read_lines(model *m, const char *text, size_t size) {
    const char *end = text + size;
    TERN_TRY(tern__vocabulary_index(m->v));
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((line_end ? line_end : end) - text);
        const char *next = text + length + (line_end != NULL);
        length -= length > 0 && text[length - 1] == '\r';
        bool version = length >= 8 && memcmp(text, "#version", 8) == 0;
        TERN_TRY(version || length == 0 ? TERN_STATUS_OK : read_spaced(m, text, length));
        text = next;
    }
    return TERN_STATUS_OK;
}

tern_status tern__vocabulary_read_words(tern__vocabulary *v, const tern__json *vocab) {
    model m = {.v = v};
    tern_status status = read_words(&m, vocab);
    tern__free(v->context, m.bytes);
    return status;
}

tern_status tern__vocabulary_read_merges(tern__vocabulary *v, const char *text, size_t size) {
    model m = {.v = v};
    tern_status status = read_lines(&m, text, size);
    tern__free(v->context, m.bytes);
    return status;
}

tern_status tern__vocabulary_read_json(tern__vocabulary *v, const char *data, size_t size) {
    tern__json_document document = {0};
    model m = {.v = v};
    char *text = tern__alloc(v->context, size + 1);
    if (!text) {
        return tern__fail_memory(v->context, size + 1, v->file);
    }
    memcpy(text, data, size);
    tern_status status = tern__json_parse(v->context, v->file, text, size, &document);
    if (status == TERN_STATUS_OK) {
        status = read_file(&m, document.nodes);
    }
    tern__json_finish(v->context, &document);
    tern__free(v->context, m.bytes);
    tern__free(v->context, text);
    return status;
}
