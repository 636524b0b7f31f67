// Published vocabularies, written as a tokenizer.json, give the ids that are published for them.
#include <stdbool.h>
#include <stdlib.h>

#include <tern/archive.h>
#include <tern/tokenizer.h>

#include "runtime/model/text/text.h"
#include "runtime/model/text/vocabulary.h"
#include "tests/harness/published.h"

static void put(tern__text *out, const char *text) {
    tern__text_add(out, text, strlen(text));
}

static void put_number(tern__text *out, long number) {
    char digits[32];
    snprintf(digits, sizeof digits, "%ld", number);
    put(out, digits);
}

// The character that a byte-level vocabulary writes for |byte|.
static int32_t letter_of(int byte) {
    int32_t next = 256;
    for (int b = 0; b <= byte; b++) {
        bool printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
        if (b == byte) {
            return printable ? b : next;
        }
        next += !printable;
    }
    return 0;
}

static void put_string(tern__text *out, const char *text, size_t size, bool letters) {
    char escaped[8];
    put(out, "\"");
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i];
        int32_t c = letters ? letter_of(byte) : byte;
        if (c < 0x20 || c == '"' || c == '\\') {
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)c);
            put(out, escaped);
        } else if (letters) {
            tern__text_add_character(out, c);
        } else {
            tern__text_add(out, text + i, 1);
        }
    }
    put(out, "\"");
}

static bool is_added(const tern__vocabulary *v, size_t id) {
    uint8_t type = v->tokens[id].type;
    return type == TERN__TOKEN_CONTROL || type == TERN__TOKEN_USER_DEFINED;
}

static void put_token(tern__text *out, const tern__vocabulary *v, size_t id) {
    const tern__token *token = &v->tokens[id];
    put_string(out, v->text + token->start, token->size, v->byte_level && !is_added(v, id));
}

// A part of a merge, which an added token with the same bytes may stand for in |v|.
static void put_part(tern__text *out, const tern__vocabulary *v, size_t id) {
    const tern__token *token = &v->tokens[id];
    put_string(out, v->text + token->start, token->size, v->byte_level);
}

// Byte-level: added tokens are no letters, and not in here.
static void put_vocabulary(tern__text *out, const tern__vocabulary *v) {
    const char *before = "\"vocab\":{";
    for (size_t id = 0; id < v->token_count; id++) {
        if (!v->byte_level || !is_added(v, id)) {
            put(out, before);
            put_token(out, v, id);
            put(out, ":");
            put_number(out, (long)id);
            before = ",";
        }
    }
    put(out, "}");
}

typedef struct merge {
    double score; // of what is made
    int32_t left;
    int32_t right;
} merge;

static int compare_merges(const void *a, const void *b) {
    const merge *x = a;
    const merge *y = b;
    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    return x->left != y->left ? (x->left > y->left) - (x->left < y->left)
                              : (x->right > y->right) - (x->right < y->right);
}

// Where pairs join by their text: all pairs of tokens that make a token, the best first.
static void put_derived(tern__text *out, const tern__vocabulary *v) {
    size_t count = 0;
    merge *merges = malloc(v->text_size * sizeof *merges);
    for (size_t id = 0; id < v->token_count; id++) {
        const tern__token *token = &v->tokens[id];
        const char *text = v->text + token->start;
        bool whole = tern__vocabulary_find(v, text, token->size) == (int32_t)id;
        for (uint32_t i = 1; whole && i < token->size; i++) {
            int32_t left = tern__vocabulary_find(v, text, i);
            int32_t right = tern__vocabulary_find(v, text + i, token->size - i);
            if (left >= 0 && right >= 0) {
                merges[count++] = (merge){token->score, left, right};
            }
        }
    }
    qsort(merges, count, sizeof *merges, compare_merges);
    for (size_t i = 0; i < count; i++) {
        put(out, i ? ",[" : "[");
        put_part(out, v, (size_t)merges[i].left);
        put(out, ",");
        put_part(out, v, (size_t)merges[i].right);
        put(out, "]");
    }
    free(merges);
}

static void put_merges(tern__text *out, const tern__vocabulary *v) {
    put(out, ",\"merges\":[");
    if (v->join_by_score) {
        put_derived(out, v);
    }
    for (size_t i = 0; i < v->merge_count; i++) {
        put(out, i ? ",[" : "[");
        put_part(out, v, v->merges[i].left);
        put(out, ",");
        put_part(out, v, v->merges[i].right);
        put(out, "]");
    }
    put(out, "]");
}

