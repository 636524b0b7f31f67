// Vocabularies in tiktoken's text, right and wrong.
#include <stdlib.h>

#include <tern/tokenizer.h>

#include "tests/harness/check.h"
#include "tests/harness/counted_context.h"

enum { RANKS = 128000 };

static tern_status open_text(const char *text, tern_tokenizer **out) {
    tern_source source = tern_source_from_memory("test.model", text, strlen(text));
    return tern_tokenizer_open(context, &source, NULL, out);
}

// Base64 of at most three bytes.
static void encode(const uint8_t *bytes, int size, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t word = (uint32_t)bytes[0] << 16 | (uint32_t)(size > 1 ? bytes[1] : 0) << 8 |
                    (uint32_t)(size > 2 ? bytes[2] : 0);
    for (int i = 0; i < 4; i++) {
        out[i] = i <= size ? digits[word >> (18 - 6 * i) & 63] : '=';
    }
    out[4] = '\0';
}

// All bytes, "th", "he", "the" and then whatever fills up.
static char *whole(const char *line_end) {
    char *text = malloc(RANKS * 16);
    size_t used = 0;
    for (int rank = 0; rank < RANKS; rank++) {
        uint8_t bytes[3] = {(uint8_t)rank, 0, 0};
        int size = rank < 256 ? 1 : rank < 258 ? 2 : 3;
        if (rank >= 256) {
            memcpy(bytes, rank == 257 ? "he" : "the", 3);
        }
        if (rank > 258) {
            bytes[1] = (uint8_t)(rank >> 8);
            bytes[2] = (uint8_t)rank;
            bytes[0] = (uint8_t)(1 + (rank >> 16));
        }
        char base64[8];
        encode(bytes, size, base64);
        used += (size_t)sprintf(text + used, "%s %d%s", base64, rank, line_end);
    }
    return text;
}

static void test_ranks(void **state) {
    (void)state;
    static const char *const line_ends[] = {"\n", "\r\n"};
    for (int i = 0; i < 2; i++) {
        tern_tokenizer *tokenizer;
        int32_t ids[16];
        size_t count;
        char *text = whole(line_ends[i]);
        CHECK_OK(open_text(text, &tokenizer));
        // "th" has the lowest rank; a word that is a token needs no joining.
        CHECK_OK(
            tern_tokenizer_encode(tokenizer, "ththe the", 9, TERN_TOKENIZE_BOS, ids, 16, &count));
        assert_int_equal(count, 5);
        assert_memory_equal(ids, ((int32_t[]){RANKS, 256, 258, ' ', 258}), 5 * sizeof *ids);
        tern_tokenizer_info info = {.struct_size = sizeof info};
        CHECK_OK(tern_tokenizer_describe(tokenizer, &info));
        assert_int_equal(info.size, RANKS + 256);
        assert_int_equal(info.bos, RANKS);
        assert_int_equal(info.eos, RANKS + 1);
        assert_int_equal(info.add_bos, 1);
        tern_tokenizer_destroy(tokenizer);
        // One token fewer is not a vocabulary that is known.
        *strrchr(text, '\n') = '\0';
        strrchr(text, '\n')[1] = '\0';
        CHECK_FAILS(open_text(text, &tokenizer), TERN_STATUS_UNSUPPORTED,
                    "test.model: a tiktoken vocabulary of 127999 tokens is not known");
        free(text);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        tern_status status;
        const char *message;
    } cases[] = {
        {"", TERN_STATUS_UNSUPPORTED, "test.model: not a tokenizer"},
        {"AAAA", TERN_STATUS_UNSUPPORTED, "not a tokenizer"},
        {"AAA 0\n", TERN_STATUS_UNSUPPORTED, "not a tokenizer"},
        {"AA== 0\n", TERN_STATUS_UNSUPPORTED, "vocabulary of 1 tokens is not known"},
        {"AA== 0\nAQ== 2\n", TERN_STATUS_CORRUPT_DATA, "line 2: expected the ranks 0, 1, 2"},
        {"AA== 1\n", TERN_STATUS_CORRUPT_DATA, "line 1: expected the ranks"},
        {"AA== 0\n\n", TERN_STATUS_CORRUPT_DATA, "line 2: expected a token in base64"},
        {"AA== 0\nAQ==1\n", TERN_STATUS_CORRUPT_DATA, "line 2: expected a token in base64"},
        {"AA== 0\nAQ== \n", TERN_STATUS_CORRUPT_DATA, "line 2: expected the ranks"},
        {"AA== 0\nAQ== 1x\n", TERN_STATUS_CORRUPT_DATA, "line 2: expected the ranks"},
        {"AA== 0\nA=== 1\n", TERN_STATUS_CORRUPT_DATA, "line 2: expected a token in base64"},
        {"AA== 0\nA=Q= 1\n", TERN_STATUS_CORRUPT_DATA, "line 2: expected a token in base64"},
        {"AA== 0\n==== 1\n", TERN_STATUS_CORRUPT_DATA, "line 2: expected a token in base64"},
        {"AA== 0\n= 1\n", TERN_STATUS_CORRUPT_DATA, "line 2: expected a token in base64"},
        {"AA== 0\n 1\n", TERN_STATUS_CORRUPT_DATA, "line 2: expected a token in base64"},
        {"AA== 0\nAQ== 18446744073709551617\n", TERN_STATUS_CORRUPT_DATA, "line 2"},
        {"AA== 99999999999999999999\n", TERN_STATUS_CORRUPT_DATA, "line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tern_tokenizer *tokenizer;
        CHECK_FAILS(open_text(cases[i].text, &tokenizer), cases[i].status, cases[i].message);
        assert_null(tokenizer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, counted_set_up, counted_tear_down);
}
