#include <stdbool.h>
#include <stdlib.h>

#include <tern/tokenizer.h>

#include "tests/harness/gguf_writer.h"
#include "tests/harness/published.h"

enum { MAX_IDS = PUBLISHED_IDS };

static tern_status create_from(const tern_source *source, tern_tokenizer **out) {
    tern_archive *archive;
    *out = NULL;
    tern_status status = tern_archive_open(context, source, &archive);
    if (status == TERN_STATUS_OK) {
        status = tern_tokenizer_create(context, archive, NULL, out);
    }
    tern_archive_destroy(archive);
    return status;
}

static void test_llama_spm(void **state) {
    (void)state;
    tern_tokenizer *tokenizer = published_tokenizer("data/tokenizers/ggml-vocab-llama-spm.gguf");
    published_check_pair(tokenizer, "llama-spm");
    tern_tokenizer_destroy(tokenizer);
}

// For each case of a golden file: the ids of its prompt, with BOS, are the first of |key|.
static void check_golden(const char *model, const char *golden, const char *key) {
    tern_tokenizer *tokenizer = published_tokenizer(model);
    size_t size;
    char *json = published_read(golden, &size);
    char pattern[32];
    snprintf(pattern, sizeof pattern, "\"%s\": [", key);
    int cases = 0;
    static const char prompt_key[] = "\"prompt\": \"";
    for (char *at = json; (at = strstr(at, prompt_key)) != NULL; cases++) {
        char *prompt = at + sizeof prompt_key - 1;
        char *end = strchr(prompt, '"');
        char *list = strstr(end, pattern) + strlen(pattern);
        int32_t expected[64];
        size_t count = published_parse_ids(list, strchr(list, ']'), expected, 64);
        size_t needed;
        tern_tokenizer_encode(tokenizer, prompt, (size_t)(end - prompt), TERN_TOKENIZE_BOS, NULL, 0,
                              &needed);
        assert_true(needed >= 1 && needed <= count);
        published_check_ids(tokenizer, prompt, (size_t)(end - prompt), TERN_TOKENIZE_BOS, expected,
                            strcmp(key, "ids") == 0 ? needed : count);
        at = end;
    }
    assert_true(cases > 2);
    free(json);
    tern_tokenizer_destroy(tokenizer);
}

static void test_golden_prompts(void **state) {
    (void)state;
    check_golden("models/stories3m-i2_s.gguf", "models/stories3m.golden.json", "ids");
    check_golden("default-model/tern-stories.gguf", "default-model/tern-stories.golden.json",
                 "prompt_ids");
}

static void check_round_trip(const tern_tokenizer *tokenizer, const char *text, size_t size) {
    static int32_t ids[MAX_IDS];
    static char back[MAX_IDS];
    size_t count;
    CHECK_OK(
        tern_tokenizer_encode(tokenizer, text, size, TERN_TOKENIZE_BOS, ids, size + 2, &count));
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        size_t piece;
        CHECK_OK(tern_tokenizer_decode(tokenizer, ids[i], i == 1, back + length,
                                       sizeof back - length, &piece));
        length += piece;
    }
    assert_int_equal(length, size);
    assert_memory_equal(back, text, size);
}

static uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void test_round_trips(void **state) {
    (void)state;
    static const char *const files[] = {
        "data/tokenizers/ggml-vocab-llama-spm.gguf", "data/gguf-fixtures/vocab-spm-zeroscores.gguf",
        "models/rand-llama-tq2_0.gguf", "models/stories3m-f16.gguf"};
    static const char alphabet[] = "  aeiou tnsrh.,\n\xc3\xa9\xf0\x9f\x98\x80\xe2\x82\xac\xff";
    uint32_t random = 12345;
    for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
        tern_tokenizer *tokenizer = published_tokenizer(files[f]);
        for (int round = 0; round < 300; round++) {
            char text[200];
            size_t size = next_random(&random) % sizeof text;
            for (size_t i = 0; i < size; i++) {
                uint32_t r = next_random(&random) >> 7;
                text[i] = round % 2 ? (char)r : alphabet[r % (sizeof alphabet - 1)];
            }
            check_round_trip(tokenizer, text, size);
        }
        tern_tokenizer_destroy(tokenizer);
    }
}

// The same ids as merging by hand would give: a long text of one letter is all ties.
static void test_zero_scores(void **state) {
    (void)state;
    tern_tokenizer *tokenizer = published_tokenizer("data/gguf-fixtures/vocab-spm-zeroscores.gguf");
    published_check_ids(tokenizer, "Once upon a time", 16, TERN_TOKENIZE_BOS,
                        (int32_t[]){1, 9038, 2501, 263, 931}, 5);
    tern_tokenizer_destroy(tokenizer);
}

