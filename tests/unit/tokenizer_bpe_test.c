// Byte-level BPE against the ids that others published with their vocabularies.
#include <stdbool.h>
#include <stdlib.h>

#include <tern/tokenizer.h>

#include "runtime/model/text/text.h"
#include "runtime/model/text/textstream.h"
#include "runtime/model/text/vocabulary.h"

#include "tests/harness/published.h"
#include "tests/harness/rng.h"

enum { MAX_IDS = PUBLISHED_IDS };

static tern_tokenizer *kept; // Llama 3's, which is large

static int tear_down(void **state) {
    tern_tokenizer_destroy(kept);
    return counted_tear_down(state);
}

static tern_tokenizer *llama3(void) {
    kept = kept ? kept : published_tokenizer("data/llama3/tokenizer.model");
    return kept;
}

static void test_gpt2(void **state) {
    (void)state;
    tern_tokenizer *tokenizer = published_tokenizer("data/tokenizers/ggml-vocab-gpt-2.gguf");
    published_check_pair(tokenizer, "gpt-2");
    tern_tokenizer_destroy(tokenizer);
}

static void test_falcon(void **state) {
    (void)state;
    tern_tokenizer *tokenizer = published_tokenizer("data/tokenizers/ggml-vocab-falcon.gguf");
    published_check_pair(tokenizer, "falcon");
    tern_tokenizer_destroy(tokenizer);
}

static void test_deepseek_llm(void **state) {
    (void)state;
    tern_tokenizer *tokenizer = published_tokenizer("data/tokenizers/ggml-vocab-deepseek-llm.gguf");
    published_check_pair(tokenizer, "deepseek-llm");
    tern_tokenizer_destroy(tokenizer);
}

static void test_llama3(void **state) {
    (void)state;
    published_check_pair(llama3(), "llama-bpe");
}

// How many of the published cases of BitNet b1.58 2B-4T |tokenizer| gives the ids of. Their texts
// are in hexadecimal too.
static int count_bitnet(const tern_tokenizer *tokenizer) {
    size_t size;
    char *json = published_read("data/bitnet2b-reference/standard_tokens.json", &size);
    static const char bos_key[] = "\"add_bos\": ", ids_key[] = "\"token_ids\": [";
    static const char hex_key[] = "\"reconstructed_utf8_hex\": \"";
    int cases = 0, same = 0;
    for (char *at = json; (at = strstr(at, bos_key)) != NULL; cases++) {
        int32_t expected[512], ids[512];
        char text[2048];
        size_t length = 0, got;
        uint32_t flags = at[sizeof bos_key - 1] == 't' ? TERN_TOKENIZE_BOS : 0;
        at = strstr(at, ids_key);
        size_t count = published_parse_ids(at, strchr(at, ']'), expected, 512);
        at = strstr(at, hex_key) + sizeof hex_key - 1;
        for (unsigned byte; sscanf(at, "%2x", &byte) == 1; at += 2) {
            text[length++] = (char)byte;
        }
        CHECK_OK(tern_tokenizer_encode(tokenizer, text, length, flags, ids, 512, &got));
        same += got == count && memcmp(ids, expected, count * sizeof *ids) == 0;
    }
    assert_int_equal(cases, 7);
    free(json);
    return same;
}

// The model's file names no pre-tokenizer. The ids were published from a runtime that then takes
// "default"; the model was trained with Llama 3's, which cuts two of the texts otherwise ("2-bit",
// and a full stop before the end of a line).
static void test_bitnet(void **state) {
    (void)state;
    tern_tokenizer_desc desc = TERN_TOKENIZER_DESC_INIT;
    desc.pretokenizer = "default";
    tern_tokenizer *tokenizer = published_tokenizer_with("data/llama3/tokenizer.model", &desc);
    assert_int_equal(count_bitnet(tokenizer), 7);
    tern_tokenizer_destroy(tokenizer);
    assert_int_equal(count_bitnet(llama3()), 5);
}