static void put_added(tern__text *out, const tern__vocabulary *v) {
    bool any = false;
    put(out, "\"added_tokens\":[");
    for (size_t id = 0; id < v->token_count; id++) {
        if (is_added(v, id)) {
            put(out, any ? ",{\"id\":" : "{\"id\":");
            put_number(out, (long)id);
            put(out, v->tokens[id].type == TERN__TOKEN_CONTROL ? ",\"special\":true,\"content\":"
                                                               : ",\"special\":false,\"content\":");
            put_token(out, v, id);
            put(out, "}");
            any = true;
        }
    }
    put(out, "],");
}

static void put_splits(tern__text *out, const tern__vocabulary *v) {
    put(out, "\"decoder\":{\"type\":\"ByteLevel\"},"
             "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[");
    for (size_t i = 0; i < v->split_count; i++) {
        put(out, "{\"type\":\"Split\",\"behavior\":\"Isolated\",\"pattern\":{\"Regex\":");
        put_string(out, v->text + v->splits[i].pattern.start, v->splits[i].pattern.size, false);
        put(out, "}},");
    }
    put(out, "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]},");
}

static void put_file(tern__text *out, const tern__vocabulary *v) {
    put(out, "{\"version\":\"1.0\",");
    put_added(out, v);
    if (strcmp(v->kind, "bert") == 0) {
        put(out,
            "\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":"
            "\"BertPreTokenizer\"},\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",");
        put_vocabulary(out, v);
    } else if (v->byte_level) {
        put_splits(out, v);
        put(out, v->whole_words ? "\"model\":{\"type\":\"BPE\",\"ignore_merges\":true,"
                                : "\"model\":{\"type\":\"BPE\",");
        put_vocabulary(out, v);
        put_merges(out, v);
    } else {
        put(out, "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\","
                 "\"prepend\":\"\u2581\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},"
                 "\"content\":\"\u2581\"}]},\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\","
                 "\"byte_fallback\":true,\"fuse_unk\":true,");
        put_vocabulary(out, v);
        put_merges(out, v);
    }
    put(out, "}}");
}

static tern_status read_vocabulary(const char *name, tern__vocabulary *v) {
    char path[512];
    tern_source source;
    tern_archive *archive;
    assert_true(data_path(name, path, sizeof path));
    CHECK_OK(tern_source_open_file(context, path, &source));
    CHECK_OK(tern_archive_open(context, &source, &archive));
    tern_status status = tern__vocabulary_read_gguf(v, archive);
    tern_archive_destroy(archive);
    tern_source_close(&source);
    return status;
}

// |v| as a tokenizer.json gives the ids of |pair|.
static void check_vocabulary(tern__vocabulary *v, const char *pair) {
    tern__text file = {.context = context};
    tern_tokenizer *tokenizer;
    CHECK_OK(tern__vocabulary_index(v));
    put_file(&file, v);
    assert_false(file.failed);
    tern_source source = tern_source_from_memory("tokenizer.json", file.bytes, file.size);
    CHECK_OK(tern_tokenizer_open(context, &source, NULL, &tokenizer));
    published_check_pair(tokenizer, pair);
    tern_tokenizer_destroy(tokenizer);
    tern__text_finish(&file);
    tern__vocabulary_finish(v);
}

static void check_gguf(const char *pair) {
    char name[256];
    size_t size;
    tern__vocabulary v;
    snprintf(name, sizeof name, "data/tokenizers/ggml-vocab-%s.gguf", pair);
    free(published_read(name, &size));
    tern__vocabulary_init(&v, context, name);
    CHECK_OK(read_vocabulary(name, &v));
    check_vocabulary(&v, pair);
}

static void test_bert(void **state) {
    (void)state;
    check_gguf("bert-bge");
    tern_tokenizer *tokenizer = published_tokenizer("data/tokenizers/ggml-vocab-bert-bge.gguf");
    published_check_pair(tokenizer, "bert-bge"); // and as it is
    tern_tokenizer_destroy(tokenizer);
}

static void test_gpt2(void **state) {
    (void)state;
    check_gguf("gpt-2");
}

static void test_falcon(void **state) {
    (void)state;
    check_gguf("falcon");
}

static void test_deepseek(void **state) {
    (void)state;
    check_gguf("deepseek-llm");
}

static void test_llama(void **state) {
    (void)state;
    check_gguf("llama-spm");
}

static void test_llama3(void **state) {
    (void)state;
    size_t size;
    char *data = published_read("data/llama3/tokenizer.model", &size);
    tern__vocabulary v;
    tern__vocabulary_init(&v, context, "tokenizer.model");
    CHECK_OK(tern__vocabulary_read_tiktoken(&v, data, size));
    free(data);
    check_vocabulary(&v, "llama-bpe");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bert),   cmocka_unit_test(test_gpt2),
        cmocka_unit_test(test_falcon), cmocka_unit_test(test_deepseek),
        cmocka_unit_test(test_llama),  cmocka_unit_test(test_llama3),
    };
    return cmocka_run_group_tests(tests, counted_set_up, counted_tear_down);
}
