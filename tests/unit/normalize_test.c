#include "runtime/model/text/normalize.h"

#include <stdlib.h>

#include "tests/harness/check.h"
#include "tests/harness/counted_context.h"

typedef struct step {
    tern__normal_form form;
    const char *pattern;
    const char *content;
} step;

static void check(const step *steps, size_t count, const char *text, const char *expected) {
    tern__vocabulary v;
    tern__vocabulary_init(&v, context, "test");
    for (size_t i = 0; i < count; i++) {
        CHECK_OK(tern__vocabulary_normal(&v, steps[i].form, steps[i].pattern, steps[i].content,
                                         steps[i].content ? strlen(steps[i].content) : 0));
    }
    tern__text out = {.context = context};
    CHECK_OK(tern__normalize(&(tern__normalizing){&v, NULL, NULL, 0, count, true}, text,
                             strlen(text), &out));
    if (out.size != strlen(expected) ||
        (out.size > 0 && memcmp(out.bytes, expected, out.size) != 0)) {
        fail_msg("form %d of '%s' is '%.*s', expected '%s'", steps[0].form, text, (int)out.size,
                 out.bytes, expected);
    }
    tern__text_finish(&out);
    tern__vocabulary_finish(&v);
}

static void check_one(tern__normal_form form, const char *text, const char *expected) {
    check(&(step){form, NULL, NULL}, 1, text, expected);
}

