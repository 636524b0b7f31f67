// Unigram and WordPiece from the keys of GGUF, on vocabularies small enough to do by hand.
#include <stdlib.h>

#include <tern/tokenizer.h>

#include "tests/harness/check.h"
#include "tests/harness/counted_context.h"
#include "tests/harness/gguf_writer.h"

enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER = 4, UNUSED = 5, BYTE = 6 };

#define MARK "\xe2\x96\x81"

typedef struct token {
    const char *text;
    int type;
    float score;
} token;

static void put_tokens(gguf_writer *w, const char *kind, uint64_t more, const token *tokens,
                       size_t count) {
    gguf_start(w, 3, 0, 4 + more);
    gguf_key_string(w, "tokenizer.ggml.model", kind);
    gguf_key_array(w, "tokenizer.ggml.tokens", TERN_VALUE_STRING, count);
    for (size_t i = 0; i < count; i++) {
        gguf_text(w, tokens[i].text, strlen(tokens[i].text));
    }
    gguf_key_array(w, "tokenizer.ggml.scores", TERN_VALUE_F32, count);
    for (size_t i = 0; i < count; i++) {
        gguf_float(w, tokens[i].score);
    }
    gguf_key_array(w, "tokenizer.ggml.token_type", TERN_VALUE_I32, count);
    for (size_t i = 0; i < count; i++) {
        gguf_int(w, (uint32_t)tokens[i].type, 4);
    }
}

static tern_tokenizer *open_written(gguf_writer *w) {
    tern_source source = gguf_source(w);
    tern_tokenizer *tokenizer;
    CHECK_OK(tern_tokenizer_open(context, &source, NULL, &tokenizer));
    gguf_free(w);
    return tokenizer;
}

// |expected| ends with -1.
static void check(const tern_tokenizer *tokenizer, const char *text, uint32_t flags,
                  const int32_t *expected) {
    int32_t ids[64];
    size_t count;
    size_t wanted = 0;
    CHECK_OK(tern_tokenizer_encode(tokenizer, text, strlen(text), flags, ids, 64, &count));
    while (expected[wanted] >= 0) {
        if (wanted >= count || ids[wanted] != expected[wanted]) {
            fail_msg("'%s': id %zu is %d, expected %d", text, wanted,
                     wanted < count ? ids[wanted] : -1, expected[wanted]);
        }
        wanted++;
    }
    assert_int_equal(count, wanted);
}

#define CHECK(tokenizer, text, ...) check(tokenizer, text, 0, (int32_t[]){__VA_ARGS__, -1})

static const token unigram[] = {
    {"<pad>", CONTROL, 0}, {"</s>", CONTROL, 0}, {"<unk>", UNKNOWN, 0}, {MARK, NORMAL, -2},
    {"a", NORMAL, -3},     {"b", NORMAL, -4},    {"ab", NORMAL, -5},    {MARK "a", NORMAL, -4.5f},
    {"abb", NORMAL, -20},  {"aa", UNUSED, -1},   {"<tag>", USER, 0},
};
enum { UNIGRAM = sizeof unigram / sizeof unigram[0] };

static void test_best_sum(void **state) {
    (void)state;
    gguf_writer w = {0};
    put_tokens(&w, "t5", 0, unigram, UNIGRAM);
    tern_tokenizer *t = open_written(&w);
    CHECK(t, "ab", 3, 6);     // -7; "_a b" has -8.5
    CHECK(t, "abb", 3, 6, 5); // -11; "_ abb" has -22
    CHECK(t, "a", 7);         // -4.5; "_ a" has -5
    CHECK(t, "aa", 7, 4);     // unused tokens are not used
    CHECK(t, "xyb", 3, 2, 5); // unknown ones in a row are one
    CHECK(t, "xby", 3, 2, 5, 2);
    CHECK(t, "a  b", 7, 3, 3, 5);
    CHECK(t, "a<tag>a", 7, 10, 7);
    CHECK(t, "</s>", 3, 2); // not spelled
    check(t, "</s>", TERN_TOKENIZE_SPECIAL, (int32_t[]){1, -1});
    check(t, "a", TERN_TOKENIZE_BOS | TERN_TOKENIZE_EOS, (int32_t[]){7, 1, -1});
    check(t, "", 0, (int32_t[]){-1});
    tern_tokenizer_destroy(t);
}