static void test_long_text(void **state) {
    (void)state;
    enum { SIZE = 1 << 20 };
    tern_tokenizer *tokenizer = published_tokenizer("data/tokenizers/ggml-vocab-llama-spm.gguf");
    char *text = malloc(SIZE);
    int32_t *ids = malloc((SIZE + 2) * sizeof *ids);
    uint32_t random = 99;
    for (size_t i = 0; i < SIZE; i++) {
        uint32_t r = next_random(&random) >> 5;
        text[i] = i < SIZE / 2 ? 'a' : (char)(r % 6 ? 'a' + r % 26 : ' ');
    }
    size_t count;
    CHECK_OK(tern_tokenizer_encode(tokenizer, text, SIZE, 0, ids, SIZE + 2, &count));
    assert_true(count > 1000 && count < SIZE);
    free(ids);
    free(text);
    tern_tokenizer_destroy(tokenizer);
}

// A vocabulary made by hand.
typedef struct token {
    const char *text;
    int32_t type;
    float score;
} token;

typedef struct vocabulary {
    const token *tokens;
    uint32_t count;
    int32_t space_prefix; // -1: no such key
    bool no_types;
    bool no_scores;
    uint32_t bos; // UINT32_MAX - 1: no such key
} vocabulary;

#define NO_KEY (UINT32_MAX - 1)

static tern_status make(vocabulary v, tern_tokenizer **out) {
    gguf_writer w = {0};
    gguf_start(&w, 3, 0,
               (uint64_t)2 + !v.no_types + !v.no_scores + (v.space_prefix >= 0) +
                   (v.bos != NO_KEY));
    gguf_key_string(&w, "tokenizer.ggml.model", "llama");
    gguf_key_array(&w, "tokenizer.ggml.tokens", TERN_VALUE_STRING, v.count);
    for (uint32_t i = 0; i < v.count; i++) {
        gguf_text(&w, v.tokens[i].text, strlen(v.tokens[i].text));
    }
    if (!v.no_scores) {
        gguf_key_array(&w, "tokenizer.ggml.scores", TERN_VALUE_F32, v.count);
        for (uint32_t i = 0; i < v.count; i++) {
            gguf_float(&w, v.tokens[i].score);
        }
    }
    if (!v.no_types) {
        gguf_key_array(&w, "tokenizer.ggml.token_type", TERN_VALUE_I32, v.count);
        for (uint32_t i = 0; i < v.count; i++) {
            gguf_int(&w, (uint32_t)v.tokens[i].type, 4);
        }
    }
    if (v.space_prefix >= 0) {
        gguf_key(&w, "tokenizer.ggml.add_space_prefix", TERN_VALUE_BOOL);
        gguf_int(&w, (uint64_t)v.space_prefix, 1);
    }
    if (v.bos != NO_KEY) {
        gguf_key_u32(&w, "tokenizer.ggml.bos_token_id", v.bos);
    }
    tern_source source = gguf_source(&w);
    tern_status status = create_from(&source, out);
    gguf_free(&w);
    return status;
}

enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER = 4, BYTE = 6 };

#define MARK "\xe2\x96\x81"

static const token small[] = {
    {"<unk>", UNKNOWN, 0}, {"<s>", CONTROL, 0}, {"</s>", CONTROL, 0}, {MARK, NORMAL, -9},
    {"a", NORMAL, -9},     {"b", NORMAL, -9},   {"ab", NORMAL, -2},   {"bb", NORMAL, -1},
    {"abb", NORMAL, -3},   {"<tag>", USER, 0},  {"<0x0A>", BYTE, 0},  {"<", NORMAL, -9},
    {"s", NORMAL, -9},     {">", NORMAL, -9},   {"<s", NORMAL, -1},   {MARK "a", NORMAL, -5},
    {"ba", NORMAL, -2},    {"<tag>b", USER, 0},
};
enum { SMALL = sizeof small / sizeof small[0] };

static const vocabulary small_vocabulary = {small, SMALL, -1, false, false, NO_KEY};

static void check_small(const tern_tokenizer *tokenizer, const char *text, uint32_t flags,
                        const char *expected) {
    int32_t ids[64];
    size_t count = published_parse_ids(expected, expected + strlen(expected), ids, 64);
    published_check_ids(tokenizer, text, strlen(text), flags, ids, count);
}