// The examples of UAX #15, figures 3 to 6, and its rules for Hangul and for excluded compositions.
static void test_normal_forms(void **state) {
    (void)state;
    static const char *const rows[][5] = {
        // text, NFC, NFD, NFKC, NFKD
        {"\u00c5", "\u00c5", "A\u030a", "\u00c5", "A\u030a"},
        {"\u212b", "\u00c5", "A\u030a", "\u00c5", "A\u030a"},
        {"\u2126", "\u03a9", "\u03a9", "\u03a9", "\u03a9"},
        {"\u00f4", "\u00f4", "o\u0302", "\u00f4", "o\u0302"},
        {"\u1e69", "\u1e69", "s\u0323\u0307", "\u1e69", "s\u0323\u0307"},
        {"\u1e0b\u0323", "\u1e0d\u0307", "d\u0323\u0307", "\u1e0d\u0307", "d\u0323\u0307"},
        {"q\u0307\u0323", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307"},
        {"\ufb01", "\ufb01", "\ufb01", "fi", "fi"},
        {"2\u2075", "2\u2075", "2\u2075", "25", "25"},
        {"\u1e9b\u0323", "\u1e9b\u0323", "\u017f\u0323\u0307", "\u1e69", "s\u0323\u0307"},
        {"\ud4db", "\ud4db", "\u1111\u1171\u11b6", "\ud4db", "\u1111\u1171\u11b6"},
        {"\u0958", "\u0915\u093c", "\u0915\u093c", "\u0915\u093c", "\u0915\u093c"},
        {"abc a\xcc\x80 x", "abc \u00e0 x", "abc a\u0300 x", "abc \u00e0 x", "abc a\u0300 x"},
        {"\xff"
         "a\u0300\xcc",
         "\xff\u00e0\xcc",
         "\xff"
         "a\u0300\xcc",
         "\xff\u00e0\xcc",
         "\xff"
         "a\u0300\xcc"},
        {"", "", "", "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_one(TERN__NORMAL_NFC, rows[i][0], rows[i][1]);
        check_one(TERN__NORMAL_NFD, rows[i][0], rows[i][2]);
        check_one(TERN__NORMAL_NFKC, rows[i][0], rows[i][3]);
        check_one(TERN__NORMAL_NFKD, rows[i][0], rows[i][4]);
    }
}

static void test_characters(void **state) {
    (void)state;
    check_one(TERN__NORMAL_LOWERCASE, "ABC \u00c4\u0130\u03a3\xff", "abc \u00e4i\u0307\u03c3\xff");
    check_one(TERN__NORMAL_STRIP_ACCENTS, "a\u0300\u0903\u20ddb", "ab"); // Mn, Mc and Me
    check_one(TERN__NORMAL_BERT_ACCENTS, "a\u0300\u0903b", "a\u0903b");
    check_one(TERN__NORMAL_BERT_CLEAN,
              "a\x01\tb\n\u00a0\u200b\ufffd\xc2\x85\ue000"
              "c",
              "a b  c");
    check_one(TERN__NORMAL_BERT_CHINESE, "a\u4e00\u3042\u4e01", "a \u4e00 \u3042 \u4e01 ");
    check_one(TERN__NORMAL_NMT,
              "a\x02\tb\u200b\u2581\x7f"
              "c",
              "a b  c");
}

static void test_texts(void **state) {
    (void)state;
    check_one(TERN__NORMAL_STRIP_LEFT, " \t\u3000a b ", "a b ");
    check_one(TERN__NORMAL_STRIP_RIGHT, " a b \u2003\n", " a b");
    check_one(TERN__NORMAL_STRIP_LEFT, "  ", "");
    check_one(TERN__NORMAL_STRIP_RIGHT, "  ", "");
    check_one(TERN__NORMAL_SQUEEZE_SPACES, "  a  b c   ", "a b c");
    check_one(TERN__NORMAL_SQUEEZE_SPACES, "   ", "");
    check(&(step){TERN__NORMAL_REPLACE, "aa", "b"}, 1, "aaaaa a", "bba a");
    check(&(step){TERN__NORMAL_PREPEND, NULL, "_"}, 1, "a", "_a");
    check(&(step){TERN__NORMAL_PREPEND, NULL, "_"}, 1, "", "");
    const step several[] = {{TERN__NORMAL_PREPEND, NULL, " "},
                            {TERN__NORMAL_REPLACE, " ", "_"},
                            {TERN__NORMAL_LOWERCASE, NULL, NULL}};
    check(several, 3, "A B", "_a_b");
}

// A mark of class 230 and one of class 220, half a million times: in order they are all of one,
// then all of the other.
static void test_many_marks(void **state) {
    (void)state;
    enum { PAIRS = 250000 };
    char *text = malloc(4 * PAIRS);
    for (size_t i = 0; i < PAIRS; i++) {
        memcpy(text + 4 * i, "\u0301\u0323", 4);
    }
    tern__text out = {.context = context};
    tern__normal_form_add(TERN__NORMAL_NFD, text, 4 * PAIRS, &out);
    assert_int_equal(out.size, 4 * PAIRS);
    for (size_t i = 0; i < 2 * PAIRS; i++) {
        assert_memory_equal(out.bytes + 2 * i, i < PAIRS ? "\u0323" : "\u0301", 2);
    }
    tern__text_finish(&out);
    free(text);
}

// A double array by hand: "a" goes to "xy", "ab" to nothing.
static void test_charsmap(void **state) {
    (void)state;
    enum { UNITS = 512, A = 256 ^ 'a', B = 320 ^ 'b' };
    static char map[4 + 4 * UNITS + 4];
    uint32_t units[UNITS] = {0};
    units[0] = 256u << 10;
    units[A] = (uint32_t)(A ^ 320) << 10 | 0x100 | 'a';
    units[320] = 1u << 31;
    units[B] = (uint32_t)(B ^ 400) << 10 | 0x100 | 'b';
    units[400] = 1u << 31 | 3;
    memcpy(map, &(uint32_t){4 * UNITS}, 4);
    memcpy(map + 4, units, sizeof units);
    memcpy(map + 4 + sizeof units, "xy\0", 4);
    const tern__charsmap charsmap = {map, sizeof map};
    tern__text out = {.context = context};
    static const char text[] = "acabb\xff"
                               "a";
    for (size_t at = 0; at < 7;) {
        at += tern__charsmap_add_next(charsmap, text + at, 7 - at, &out);
    }
    assert_int_equal(out.size, 7);
    assert_memory_equal(out.bytes,
                        "xycb\xff"
                        "xy",
                        7);
    out.size = 0;
    // "ab" are two graphemes; a letter and its mark are one, and all of it is what the letter is.
    tern__charsmap_add_graphemes(charsmap, "aba\u0301b\u0301a\u0301\u0301\u0301", 15, &out);
    assert_int_equal(out.size, 16);
    assert_memory_equal(out.bytes, "xybxyb\u0301xy\u0301\u0301\u0301", 16);
    tern__text_finish(&out);

    tern__vocabulary v;
    tern__vocabulary_init(&v, context, "test");
    CHECK_OK(tern__charsmap_check(&v, map, sizeof map));
    CHECK_FAILS(tern__charsmap_check(&v, map, 3), TERN_STATUS_CORRUPT_DATA, "has 3 bytes");
    CHECK_FAILS(tern__charsmap_check(&v, map, 4 + 4 * UNITS), TERN_STATUS_CORRUPT_DATA,
                "an array of 2048");
    map[sizeof map - 1] = 'z';
    CHECK_FAILS(tern__charsmap_check(&v, map, sizeof map), TERN_STATUS_CORRUPT_DATA, "zero byte");
    tern__vocabulary_finish(&v);
}

static void test_no_memory(void **state) {
    (void)state;
    tern__vocabulary v;
    tern__vocabulary_init(&v, context, "test");
    CHECK_OK(tern__vocabulary_normal(&v, TERN__NORMAL_NFD, NULL, NULL, 0));
    CHECK_OK(tern__vocabulary_normal(&v, TERN__NORMAL_LOWERCASE, NULL, NULL, 0));
    size_t before = heap.blocks;
    tern_status status = TERN_STATUS_OUT_OF_MEMORY;
    for (size_t i = 1; status != TERN_STATUS_OK; i++) {
        tern__text out = {.context = context};
        heap.fail_at = heap.calls + i;
        status = tern__normalize(&(tern__normalizing){&v, NULL, NULL, 0, 2, true},
                                 "\u0301\u0323\u00c5", 6, &out);
        heap.fail_at = 0;
        assert_true(status == TERN_STATUS_OK || status == TERN_STATUS_OUT_OF_MEMORY);
        assert_true(i < 20 && (i > 3 || status != TERN_STATUS_OK));
        tern__text_finish(&out);
        assert_int_equal(heap.blocks, before);
    }
    tern__vocabulary_finish(&v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal_forms), cmocka_unit_test(test_characters),
        cmocka_unit_test(test_texts),        cmocka_unit_test(test_many_marks),
        cmocka_unit_test(test_charsmap),     cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, counted_set_up, counted_tear_down);
}