static void test_llama3_special(void **state) {
    (void)state;
    tern_tokenizer *tokenizer = llama3();
    const int32_t special[] = {128000, 128006, 882, 128007, 128009, 128255};
    const char *spelled = "<|start_header_id|>user<|end_header_id|><|eot_id|>"
                          "<|reserved_special_token_250|>";
    published_check_ids(tokenizer, spelled, strlen(spelled),
                        TERN_TOKENIZE_SPECIAL | TERN_TOKENIZE_BOS, special, 6);
    assert_true(tern_tokenizer_is_end(tokenizer, 128001));
    assert_true(tern_tokenizer_is_end(tokenizer, 128009));
    assert_false(tern_tokenizer_is_end(tokenizer, 128006));
}

static size_t decode_all(const tern_tokenizer *tokenizer, const int32_t *ids, size_t count,
                         char *out, size_t capacity) {
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        size_t piece;
        CHECK_OK(tern_tokenizer_decode(tokenizer, ids[i], i == 0, out + length, capacity - length,
                                       &piece));
        length += piece;
    }
    return length;
}

static void check_round_trip(const tern_tokenizer *tokenizer, const char *text, size_t size) {
    static int32_t ids[MAX_IDS];
    static char back[MAX_IDS];
    size_t count;
    CHECK_OK(tern_tokenizer_encode(tokenizer, text, size, 0, ids, MAX_IDS, &count));
    assert_int_equal(decode_all(tokenizer, ids, count, back, sizeof back), size);
    assert_memory_equal(back, text, size);
}

// A character that all vocabularies can spell: no control character, of the first two planes.
// Returns its bytes.
static size_t random_character(rng *r, char *out) {
    static const uint32_t bounds[] = {0x80, 0x80, 0x800, 0x10000, 0x20000};
    uint32_t c = rng_below(r, bounds[rng_below(r, 5)]);
    c = c < ' ' || (c >= 0xd800 && c < 0xe000) ? ' ' : c;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = size; i-- > 1; c >>= 6) {
        out[i] = (char)(0x80 | (c & 0x3f));
    }
    out[0] = (char)((0xf00 >> size & 0xf0) | c);
    return size;
}

static void check_round_trips(const tern_tokenizer *tokenizer, bool all_bytes) {
    rng r = rng_make(77);
    for (int round = 0; round < 100; round++) {
        char text[220];
        size_t size = 0;
        size_t wanted = rng_below(&r, 200);
        while (size < wanted) {
            if (all_bytes && round % 2) {
                text[size++] = (char)rng_u32(&r);
            } else {
                size += random_character(&r, text + size);
            }
        }
        check_round_trip(tokenizer, text, size);
    }
}

static void test_round_trips(void **state) {
    (void)state;
    check_round_trips(llama3(), true);
    static const char *const names[] = {
        "tokenizers/ggml-vocab-falcon",   "tokenizers/ggml-vocab-deepseek-llm",
        "tokenizers/ggml-vocab-gpt-2",    "gguf-fixtures/vocab-bpe-gpt4o",
        "gguf-fixtures/vocab-bpe-llama3", "gguf-fixtures/vocab-bpe-qwen2",
        "gguf-fixtures/vocab-bpe-qwen35", "gguf-fixtures/vocab-bpe-smollm"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "data/%s.gguf", names[i]);
        tern_tokenizer *tokenizer = published_tokenizer(name);
        check_round_trips(tokenizer, i >= 2);
        tern_tokenizer_destroy(tokenizer);
    }
}

