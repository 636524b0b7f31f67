// The files of a folder that say what its tokens are: of byte-level BPE tokenizer.json, of
// SentencePiece's kinds tokenizer.model; and tokenizer_config.json with what neither says.
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/convert/export.h"
#include "runtime/model/files/archive.h"
#include "runtime/model/files/gguf.h"
#include "runtime/model/text/vocabulary.h"
#include "runtime/status.h"

#define KEY(name) "tokenizer.ggml." name

// What the archive says of its tokens.
typedef struct tokens {
    tern__export *e;
    const tern_archive *archive;
    tern__vocabulary v; // as this library reads it
    tern__array texts, types, scores, merges;
} tokens;

static int type_of(const tokens *t, uint64_t id) {
    return t->types.count ? tern__array_i32(&t->types, id) : t->v.tokens[id].type;
}

static void put_token(tern__writer *w, const tokens *t, int64_t id) {
    size_t size;
    const char *text = tern__array_string(&t->texts, (uint64_t)id, &size);
    tern__put_string(w, text, size);
}

static bool is_added(const tokens *t, uint64_t id) {
    int type = type_of(t, id);
    return type == TERN__TOKEN_CONTROL || type == TERN__TOKEN_UNKNOWN ||
           type == TERN__TOKEN_USER_DEFINED;
}

static void put_added(tern__writer *w, const tokens *t) {
    bool first = true;
    tern__put_format(w, "  \"added_tokens\": [");
    for (uint64_t id = 0; id < t->texts.count; id++) {
        if (is_added(t, id)) {
            tern__put_format(w, "%s\n    {\"id\": %llu, \"content\": ", first ? "" : ",",
                             (unsigned long long)id);
            put_token(w, t, (int64_t)id);
            tern__put_format(w,
                             ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
                             "\"normalized\": false, \"special\": %s}",
                             type_of(t, id) == TERN__TOKEN_USER_DEFINED ? "false" : "true");
            first = false;
        }
    }
    tern__put_format(w, "],\n");
}

static void put_splits(tern__writer *w, const tokens *t) {
    tern__put_format(w, "  \"normalizer\": null,\n  \"pre_tokenizer\": {\"type\": \"Sequence\", "
                        "\"pretokenizers\": [\n");
    for (size_t i = 0; i < t->v.split_count; i++) {
        const tern__span *pattern = &t->v.splits[i].pattern;
        tern__put_format(w, "    {\"type\": \"Split\", \"pattern\": {\"Regex\": ");
        tern__put_string(w, t->v.text + pattern->start, pattern->size);
        tern__put_format(w, "}, \"behavior\": \"Isolated\", \"invert\": false},\n");
    }
    tern__put_format(w, "    {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
                        "\"trim_offsets\": true, \"use_regex\": false}]},\n");
}

static void put_affixes(tern__writer *w, const tern__affix *affix, const tokens *t) {
    for (uint32_t i = 0; i < affix->count; i++) {
        tern__put_format(w, "%s{\"SpecialToken\": {\"id\": ", affix == &t->v.after ? ", " : "");
        put_token(w, t, affix->ids[i]);
        tern__put_format(w, ", \"type_id\": 0}}%s", affix == &t->v.after ? "" : ", ");
    }
}

static void put_affixed(tern__writer *w, const tokens *t, const char *sequence) {
    put_affixes(w, &t->v.before, t);
    tern__put_format(w, "{\"Sequence\": {\"id\": \"%s\", \"type_id\": 0}}", sequence);
    put_affixes(w, &t->v.after, t);
}

static void put_ids(tern__writer *w, const tokens *t, const tern__affix *affix, bool *first) {
    for (uint32_t i = 0; i < affix->count; i++) {
        tern__put_format(w, *first ? "" : ", ");
        put_token(w, t, affix->ids[i]);
        tern__put_format(w, ": {\"id\": ");
        put_token(w, t, affix->ids[i]);
        tern__put_format(w, ", \"ids\": [%d], \"tokens\": [", affix->ids[i]);
        put_token(w, t, affix->ids[i]);
        tern__put_format(w, "]}");
        *first = false;
    }
}

// What goes around a text. Where both ends have the same token it is listed once.
static void put_template(tern__writer *w, const tokens *t) {
    bool first = true,
         same = t->v.before.count && t->v.after.count && t->v.before.ids[0] == t->v.after.ids[0];
    if (!t->v.before.count && !t->v.after.count) {
        tern__put_format(w, "  \"post_processor\": null,\n");
        return;
    }
    tern__put_format(w, "  \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [");
    put_affixed(w, t, "A");
    tern__put_format(w, "], \"pair\": [");
    put_affixed(w, t, "A");
    tern__put_format(w, ", ");
    put_affixed(w, t, "B");
    tern__put_format(w, "], \"special_tokens\": {");
    put_ids(w, t, &t->v.before, &first);
    if (!same) {
        put_ids(w, t, &t->v.after, &first);
    }
    tern__put_format(w, "}},\n");
}

