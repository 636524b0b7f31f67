// Byte-level vocabularies of GGUF files, made by hand: right ones, wrong ones, cut off anywhere.
#include <stdbool.h>
#include <stdlib.h>

#include <tern/tokenizer.h>

#include "tests/harness/check.h"
#include "tests/harness/gguf_writer.h"
#include "tests/harness/heap.h"
#include "tests/harness/rng.h"

enum { NORMAL = 1, CONTROL = 3, USER = 4, MAX_TOKENS = 400, MAX_IDS = 512 };

static tern_context *context;

static char warned[256];

static void keep(void *user, tern_log_level level, const char *message) {
    (void)user;
    if (level == TERN_LOG_WARNING) {
        snprintf(warned, sizeof warned, "%s", message);
    }
}

static int set_up(void **state) {
    (void)state;
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.log = keep;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    return tern_context_create(&desc, &context);
}

static int tear_down(void **state) {
    (void)state;
    tern_context_destroy(context);
    return 0;
}

// 256 tokens of a byte each, in the order of the bytes, then others.
typedef struct vocabulary {
    const char *pre;          // NULL: no such key
    const char *architecture; // NULL: no such key
    char extra[MAX_TOKENS][24];
    int32_t types[MAX_TOKENS];
    uint32_t count;
    char merges[MAX_TOKENS][48];
    uint32_t merge_count;
    bool no_merges;
    uint32_t padding; // tokens that only fill up
} vocabulary;

static vocabulary v;

// The way in which byte-level vocabularies write a byte, as Hugging Face publishes it.
static size_t byte_letter(int byte, char *out) {
    int code = byte;
    if (byte < 33) {
        code = 256 + byte;
    } else if (byte >= 127 && byte < 161) {
        code = 256 + 33 + byte - 127;
    } else if (byte == 173) {
        code = 256 + 67;
    }
    if (code < 128) {
        out[0] = (char)code;
        return 1;
    }
    out[0] = (char)(0xc0 | code >> 6);
    out[1] = (char)(0x80 | (code & 0x3f));
    return 2;
}

static void start(const char *pre) {
    memset(&v, 0, sizeof v);
    v.pre = pre;
}

static int32_t add(const char *text, int32_t type) {
    snprintf(v.extra[v.count], sizeof v.extra[0], "%s", text);
    v.types[v.count] = type;
    return 256 + (int32_t)v.count++;
}

static void add_merge(const char *merge) {
    snprintf(v.merges[v.merge_count++], sizeof v.merges[0], "%s", merge);
}

static void write_tokens(gguf_writer *w) {
    gguf_key_array(w, "tokenizer.ggml.tokens", TERN_VALUE_STRING, 256 + v.count + v.padding);
    for (int byte = 0; byte < 256; byte++) {
        char letter[2];
        gguf_text(w, letter, byte_letter(byte, letter));
    }
    for (uint32_t i = 0; i < v.count; i++) {
        gguf_text(w, v.extra[i], strlen(v.extra[i]));
    }
    for (uint32_t i = 0; i < v.padding; i++) {
        gguf_text(w, "pad", 3);
    }
    gguf_key_array(w, "tokenizer.ggml.token_type", TERN_VALUE_I32, 256 + v.count + v.padding);
    for (uint32_t i = 0; i < 256 + v.count + v.padding; i++) {
        gguf_int(w, (uint32_t)(i >= 256 && i < 256 + v.count ? v.types[i - 256] : NORMAL), 4);
    }
}

static void write(gguf_writer *w) {
    gguf_start(w, 3, 0, (uint64_t)3 + (v.pre != NULL) + (v.architecture != NULL) + !v.no_merges);
    gguf_key_string(w, "tokenizer.ggml.model", "gpt2");
    if (v.pre) {
        gguf_key_string(w, "tokenizer.ggml.pre", v.pre);
    }
    if (v.architecture) {
        gguf_key_string(w, "general.architecture", v.architecture);
    }
    write_tokens(w);
    if (!v.no_merges) {
        gguf_key_array(w, "tokenizer.ggml.merges", TERN_VALUE_STRING, v.merge_count);
        for (uint32_t i = 0; i < v.merge_count; i++) {
            gguf_text(w, v.merges[i], strlen(v.merges[i]));
        }
    }
}