// Bytes that the vocabulary lacks: those that no UTF-8 has are U+FFFD, others are left out.
static void test_lacking_bytes(void **state) {
    (void)state;
    tern_tokenizer *tokenizer = published_tokenizer("data/tokenizers/ggml-vocab-falcon.gguf");
    int32_t expected[8], ids[8];
    char back[32];
    size_t one, count;
    CHECK_OK(tern_tokenizer_encode(tokenizer, "\xef\xbf\xbd", 3, 0, expected, 8, &one));
    CHECK_OK(tern_tokenizer_encode(tokenizer, "a\xff", 2, 0, ids, 8, &count));
    assert_int_equal(count, one + 1);
    assert_memory_equal(ids + 1, expected, one * sizeof *ids);
    assert_int_equal(decode_all(tokenizer, ids, count, back, sizeof back), 4);
    assert_memory_equal(back, "a\xef\xbf\xbd", 4);
    CHECK_OK(tern_tokenizer_encode(tokenizer, "a\x03", 2, 0, ids, 8, &count));
    assert_int_equal(count, 1);
    tern_tokenizer_destroy(tokenizer);
}

static int32_t append(void *user, const char *text, size_t size) {
    char *all = user;
    for (size_t i = 0; i < size;) { // whole characters only
        uint32_t length;
        assert_true(tern__character_at(text + i, size - i, &length) >= 0);
        i += length;
    }
    strncat(all, text, size);
    return 1;
}

// Tokens may end within a character; what is streamed does not.
static void test_streaming(void **state) {
    (void)state;
    static const char text[] = "x\xf0\x9f\x99\x88\xf0\x9f\xab\xa8 \xe2\xbb\xa0\xe1\x8d\xa4y";
    tern_tokenizer *tokenizer = published_tokenizer("data/tokenizers/ggml-vocab-gpt-2.gguf");
    int32_t ids[64];
    char all[64] = "";
    size_t count, split = 0;
    tern_stop stop;
    tern__textstream stream = {.context = context, .deliver = append, .user = all};
    CHECK_OK(tern_tokenizer_encode(tokenizer, text, sizeof text - 1, 0, ids, 64, &count));
    for (size_t i = 0; i < count; i++) {
        char bytes[32];
        size_t size;
        uint32_t length;
        CHECK_OK(tern_tokenizer_decode(tokenizer, ids[i], i == 0, bytes, sizeof bytes, &size));
        split += tern__character_at(bytes, size, &length) < 0;
        CHECK_OK(tern__textstream_add(&stream, bytes, size, &stop));
    }
    tern__textstream_flush(&stream, &stop);
    tern__textstream_finish(&stream);
    assert_true(split > 4); // or it shows nothing
    assert_string_equal(all, text);
    tern_tokenizer_destroy(tokenizer);
}

// 64 KiB that are one word, or nearly: n log n, so that it ends while somebody waits.
static void test_long_words(void **state) {
    (void)state;
    enum { SIZE = 1 << 16 };
    tern_tokenizer *tokenizer = llama3();
    char *text = malloc(SIZE), *back = malloc(SIZE);
    int32_t *ids = malloc((SIZE + 2) * sizeof *ids);
    for (const char *c = "a <"; *c; c++) {
        size_t count;
        memset(text, *c, SIZE);
        CHECK_OK(tern_tokenizer_encode(tokenizer, text, SIZE, TERN_TOKENIZE_SPECIAL, ids, SIZE + 2,
                                       &count));
        assert_int_equal(decode_all(tokenizer, ids, count, back, SIZE), SIZE);
        assert_memory_equal(back, text, SIZE);
    }
    free(ids);
    free(back);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gpt2),         cmocka_unit_test(test_falcon),
        cmocka_unit_test(test_deepseek_llm), cmocka_unit_test(test_llama3),
        cmocka_unit_test(test_bitnet),       cmocka_unit_test(test_llama3_special),
        cmocka_unit_test(test_round_trips),  cmocka_unit_test(test_lacking_bytes),
        cmocka_unit_test(test_streaming),    cmocka_unit_test(test_long_words),
    };
    return cmocka_run_group_tests(tests, counted_set_up, tear_down);
}