static void put_model(tern__writer *w, const tokens *t) {
    tern__put_format(w, "  \"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
                        "\"trim_offsets\": true, \"use_regex\": false},\n  \"model\": {\"type\": "
                        "\"BPE\", \"dropout\": null, \"unk_token\": null, "
                        "\"continuing_subword_prefix\": null, \"end_of_word_suffix\": null, ");
    tern__put_format(w,
                     "\"fuse_unk\": false, \"byte_fallback\": false, \"ignore_merges\": %s,\n"
                     "    \"vocab\": {",
                     t->v.whole_words ? "true" : "false");
    for (uint64_t id = 0; id < t->texts.count; id++) {
        tern__put_format(w, id ? ",\n      " : "\n      ");
        put_token(w, t, (int64_t)id);
        tern__put_format(w, ": %llu", (unsigned long long)id);
    }
    tern__put_format(w, "},\n    \"merges\": [");
    for (uint64_t i = 0; i < t->merges.count; i++) {
        size_t size;
        const char *text = tern__array_string(&t->merges, i, &size);
        tern__put_format(w, i ? ",\n      " : "\n      ");
        tern__put_string(w, text, size);
    }
    tern__put_format(w, "]}\n}\n");
}

static tern_status put_json(tokens *t) {
    tern__writer *w = &t->e->tokens;
    TERN_TRY(tern__archive_array(t->archive, KEY("merges"), TERN_VALUE_STRING, &t->merges));
    tern__put_format(w, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n"
                        "  \"padding\": null,\n");
    put_added(w, t);
    put_splits(w, t);
    put_template(w, t);
    put_model(w, t);
    t->e->token_file = "tokenizer.json";
    return TERN_STATUS_OK;
}

// Numbers of fields: sentencepiece_model.proto.
static void put_varint(tern__writer *w, uint64_t value) {
    for (; value >= 128; value >>= 7) {
        tern__put_int(w, (value & 127) | 128, 1);
    }
    tern__put_int(w, value, 1);
}

static void put_number(tern__writer *w, uint32_t field, uint64_t value) {
    put_varint(w, field << 3);
    put_varint(w, value);
}

static void put_bytes(tern__writer *w, uint32_t field, const void *data, size_t size) {
    put_varint(w, field << 3 | 2);
    put_varint(w, size);
    tern__put(w, data, size);
}

static void put_piece(tern__writer *piece, const tokens *t, uint64_t id) {
    size_t size;
    const char *text = tern__array_string(&t->texts, id, &size);
    float score = t->scores.count ? tern__array_f32(&t->scores, id) : 0.0f;
    int type = type_of(t, id);
    piece->size = 0;
    put_bytes(piece, 1, text, size);
    put_varint(piece, 2 << 3 | 5);
    tern__put(piece, &score, sizeof score);
    put_number(piece, 3, (uint64_t)(type > 0 ? type : TERN__TOKEN_NORMAL));
}

static void put_special(tern__writer *part, const tokens *t, uint32_t field, int32_t id) {
    put_number(part, field, (uint64_t)(int64_t)id);
    if (id >= 0) {
        size_t size;
        const char *text = tern__array_string(&t->texts, (uint64_t)id, &size);
        put_bytes(part, field + 5, text, size);
    }
}

static void put_trainer(tern__writer *part, const tokens *t, bool unigram) {
    bool bytes = false;
    for (uint64_t id = 0; id < t->texts.count; id++) {
        bytes |= type_of(t, id) == TERN__TOKEN_BYTE;
    }
    part->size = 0;
    put_number(part, 3, unigram ? 1 : 2);
    put_number(part, 4, t->texts.count);
    put_number(part, 35, bytes);
    put_special(part, t, 40, t->v.unknown);
    put_special(part, t, 41, t->v.bos);
    put_special(part, t, 42, t->v.eos);
    put_special(part, t, 43, t->v.padding);
}