static tern_status make_with(const tern_tokenizer_desc *desc, tern_tokenizer **out) {
    gguf_writer w = {0};
    write(&w);
    tern_source source = gguf_source(&w);
    tern_status status = tern_tokenizer_open(context, &source, desc, out);
    gguf_free(&w);
    return status;
}

static tern_status make(tern_tokenizer **out) {
    return make_with(NULL, out);
}

static void check_ids(const tern_tokenizer *tokenizer, const char *text, uint32_t flags,
                      const int32_t *expected, size_t count) {
    int32_t ids[MAX_IDS];
    size_t got;
    CHECK_OK(tern_tokenizer_encode(tokenizer, text, strlen(text), flags, ids, MAX_IDS, &got));
    for (size_t i = 0; i < got && i < count; i++) {
        if (ids[i] != expected[i]) {
            fail_msg("'%s': id %zu is %d, expected %d", text, i, ids[i], expected[i]);
        }
    }
    assert_int_equal(got, count);
}

#define CHECK_IDS(tokenizer, text, flags, ...)                                                     \
    check_ids(tokenizer, text, flags, (const int32_t[]){__VA_ARGS__},                              \
              sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static void test_merges(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    start("gpt-2");
    int32_t he = add("he", NORMAL), ll = add("ll", NORMAL), hell = add("hell", NORMAL);
    int32_t space_a = add("\xc4\xa0"
                          "a",
                          NORMAL); // U+0120 is a space
    int32_t hello = add("hello", NORMAL);
    add_merge("l l");
    add_merge("h e");
    add_merge("he ll");
    add_merge("\xc4\xa0 a");
    CHECK_OK(make(&tokenizer));
    CHECK_IDS(tokenizer, "he", 0, he);
    CHECK_IDS(tokenizer, "hell", 0, hell);
    CHECK_IDS(tokenizer, "hello", 0, hell, 'o'); // no merge makes it
    CHECK_IDS(tokenizer, "lll", 0, ll, 'l');     // the leftmost
    CHECK_IDS(tokenizer, "x a", 0, 'x', space_a);
    CHECK_IDS(tokenizer, "a\n\xc3\xa9", 0, 'a', '\n', 0xc3, 0xa9);
    check_ids(tokenizer, "", 0, NULL, 0);
    tern_tokenizer_destroy(tokenizer);
    v.pre = "llama-bpe"; // a word that is a token is that token
    CHECK_OK(make(&tokenizer));
    CHECK_IDS(tokenizer, "hello", 0, hello);
    CHECK_IDS(tokenizer, "hellos", 0, hell, 'o', 's');
    tern_tokenizer_destroy(tokenizer);
}

// Repeats the best merge of all, as the definition has it.
static size_t merge_naively(char words[][24], size_t count) {
    for (;;) {
        size_t best = SIZE_MAX, best_rank = SIZE_MAX;
        for (size_t i = 0; i + 1 < count; i++) {
            char pair[64];
            snprintf(pair, sizeof pair, "%s %s", words[i], words[i + 1]);
            for (size_t rank = 0; rank < v.merge_count && rank < best_rank; rank++) {
                if (strcmp(v.merges[rank], pair) == 0) {
                    best = i;
                    best_rank = rank;
                }
            }
        }
        if (best == SIZE_MAX) {
            return count;
        }
        char joined[48];
        snprintf(joined, sizeof joined, "%s%s", words[best], words[best + 1]);
        memcpy(words[best], joined, sizeof words[0]);
        memmove(words[best + 1], words[best + 2], (count - best - 2) * sizeof words[0]);
        count--;
    }
}

static int32_t id_of(const char *text) {
    for (uint32_t i = 0; i < v.count; i++) {
        if (strcmp(v.extra[i], text) == 0) {
            return 256 + (int32_t)i;
        }
    }
    return text[1] ? -1 : (int32_t)(uint8_t)text[0];
}

// Random merges of what there is, so that they depend on each other.
static void invent_merges(rng *r) {
    start("gpt-2");
    while (v.merge_count < 60) {
        char a[24], b[24], merge[64];
        for (int side = 0; side < 2; side++) {
            uint32_t pick = rng_below(r, v.count + 3);
            snprintf(side ? b : a, sizeof a, "%s",
                     pick < v.count ? v.extra[pick]
                                    : (const char *[]){"a", "b", "c"}[pick - v.count]);
        }
        if (strlen(a) + strlen(b) > 8) {
            continue;
        }
        snprintf(merge, sizeof merge, "%s %s", a, b);
        bool known = false;
        for (uint32_t i = 0; i < v.merge_count; i++) {
            known |= strcmp(v.merges[i], merge) == 0;
        }
        if (known) {
            continue;
        }
        add_merge(merge);
        strcat(a, b);
        if (id_of(a) < 0) {
            add(a, NORMAL);
        }
    }
}

static void test_against_definition(void **state) {
    (void)state;
    rng r = rng_make(3);
    for (int round = 0; round < 40; round++) {
        tern_tokenizer *tokenizer;
        invent_merges(&r);
        CHECK_OK(make(&tokenizer));
        for (int i = 0; i < 20; i++) {
            char text[64] = "", words[64][24];
            size_t size = 1 + rng_below(&r, 40);
            for (size_t j = 0; j < size; j++) {
                text[j] = (char)('a' + rng_below(&r, 3));
                snprintf(words[j], sizeof words[0], "%c", text[j]);
            }
            int32_t expected[64];
            size_t count = merge_naively(words, size);
            for (size_t j = 0; j < count; j++) {
                expected[j] = id_of(words[j]);
            }
            check_ids(tokenizer, text, 0, expected, count);
        }
        tern_tokenizer_destroy(tokenizer);
    }
}

static void test_added_tokens(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    start("gpt-2");
    int32_t ab = add("ab", USER), abc = add("abc", USER), bcd = add("bcde", USER);
    int32_t end = add("<|end|>", CONTROL), spaces = add("  ", USER);
    add("b|", CONTROL);
    add_merge("a x");
    add("ax", NORMAL);
    CHECK_OK(make(&tokenizer));
    // The leftmost, and of these the longest.
    CHECK_IDS(tokenizer, "abcde", 0, abc, 'd', 'e');
    CHECK_IDS(tokenizer, "xbcdeab", 0, 'x', bcd, ab);
    CHECK_IDS(tokenizer, "abab", 0, ab, ab);
    CHECK_IDS(tokenizer, "a   b", 0, 'a', spaces, ' ', 'b');
    // Control tokens only where they are asked for.
    CHECK_IDS(tokenizer, "<|end|>", 0, '<', '|', 'e', 'n', 'd', '|', '>');
    CHECK_IDS(tokenizer, "ab|<|end|><|end|", TERN_TOKENIZE_SPECIAL, ab, '|', end, '<', '|', 'e',
              'n', 'd', '|');
    assert_true(tern_tokenizer_is_end(tokenizer, end));
    char bytes[8];
    size_t size;
    CHECK_OK(tern_tokenizer_decode(tokenizer, end, 0, bytes, sizeof bytes, &size));
    assert_int_equal(size, 0);
    CHECK_OK(tern_tokenizer_decode(tokenizer, spaces, 1, bytes, sizeof bytes, &size));
    assert_int_equal(size, 2);
    tern_token_info info = {.struct_size = sizeof info};
    CHECK_OK(tern_tokenizer_token(tokenizer, end, &info));
    assert_string_equal(info.text, "<|end|>");
    assert_int_equal(info.type, TERN_TOKEN_CONTROL);
    CHECK_FAILS(tern_tokenizer_token(tokenizer, 256 + 7, &info), TERN_STATUS_OUT_OF_RANGE,
                "id 263 of 263 tokens");
    tern_tokenizer_destroy(tokenizer);
}

// Tokens of two letters against a search at each place.
static void test_added_against_search(void **state) {
    (void)state;
    rng r = rng_make(8);
    for (int round = 0; round < 60; round++) {
        tern_tokenizer *tokenizer;
        start("gpt-2");
        uint32_t tokens = 1 + rng_below(&r, 12);
        while (v.count < tokens) {
            char text[16] = "";
            uint32_t size = 2 + rng_below(&r, 7);
            for (uint32_t i = 0; i < size; i++) {
                text[i] = (char)('a' + rng_below(&r, 2));
            }
            if (id_of(text) < 0) {
                add(text, USER);
            }
        }
        CHECK_OK(make(&tokenizer));
        char text[128] = "";
        int32_t expected[128];
        size_t count = 0;
        for (size_t i = 0; i < 120; i++) {
            text[i] = (char)('a' + rng_below(&r, 2));
        }
        for (const char *at = text; *at;) {
            size_t longest = 0;
            expected[count] = *at;
            for (uint32_t i = 0; i < v.count; i++) {
                size_t size = strlen(v.extra[i]);
                if (size > longest && strncmp(at, v.extra[i], size) == 0) {
                    longest = size;
                    expected[count] = 256 + (int32_t)i;
                }
            }
            at += longest ? longest : 1;
            count++;
        }
        check_ids(tokenizer, text, 0, expected, count);
        tern_tokenizer_destroy(tokenizer);
    }
}

// What the pre-tokenizer is where the file does not say: "12345" is cut in threes from the left by
// Llama 3's, not at all by the others; "-b" is two words for "default".
static void test_missing_name(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    start(NULL);
    int32_t pair = add("34", NORMAL), dash = add("-b", NORMAL);
    add_merge("3 4");
    add_merge("- b");
    v.architecture = "bitnet-b1.58";
    v.padding = 128256 - 256 - v.count;
    CHECK_OK(make(&tokenizer));
    CHECK_IDS(tokenizer, "12345", 0, '1', '2', '3', '4', '5');
    CHECK_IDS(tokenizer, "a-b", 0, 'a', dash);
    tern_tokenizer_destroy(tokenizer);
    assert_string_equal(warned, "");
    v.architecture = "gpt2";
    CHECK_OK(make(&tokenizer));
    assert_non_null(strstr(warned, "test.gguf: key 'tokenizer.ggml.pre' is missing"));
    CHECK_IDS(tokenizer, "a-b", 0, 'a', '-', 'b');
    tern_tokenizer_destroy(tokenizer);
    v.padding = 0;
    v.pre = "gpt-2";
    CHECK_OK(make(&tokenizer));
    CHECK_IDS(tokenizer, "12345", 0, '1', '2', pair, '5');
    CHECK_IDS(tokenizer, "a-b", 0, 'a', '-', 'b');
    tern_tokenizer_destroy(tokenizer);
}

// A name that was asked for goes before what the file says or lacks; nothing is left to warn of.
static void test_chosen_name(void **state) {
    (void)state;
    tern_tokenizer *tokenizer;
    tern_tokenizer_desc desc = TERN_TOKENIZER_DESC_INIT;
    const char *const named[] = {NULL, "gpt-2", "unheard-of"};
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        start(named[i]);
        int32_t dash = add("-b", NORMAL);
        add_merge("- b");
        warned[0] = '\0';
        desc.pretokenizer = "llama-bpe";
        CHECK_OK(make_with(&desc, &tokenizer));
        CHECK_IDS(tokenizer, "a-b", 0, 'a', dash);
        tern_tokenizer_destroy(tokenizer);
        desc.pretokenizer = "default";
        CHECK_OK(make_with(&desc, &tokenizer));
        CHECK_IDS(tokenizer, "a-b", 0, 'a', '-', 'b');
        tern_tokenizer_destroy(tokenizer);
        assert_string_equal(warned, "");
    }
    desc.pretokenizer = "no-such";
    CHECK_FAILS(make_with(&desc, &tokenizer), TERN_STATUS_UNSUPPORTED,
                "test.gguf: the pre-tokenizer 'no-such' is not known");
    desc.reserved = 1;
    CHECK_FAILS(make_with(&desc, &tokenizer), TERN_STATUS_INVALID_ARGUMENT, "tern_tokenizer_desc");
    desc = (tern_tokenizer_desc){.struct_size = 3};
    CHECK_FAILS(make_with(&desc, &tokenizer), TERN_STATUS_INVALID_ARGUMENT, "tern_tokenizer_desc");
    assert_null(tokenizer);
}

