// The JSON reader: what RFC 8259 says is JSON and what it says is none.
#include "runtime/model/files/json.h"

#include <stdlib.h>

#include "runtime/model/files/json_number.h"
#include "tests/harness/check.h"
#include "tests/harness/counted_context.h"
#include "tests/harness/data.h"

static char *text; // of the document that is open
static tern__json_document document;

static void close_document(void) {
    tern__json_finish(context, &document);
    free(text);
    text = NULL;
}

// A copy of the exact size, so that the address sanitizer sees every access past its end.
static tern_status parse(const void *data, size_t size) {
    close_document();
    text = malloc(size ? size : 1);
    memcpy(text, data, size);
    return tern__json_parse(context, "x.json", text, size, &document);
}

static const tern__json *parse_text(const char *json) {
    CHECK_OK(parse(json, strlen(json)));
    return document.nodes;
}

static void test_values(void **state) {
    (void)state;
    const tern__json *root =
        parse_text(" {\"a\": [1, -2.5e1, {}], \"b\":true,\"c\":\t\"x\",\"d\":null,\"e\":[]} \n");
    assert_int_equal(root->type, TERN__JSON_OBJECT);
    assert_int_equal(root->size, 5);
    assert_null(root->key);
    const tern__json *a = tern__json_get(root, "a");
    assert_int_equal(a->size, 3);
    const tern__json *one = tern__json_first(a);
    assert_true(one->flag && one->as.integer == 1 && tern__json_number_of(one) == 1.0);
    const tern__json *two = tern__json_next(a, one);
    assert_true(!two->flag && tern__json_number_of(two) == -25.0);
    const tern__json *three = tern__json_next(a, two);
    assert_int_equal(three->type, TERN__JSON_OBJECT);
    assert_null(tern__json_first(three));
    assert_null(tern__json_next(a, three));
    assert_true(tern__json_get(root, "b")->flag);
    assert_true(tern__json_is(tern__json_get(root, "c"), "x"));
    assert_false(tern__json_is(tern__json_get(root, "c"), "xy"));
    assert_int_equal(tern__json_get(root, "d")->type, TERN__JSON_NULL);
    assert_int_equal(tern__json_get(root, "e")->size, 0);
    assert_null(tern__json_get(root, "f"));
    assert_null(tern__json_get(a, "a"));
    close_document();
}

static void test_escapes(void **state) {
    (void)state;
    static const char expected[] = "\"\\/\b\f\n\r\t\xc3\xa9\xe2\x96\x81\xf0\x9f\x98\x80\0z";
    const tern__json *root =
        parse_text("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u2581\\uD83D\\ude00\\u0000z\"");
    assert_int_equal(root->size, sizeof expected - 1);
    assert_memory_equal(root->as.string, expected, sizeof expected);
    close_document();
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *message;
    } cases[] = {
        {"", "the text ends too early at offset 0"},
        {"[1", "the text ends too early at offset 2"},
        {"[1,]", "no value, or a number beyond the range of a double, at offset 3"},
        {"[1 2]", "no ',' or ']' at offset 3"},
        {"{\"a\" 1}", "no ':' after a key at offset 5"},
        {"{\"a\":1,}", "no string where one is expected at offset 7"},
        {"{a:1}", "no string where one is expected at offset 1"},
        {"{\"a\":1]", "no ',' or '}' at offset 6"},
        {"1 2", "something behind the value at offset 2"},
        {"\"a\nb\"", "a control character in a string at offset 2"},
        {"\"\\x\"", "an unknown escape at offset 2"},
        {"\"\\u12g4\"", "no four hexadecimal digits, or half a surrogate pair at offset 3"},
        {"\"\\u12", "no four hexadecimal digits"},
        {"\"\\ud83d\"", "half a surrogate pair at offset 3"},
        {"\"\\ud83d\\u0041\"", "half a surrogate pair at offset 3"},
        {"\"\\ude00\"", "half a surrogate pair at offset 3"},
        {"\"\xc0\xaf\"", "bytes that are not UTF-8 at offset 1"},
        {"\"\xed\xa0\x80\"", "bytes that are not UTF-8 at offset 1"},
        {"\"\xf4\x90\x80\x80\"", "bytes that are not UTF-8 at offset 1"},
        {"\"\xe2\x96\"", "bytes that are not UTF-8 at offset 1"},
        {"\"abc", "the text ends too early at offset 4"},
        {"01", "no value"},
        {"-", "no value"},
        {"+1", "no value"},
        {".5", "no value"},
        {"1.", "no value"},
        {"1e", "no value"},
        {"1e999", "a number beyond the range of a double"},
        {"nul", "no value"},
        {"NaN", "no value"},
        {"\xef\xbb\xbf{}", "no value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_FAILS(parse(cases[i].json, strlen(cases[i].json)), TERN_STATUS_CORRUPT_DATA,
                    cases[i].message);
        assert_non_null(strstr(tern_last_error_message(), "x.json: "));
        assert_null(document.nodes);
    }
    close_document();
}