// Sums are floats: -2^25 - 3 becomes -2^25 - 4, no better than "ab", which was found first.
static void test_rounding(void **state) {
    (void)state;
    static const token tokens[] = {{"<unk>", UNKNOWN, 0},
                                   {"</s>", CONTROL, 0},
                                   {"a", NORMAL, -33554432},
                                   {"b", NORMAL, -3},
                                   {"ab", NORMAL, -33554436}};
    gguf_writer w = {0};
    put_tokens(&w, "t5", 2, tokens, 5);
    gguf_key_u32(&w, "tokenizer.ggml.unknown_token_id", 0);
    gguf_key(&w, "tokenizer.ggml.add_space_prefix", TERN_VALUE_BOOL);
    gguf_int(&w, 0, 1);
    tern_tokenizer *t = open_written(&w);
    CHECK(t, "ab", 4);
    tern_tokenizer_destroy(t);
}

// A double array by hand, with "A" for "a", as in normalize_test.c.
static void put_map(gguf_writer *w) {
    enum { UNITS = 512, A = 256 ^ 'A' };
    static uint32_t units[UNITS];
    units[0] = 256u << 10;
    units[A] = (uint32_t)(A ^ 320) << 10 | 0x100 | 'A';
    units[320] = 1u << 31;
    gguf_key_array(w, "tokenizer.ggml.precompiled_charsmap", TERN_VALUE_U8, 4 + 4 * UNITS + 2);
    gguf_int(w, 4 * UNITS, 4);
    for (int i = 0; i < UNITS; i++) {
        gguf_int(w, units[i], 4);
    }
    gguf_put(w, "a", 2);
}

static void test_normaliser(void **state) {
    (void)state;
    gguf_writer w = {0};
    put_tokens(&w, "t5", 2, unigram, UNIGRAM);
    gguf_key(&w, "tokenizer.ggml.remove_extra_whitespaces", TERN_VALUE_BOOL);
    gguf_int(&w, 1, 1);
    put_map(&w);
    tern_tokenizer *t = open_written(&w);
    CHECK(t, "  a  b ", 7, 3, 5);
    CHECK(t, "Ab", 3, 6);
    check(t, "   ", 0, (int32_t[]){-1});
    tern_tokenizer_destroy(t);
}

// Bytes of a character that has no token.
static void test_bytes(void **state) {
    (void)state;
    static const token tokens[] = {{"<unk>", UNKNOWN, 0}, {"</s>", CONTROL, 0},
                                   {MARK, NORMAL, -1},    {"a", NORMAL, -1},
                                   {"<0xC3>", BYTE, 0},   {"<0xA9>", BYTE, 0}};
    gguf_writer w = {0};
    put_tokens(&w, "t5", 1, tokens, 6);
    gguf_key_u32(&w, "tokenizer.ggml.unknown_token_id", 0);
    tern_tokenizer *t = open_written(&w);
    CHECK(t, "a\u00e9", 2, 3, 4, 5);
    CHECK(t, "a\u00e8", 2, 3, 0); // E8 has none
    tern_tokenizer_destroy(t);
}

static void test_wordpiece(void **state) {
    (void)state;
    static const token tokens[] = {
        {"[PAD]", CONTROL, 0}, {"[UNK]", CONTROL, 0}, {"[CLS]", CONTROL, 0},
        {"[SEP]", CONTROL, 0}, {MARK "a", NORMAL, 0}, {MARK "ab", NORMAL, 0},
        {"b", NORMAL, 0},      {"c", NORMAL, 0},      {MARK "!", NORMAL, 0}};
    gguf_writer w = {0};
    put_tokens(&w, "bert", 3, tokens, 9);
    gguf_key_u32(&w, "tokenizer.ggml.unknown_token_id", 1);
    gguf_key_u32(&w, "tokenizer.ggml.cls_token_id", 2);
    gguf_key_u32(&w, "tokenizer.ggml.seperator_token_id", 3);
    tern_tokenizer *t = open_written(&w);
    CHECK(t, "abc!", 5, 7, 8);
    CHECK(t, " A\u0301bb a", 5, 6, 4); // no case, no accents
    CHECK(t, "b a", 1, 4);             // "b" begins no word
    CHECK(t, "abx a", 1, 4);           // all of a word is unknown
    CHECK(t,
          "a\x01"
          "b",
          5); // no control characters
    check(t, "a", TERN_TOKENIZE_BOS | TERN_TOKENIZE_EOS, (int32_t[]){2, 4, 3, -1});
    tern_tokenizer_destroy(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_sum),   cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_normaliser), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_wordpiece),
    };
    return cmocka_run_group_tests(tests, counted_set_up, counted_tear_down);
}