// Merges of characters with marks for spaces, as llama.cpp's documentation of Gemma 4 has it: a run
// of line feeds that is a token stays whole, what has no token is spelled in bytes, and a text
// begins with a token whatever the file says.
static void test_gemma4(void **state) {
    (void)state;
    static const char *const tokens[] = {"<bos>",
                                         "\n",
                                         "\n\n",
                                         "\xe2\x96\x81",
                                         "a",
                                         "b",
                                         "\xe2\x96\x81"
                                         "a",
                                         "ab",
                                         "<0x21>",
                                         "<0xC3>",
                                         "<0xA9>",
                                         "\xc3\xa9"
                                         "b"};
    static const uint32_t types[] = {3, 1, 1, 1, 1, 1, 1, 1, 6, 6, 6, 1};
    enum { COUNT = sizeof types / sizeof types[0] };
    gguf_writer w = {0};
    gguf_start(&w, 3, 0, 6);
    gguf_key_string(&w, "tokenizer.ggml.model", "gemma4");
    gguf_key_array(&w, "tokenizer.ggml.tokens", TERN_VALUE_STRING, COUNT);
    for (int i = 0; i < COUNT; i++) {
        gguf_text(&w, tokens[i], strlen(tokens[i]));
    }
    gguf_key_array(&w, "tokenizer.ggml.token_type", TERN_VALUE_I32, COUNT);
    for (int i = 0; i < COUNT; i++) {
        gguf_int(&w, types[i], 4);
    }
    gguf_key_array(&w, "tokenizer.ggml.merges", TERN_VALUE_STRING, 2);
    gguf_text(&w, "\xe2\x96\x81 a", 5);
    gguf_text(&w, "a b", 3);
    gguf_key_u32(&w, "tokenizer.ggml.bos_token_id", 0);
    gguf_key(&w, "tokenizer.ggml.add_bos_token", TERN_VALUE_BOOL);
    gguf_int(&w, 0, 1);
    tern_source source = gguf_source(&w);
    tern_tokenizer *tokenizer;
    CHECK_OK(tern_tokenizer_open(context, &source, NULL, &tokenizer));
    CHECK_IDS(tokenizer, "a ab", TERN_TOKENIZE_BOS, 0, 4, 6, 5);
    CHECK_IDS(tokenizer, "ab\n\nb\n\n\n", 0, 7, 2, 5, 1, 1, 1);
    CHECK_IDS(tokenizer, "!\xc3\xa9", 0, 8, 9, 10);
    CHECK_IDS(tokenizer, "<bos>  a", TERN_TOKENIZE_SPECIAL, 0, 3, 6);
    tern_tokenizer_destroy(tokenizer);
    gguf_free(&w);
}