// The expectations are the compiler's, which rounds literals correctly.
static void test_numbers(void **state) {
    (void)state;
#define NUMBER(literal)                                                                            \
    { #literal, literal }
    static const struct {
        const char *json;
        double value;
    } cases[] = {NUMBER(0),
                 NUMBER(-0.0),
                 NUMBER(1e-05),
                 NUMBER(1000042.0),
                 NUMBER(500000.0),
                 NUMBER(0.1),
                 NUMBER(-10.873600006103516),
                 NUMBER(3.4028234663852886e+38),
                 NUMBER(1.1754943508222875e-38),
                 NUMBER(0.022097086912079608),
                 NUMBER(9007199254740993.0),
                 NUMBER(123456789012345678901234567890.0),
                 NUMBER(1.7976931348623157e308),
                 NUMBER(2.2250738585072014e-308),
                 NUMBER(-1.5e+308),
                 NUMBER(0.30000000000000004),
                 NUMBER(6.02214076E23),
                 NUMBER(0.000001000000000000000000000000001),
                 NUMBER(5e-1)};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tern__json_number number;
        size_t size = strlen(cases[i].json);
        assert_int_equal(tern__json_read_number(cases[i].json, size, &number), size);
        if (memcmp(&number.value, &cases[i].value, sizeof number.value) != 0) {
            fail_msg("%s: %.17g, expected %.17g", cases[i].json, number.value, cases[i].value);
        }
    }
    const tern__json *root = parse_text("[999999999999999999, -999999999999999999, 1e2, 12.0]");
    const tern__json *item = tern__json_first(root);
    assert_true(item->flag && item->as.integer == INT64_C(999999999999999999));
    item = tern__json_next(root, item);
    assert_true(item->flag && item->as.integer == INT64_C(-999999999999999999));
    item = tern__json_next(root, item);
    assert_true(!item->flag && tern__json_number_of(item) == 100.0);
    assert_false(tern__json_next(root, item)->flag);
    close_document();
}

// A fixed generator: half the doubles there are, written by the C library and read back.
static void test_random_numbers(void **state) {
    (void)state;
    uint64_t bits = 1;
    for (int i = 0; i < 20000; i++) {
        bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        // exponents of normal numbers from 2^-511 to 2^512
        uint64_t pattern = (bits >> 12) | ((bits >> 52 & 0x3ff) + 512) << 52;
        double value;
        char written[40];
        tern__json_number number;
        memcpy(&value, &pattern, sizeof value);
        int size = snprintf(written, sizeof written, "%.17g", value);
        assert_int_equal(tern__json_read_number(written, (size_t)size, &number), size);
        if (number.value != value) {
            fail_msg("%s: %.17g", written, number.value);
        }
    }
}

static void test_depth(void **state) {
    (void)state;
    char nested[2 * 65 + 1];
    for (size_t depth = 64; depth <= 65; depth++) {
        memset(nested, '[', depth);
        memset(nested + depth, ']', depth);
        if (depth == 64) {
            CHECK_OK(parse(nested, 2 * depth));
        } else {
            CHECK_FAILS(parse(nested, 2 * depth), TERN_STATUS_CORRUPT_DATA,
                        "values more than 64 deep at offset 64");
        }
    }
    close_document();
}