static void test_merging(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    CHECK_OK(make(small_vocabulary, &tokenizer));
    check_small(tokenizer, "", 0, "");
    check_small(tokenizer, "", TERN_TOKENIZE_BOS, "1");
    check_small(tokenizer, "b", 0, "3 5");
    check_small(tokenizer, "a", TERN_TOKENIZE_BOS, "1 15");
    // The best score first: bb before ab, then a and bb to abb.
    check_small(tokenizer, "babb", 0, "3 16 7");
    check_small(tokenizer, "aabb", 0, "15 8");
    check_small(tokenizer, "bbb", 0, "3 7 5");  // a tie: the leftmost
    check_small(tokenizer, "bab", 0, "3 16 5"); // ba and ab tie
    check_small(tokenizer, "a a", 0, "15 15");
    // Neither a token nor bytes: the unknown token, once a character.
    check_small(tokenizer,
                "\xc3\xa9"
                "b",
                0, "3 0 5");
    check_small(tokenizer, "\n", 0, "3 10");
    check_small(tokenizer, "\xff\xe2\x96", 0, "3 0 0 0");
    tern_tokenizer_destroy(tokenizer);
}

static void test_special_tokens(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    CHECK_OK(make(small_vocabulary, &tokenizer));
    // A control token's text is only text, even if its letters can be joined.
    check_small(tokenizer, "<s>", 0, "3 14 13");
    check_small(tokenizer, "<s>", TERN_TOKENIZE_SPECIAL, "1");
    check_small(tokenizer, "a<s>a</s>", TERN_TOKENIZE_SPECIAL | TERN_TOKENIZE_BOS, "1 15 1 15 2");
    check_small(tokenizer, "<unk>b", TERN_TOKENIZE_SPECIAL, "0 3 5");
    // What a user defined counts always, the longest first, and the space goes before what follows.
    check_small(tokenizer, "a<tag>a", 0, "15 9 15");
    check_small(tokenizer, "<tag>bb", 0, "17 3 5");
    check_small(tokenizer, "<tag><tag><tag", 0, "9 9 3 11 0 4 0");
    tern_tokenizer_destroy(tokenizer);
}