static void check_refused(tern_status status, const char *message) {
    tern_tokenizer *tokenizer;
    CHECK_FAILS(make(&tokenizer), status, message);
    assert_null(tokenizer);
}

static void test_refused(void **state) {
    (void)state;
    start("unheard-of");
    check_refused(TERN_STATUS_UNSUPPORTED,
                  "test.gguf: the pre-tokenizer 'unheard-of' is not known");
    start("gpt-2");
    v.no_merges = true;
    check_refused(TERN_STATUS_NOT_FOUND, "key 'tokenizer.ggml.merges' is missing");
    static const struct {
        const char *merge;
        const char *message;
    } merges[] = {{"a b", "merge 1 is of 'a' and 'b', but what they make is no token"},
                  {"ab b", "the first is no token"},
                  {"b ab", "the second is no token"},
                  {"ab", "merge 1 is 'ab', expected two tokens and a space"},
                  {"a ", "merge 1 is 'a ', expected"},
                  {"", "merge 1 is '', expected"},
                  {" ", "merge 1 is ' ', expected"}};
    for (size_t i = 0; i < sizeof merges / sizeof merges[0]; i++) {
        start("gpt-2");
        add("xy", NORMAL);
        add_merge("x y");
        add_merge(merges[i].merge);
        check_refused(TERN_STATUS_CORRUPT_DATA, merges[i].message);
    }
}