static void test_unique(void **state) {
    (void)state;
    CHECK_OK(tern__json_check_unique(context, "x.json", parse_text("{\"ab\":1,\"a\":{\"a\":2}}")));
    CHECK_FAILS(tern__json_check_unique(context, "x.json",
                                        parse_text("{\"b\":1,\"a\":{\"b\":2},\"\\u0062\":3}")),
                TERN_STATUS_CORRUPT_DATA, "x.json: key 'b' appears twice");
    close_document();
}

static const char sample[] = "{\"a\":[1,2.5e3,\"\\u00e9\xc3\xa9\",{\"b\":null}],\"c\":true} ";

static void test_truncated_anywhere(void **state) {
    (void)state;
    for (size_t size = 0; size + 2 < sizeof sample - 1; size++) {
        assert_int_equal(parse(sample, size), TERN_STATUS_CORRUPT_DATA);
    }
    CHECK_OK(parse(sample, sizeof sample - 1));
    close_document();
}

// What lists of the smallest values take, and a text that only promises many.
static void test_memory_is_bounded(void **state) {
    (void)state;
    enum { SIZE = 100001 };
    static const char *const fills[] = {"0,", ",,", "[[", "{{", "\"\","};
    static char many[SIZE];
    for (size_t f = 0; f < sizeof fills / sizeof fills[0]; f++) {
        tern__json_document values;
        for (size_t i = 0; i < SIZE; i++) {
            many[i] = fills[f][(i - 1) % strlen(fills[f])];
        }
        many[0] = '[';
        many[SIZE - 1] = ']';
        many[SIZE - 2] = '0';
        size_t live = heap.live;
        heap.peak = live;
        tern_status status = tern__json_parse(context, "test", many, SIZE, &values);
        tern__json_finish(context, &values);
        assert_true(f > 0 || status == TERN_STATUS_OK);
        assert_true(heap.peak - live <= 16 * SIZE + 1024);
    }
}

static void test_memory_runs_out(void **state) {
    (void)state;
    tern_status status = TERN_STATUS_OUT_OF_MEMORY;
    size_t before = heap.blocks;
    for (size_t fail = 1; status != TERN_STATUS_OK; fail++) {
        heap.fail_at = heap.calls + fail;
        status = parse(sample, sizeof sample - 1);
        if (status == TERN_STATUS_OK) {
            status = tern__json_check_unique(context, "x.json", document.nodes);
        }
        heap.fail_at = 0;
        assert_true(status == TERN_STATUS_OK || status == TERN_STATUS_OUT_OF_MEMORY);
        close_document();
        assert_int_equal(heap.blocks, before);
    }
}

// Stored seeds: the one whose name says so is no JSON, the others are.
static void test_seeds(void **state) {
    (void)state;
    static const char *const names[] = {"deep",    "empty_arr", "empty_obj", "escapes",
                                        "longstr", "nested",    "number",    "truncated"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[128], path[1024], bytes[4096];
        snprintf(name, sizeof name, "data/fuzz-seeds/gridcore-json_parse/%s.json", names[i]);
        if (!data_path(name, path, sizeof path)) {
            skip();
        }
        FILE *stream = fopen(path, "rb");
        assert_non_null(stream);
        size_t size = fread(bytes, 1, sizeof bytes, stream);
        fclose(stream);
        bool broken = strcmp(names[i], "truncated") == 0;
        assert_int_equal(parse(bytes, size), broken ? TERN_STATUS_CORRUPT_DATA : TERN_STATUS_OK);
    }
    close_document();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, counted_set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_escapes, counted_set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_refused, counted_set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_numbers, counted_set_up, counted_tear_down),
        cmocka_unit_test(test_random_numbers),
        cmocka_unit_test_setup_teardown(test_depth, counted_set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_unique, counted_set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_truncated_anywhere, counted_set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_memory_is_bounded, counted_set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_memory_runs_out, counted_set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_seeds, counted_set_up, counted_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