static tern_status put_normalizer(tern__writer *part, const tokens *t, bool unigram) {
    bool prefix, squeeze;
    tern__array map = {0};
    TERN_TRY(tern__archive_bool(t->archive, KEY("add_space_prefix"), true, &prefix));
    TERN_TRY(tern__archive_bool(t->archive, KEY("remove_extra_whitespaces"), false, &squeeze));
    tern_status status =
        tern__archive_array(t->archive, KEY("precompiled_charsmap"), TERN_VALUE_U8, &map);
    part->size = 0;
    put_bytes(part, 1, "identity", strlen("identity"));
    if (unigram && status == TERN_STATUS_OK) {
        put_bytes(part, 2, map.data, (size_t)map.count);
    }
    put_number(part, 3, prefix);
    put_number(part, 4, unigram && squeeze);
    put_number(part, 5, 1);
    return status == TERN_STATUS_NOT_FOUND ? TERN_STATUS_OK : status;
}

static tern_status put_sentencepiece(tokens *t, tern__writer *part) {
    tern__writer *w = &t->e->tokens;
    bool unigram = strcmp(t->v.kind, "t5") == 0;
    for (uint64_t id = 0; id < t->texts.count; id++) {
        put_piece(part, t, id);
        put_bytes(w, 1, part->data, part->size);
    }
    put_trainer(part, t, unigram);
    put_bytes(w, 2, part->data, part->size);
    TERN_TRY(put_normalizer(part, t, unigram));
    put_bytes(w, 3, part->data, part->size);
    w->full |= part->full;
    t->e->token_file = "tokenizer.model";
    return TERN_STATUS_OK;
}

static tern_status put_settings(const tokens *t) {
    const struct {
        const char *key;
        int32_t id;
    } ids[] = {{"bos_token", t->v.bos},
               {"eos_token", t->v.eos},
               {"unk_token", t->v.unknown},
               {"pad_token", t->v.padding}};
    tern__writer *w = &t->e->token_settings;
    const char *template = NULL;
    bool bpe = strcmp(t->v.kind, "gpt2") == 0;
    tern__put_format(w, "{\n  \"tokenizer_class\": \"%s\"",
                     bpe ? "PreTrainedTokenizerFast" : "LlamaTokenizer");
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        if (ids[i].id >= 0) {
            tern__put_format(w, ",\n  \"%s\": ", ids[i].key);
            put_token(w, t, ids[i].id);
        }
    }
    tern__put_format(w, ",\n  \"add_bos_token\": %s,\n  \"add_eos_token\": %s",
                     t->v.before.count ? "true" : "false", t->v.after.count ? "true" : "false");
    TERN_TRY(tern__archive_string(t->archive, "tokenizer.chat_template", NULL, &template));
    if (template) {
        tern__put_format(w, ",\n  \"chat_template\": ");
        tern__put_string(w, template, strlen(template));
    }
    tern__put_format(w, "\n}\n");
    return TERN_STATUS_OK;
}

static tern_status read_column(const tokens *t, const char *key, tern_value_type type,
                               tern__array *out) {
    tern_status status = tern__archive_array(t->archive, key, type, out);
    out->count = status == TERN_STATUS_OK ? out->count : 0;
    return status == TERN_STATUS_NOT_FOUND ? TERN_STATUS_OK : status;
}

static tern_status put_all(tokens *t, tern__writer *part) {
    TERN_TRY(tern__vocabulary_read_gguf(&t->v, t->archive));
    TERN_TRY(tern__archive_array(t->archive, KEY("tokens"), TERN_VALUE_STRING, &t->texts));
    TERN_TRY(read_column(t, KEY("token_type"), TERN_VALUE_I32, &t->types));
    TERN_TRY(read_column(t, KEY("scores"), TERN_VALUE_F32, &t->scores));
    if (strcmp(t->v.kind, "bert") == 0) {
        return tern__fail(t->v.context, TERN_STATUS_UNSUPPORTED,
                          "%s: a tokenizer of kind bert is not written to folders",
                          tern__archive_name(t->archive));
    }
    TERN_TRY(strcmp(t->v.kind, "gpt2") == 0 ? put_json(t) : put_sentencepiece(t, part));
    TERN_TRY(put_settings(t));
    return t->e->tokens.full || t->e->token_settings.full
               ? tern__fail_memory(t->v.context, t->e->tokens.size, "a folder's tokens")
               : TERN_STATUS_OK;
}

tern_status tern__export_tokens(tern__export *e) {
    tokens t = {.e = e, .archive = e->c->archive};
    tern__writer part = {.context = e->c->context};
    if (!tern__archive_entry(t.archive, KEY("model"))) {
        return TERN_STATUS_OK;
    }
    tern__vocabulary_init(&t.v, e->c->context, tern__archive_name(t.archive));
    tern_status status = put_all(&t, &part);
    tern__vocabulary_finish(&t.v);
    tern__free(e->c->context, part.data);
    return status;
}