// A file that ends anywhere fails or, where only what follows is missing, works.
static void test_cut_off(void **state) {
    (void)state;
    gguf_writer w = {0};
    start("falcon");
    add("he", NORMAL);
    add("<e>", CONTROL);
    add_merge("h e");
    write(&w);
    for (size_t size = 0; size < w.size; size++) {
        uint8_t *copy = malloc(size ? size : 1); // so that reading past the end is seen
        memcpy(copy, w.data, size);
        tern_source source = tern_source_from_memory("cut.gguf", copy, size);
        tern_tokenizer *tokenizer;
        assert_int_not_equal(tern_tokenizer_open(context, &source, NULL, &tokenizer),
                             TERN_STATUS_OK);
        assert_null(tokenizer);
        assert_non_null(strstr(tern_last_error_message(), "cut.gguf"));
        free(copy);
    }
    gguf_free(&w);
}

static tern_status use(const tern_allocator *allocator, const tern_source *source) {
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    tern_context *bare = NULL;
    tern_tokenizer *tokenizer = NULL;
    int32_t ids[32];
    size_t count;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    desc.allocator = allocator;
    tern_status status = tern_context_create(&desc, &bare);
    if (status == TERN_STATUS_OK) {
        status = tern_tokenizer_open(bare, source, NULL, &tokenizer);
    }
    if (status == TERN_STATUS_OK) {
        status = tern_tokenizer_encode(tokenizer, "he said <e>, 1234\xff", 18,
                                       TERN_TOKENIZE_SPECIAL, ids, 32, &count);
    }
    tern_tokenizer_destroy(tokenizer);
    tern_context_destroy(bare);
    return status;
}

// Whichever allocation fails, the call says so and leaves nothing behind.
static void test_no_memory(void **state) {
    (void)state;
    gguf_writer w = {0};
    start("falcon");
    add("he", NORMAL);
    add("<e>", CONTROL);
    add_merge("h e");
    write(&w);
    tern_source source = gguf_source(&w);
    test_heap heap = {0};
    tern_allocator allocator = test_heap_allocator(&heap);
    size_t failures = 0;
    do {
        heap.calls = 0;
        heap.fail_at++;
        tern_status status = use(&allocator, &source);
        failures += status != TERN_STATUS_OK; // PCRE2's machine code is done without
        assert_true(status == TERN_STATUS_OK || status == TERN_STATUS_OUT_OF_MEMORY);
        assert_int_equal(heap.blocks, 0);
    } while (heap.calls >= heap.fail_at);
    assert_true(failures > 40);
    gguf_free(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merges),       cmocka_unit_test(test_against_definition),
        cmocka_unit_test(test_added_tokens), cmocka_unit_test(test_added_against_search),
        cmocka_unit_test(test_missing_name), cmocka_unit_test(test_chosen_name),
        cmocka_unit_test(test_gemma4),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut_off),      cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