static void test_decode(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    CHECK_OK(make(small_vocabulary, &tokenizer));
    static const struct {
        int32_t id;
        int32_t first;
        const char *bytes;
    } cases[] = {{0, 0, ""}, {1, 0, ""},  {4, 1, "a"},     {15, 0, " a"}, {15, 1, "a"},
                 {3, 1, ""}, {3, 0, " "}, {9, 1, "<tag>"}, {10, 0, "\n"}, {8, 0, "abb"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[16];
        size_t size;
        CHECK_OK(tern_tokenizer_decode(tokenizer, cases[i].id, cases[i].first, bytes, sizeof bytes,
                                       &size));
        assert_int_equal(size, strlen(cases[i].bytes));
        assert_memory_equal(bytes, cases[i].bytes, size);
    }
    char byte = 'x';
    size_t size;
    CHECK_FAILS(tern_tokenizer_decode(tokenizer, 8, 0, &byte, 1, &size), TERN_STATUS_OUT_OF_RANGE,
                "3 bytes are needed, but there is room for 1");
    assert_int_equal(size, 3);
    CHECK_FAILS(tern_tokenizer_decode(tokenizer, SMALL, 0, &byte, 1, &size),
                TERN_STATUS_OUT_OF_RANGE, "id 18 of 18");
    CHECK_FAILS(tern_tokenizer_decode(tokenizer, -1, 0, &byte, 1, &size), TERN_STATUS_OUT_OF_RANGE,
                "id -1");
    int32_t ids[2] = {-7, -7};
    CHECK_FAILS(tern_tokenizer_encode(tokenizer, "aba", 3, TERN_TOKENIZE_BOS, ids, 1, &size),
                TERN_STATUS_OUT_OF_RANGE, "4 ids are needed, but there is room for 1");
    assert_int_equal(size, 4);
    assert_int_equal(ids[0], 1);
    assert_int_equal(ids[1], -7);
    tern_tokenizer_destroy(tokenizer);
}

static void test_describe(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    CHECK_OK(make(small_vocabulary, &tokenizer));
    tern_tokenizer_info info = {.struct_size = sizeof info};
    CHECK_OK(tern_tokenizer_describe(tokenizer, &info));
    assert_int_equal(info.size, SMALL);
    assert_int_equal(info.bos, 1);
    assert_int_equal(info.eos, 2);
    assert_int_equal(info.unknown, 0);
    assert_int_equal(info.add_bos, 1);
    assert_string_equal(info.kind, "llama");
    assert_true(tern_tokenizer_is_end(tokenizer, 2));
    assert_false(tern_tokenizer_is_end(tokenizer, 1));
    assert_false(tern_tokenizer_is_end(tokenizer, -1));
    info.struct_size = 4;
    CHECK_FAILS(tern_tokenizer_describe(tokenizer, &info), TERN_STATUS_INVALID_ARGUMENT,
                "struct_size is 4");
    tern_tokenizer_destroy(tokenizer);
}

static void test_variants(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    vocabulary v = small_vocabulary;
    v.space_prefix = 0;
    CHECK_OK(make(v, &tokenizer));
    check_small(tokenizer, "ab", 0, "6");
    check_small(tokenizer, "a a<tag>a", 0, "4 15 9 4");
    char bytes[4];
    size_t size;
    CHECK_OK(tern_tokenizer_decode(tokenizer, 15, 1, bytes, sizeof bytes, &size));
    assert_int_equal(size, 2); // no prefix, so none is dropped
    tern_tokenizer_destroy(tokenizer);
    // Without types bytes and the tokens with a meaning are still known.
    v = small_vocabulary;
    v.no_types = true;
    v.no_scores = true;
    CHECK_OK(make(v, &tokenizer));
    check_small(tokenizer, "<s>\n", 0, "3 14 13 10");
    check_small(tokenizer, "<s>", TERN_TOKENIZE_SPECIAL, "1");
    tern_tokenizer_destroy(tokenizer);
    v = small_vocabulary;
    v.bos = UINT32_MAX;
    CHECK_OK(make(v, &tokenizer));
    check_small(tokenizer, "a", TERN_TOKENIZE_BOS, "15");
    tern_tokenizer_destroy(tokenizer);
}

static void check_refused(vocabulary v, const char *message) {
    tern_tokenizer *tokenizer;
    CHECK_FAILS(make(v, &tokenizer), TERN_STATUS_CORRUPT_DATA, message);
    assert_null(tokenizer);
}

static void test_contradictions(void **state) {
    (void)state;
    static const token odd_type[] = {{"a", 7, 0}, {"b", 1, 0}};
    static const token odd_byte[] = {{"a", BYTE, 0}, {"b", 1, 0}};
    token odd_score[] = {{"<unk>", UNKNOWN, 0}, {"b", 1, 0}};
    uint32_t nan_bits = 0x7fc00000u;
    memcpy(&odd_score[1].score, &nan_bits, sizeof nan_bits);
    check_refused((vocabulary){odd_type, 2, -1, false, false, NO_KEY},
                  "test.gguf: token 0 is of type 7, expected 0 to 6");
    check_refused((vocabulary){odd_byte, 2, -1, false, false, NO_KEY},
                  "token 0 is a byte, but not spelled");
    check_refused((vocabulary){odd_score, 2, -1, false, false, NO_KEY},
                  "the score of token 1 is NaN");
    check_refused((vocabulary){small, SMALL, -1, false, false, SMALL},
                  "tokenizer.ggml.bos_token_id is 18, but the vocabulary has 18 tokens");
    check_refused((vocabulary){small, 0, -1, false, false, NO_KEY}, "has 0 tokens");
}

static void test_other_archives(void **state) {
    (void)state;
    gguf_writer w = {0};
    tern_tokenizer *tokenizer;
    gguf_start(&w, 3, 0, 1);
    gguf_key_string(&w, "tokenizer.ggml.model", "rwkv");
    tern_source source = gguf_source(&w);
    CHECK_FAILS(create_from(&source, &tokenizer), TERN_STATUS_UNSUPPORTED,
                "tokenizer 'rwkv' is not supported");
    gguf_start(&w, 3, 0, 0);
    source = gguf_source(&w);
    CHECK_FAILS(create_from(&source, &tokenizer), TERN_STATUS_NOT_FOUND,
                "key 'tokenizer.ggml.model' is missing");
    gguf_start(&w, 3, 0, 1);
    gguf_key_string(&w, "tokenizer.ggml.model", "llama");
    source = gguf_source(&w);
    CHECK_FAILS(create_from(&source, &tokenizer), TERN_STATUS_NOT_FOUND,
                "key 'tokenizer.ggml.tokens' is missing");
    gguf_start(&w, 3, 0, 3);
    gguf_key_string(&w, "tokenizer.ggml.model", "llama");
    gguf_key_array(&w, "tokenizer.ggml.tokens", TERN_VALUE_STRING, 1);
    gguf_text(&w, "a", 1);
    gguf_key_array(&w, "tokenizer.ggml.scores", TERN_VALUE_F32, 2);
    gguf_zeros(&w, 8);
    source = gguf_source(&w);
    CHECK_FAILS(create_from(&source, &tokenizer), TERN_STATUS_CORRUPT_DATA,
                "the length of tokenizer.ggml.scores is 2, but the vocabulary has 1 tokens");
    gguf_free(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_llama_spm),      cmocka_unit_test(test_golden_prompts),
        cmocka_unit_test(test_round_trips),    cmocka_unit_test(test_zero_scores),
        cmocka_unit_test(test_long_text),      cmocka_unit_test(test_merging),
        cmocka_unit_test(test_special_tokens), cmocka_unit_test(test_decode),
        cmocka_unit_test(test_describe),       cmocka_unit_test(test_variants),
        cmocka_unit_test(test_contradictions), cmocka_unit_test(test_other_archives),
    };
    return cmocka_run_group_tests(tests, counted_set_up, counted_tear_down);
}
