#include "runtime/model/utf8.h"

#include <string.h>

#include "tests/harness/check.h"

// RFC 3629, section 3: the ends of its table.
static void test_borders(void **state) {
    (void)state;
    static const struct {
        uint32_t character;
        const char *bytes;
    } borders[] = {{0x7f, "\x7f"},
                   {0x80, "\xc2\x80"},
                   {0x7ff, "\xdf\xbf"},
                   {0x800, "\xe0\xa0\x80"},
                   {0xd7ff, "\xed\x9f\xbf"},
                   {0xe000, "\xee\x80\x80"},
                   {0xffff, "\xef\xbf\xbf"},
                   {0x10000, "\xf0\x90\x80\x80"},
                   {0x10ffff, "\xf4\x8f\xbf\xbf"}};
    for (size_t i = 0; i < sizeof borders / sizeof borders[0]; i++) {
        char got[TERN__UTF8_MOST];
        size_t size = tern__utf8_encode(borders[i].character, got);
        assert_int_equal(size, strlen(borders[i].bytes));
        assert_memory_equal(got, borders[i].bytes, size);
    }
}

static bool is_character(uint32_t c) {
    return c <= TERN__UTF8_LAST && !(c >= 0xd800 && c <= 0xdfff);
}

static void test_every_character(void **state) {
    (void)state;
    for (uint32_t c = 0; c <= TERN__UTF8_LAST; c++) {
        char bytes[TERN__UTF8_MOST];
        size_t size = tern__utf8_encode(c, bytes);
        assert_int_equal(tern__utf8_size(bytes, size, NULL), is_character(c) ? size : 0);
        assert_int_equal(tern__utf8_decode(bytes, size), c);
    }
}

// The bits as the first byte says, well-formed if writing the character gives the same bytes.
static size_t size_by_bits(const char *bytes, size_t left) {
    static const uint8_t leads[][2] = {{0x80, 0x00}, {0xe0, 0xc0}, {0xf0, 0xe0}, {0xf8, 0xf0}};
    for (size_t size = 1; size <= TERN__UTF8_MOST && size <= left; size++) {
        char again[8];
        uint32_t c = (uint8_t)bytes[0] & (uint8_t)~leads[size - 1][0];
        bool suits = ((uint8_t)bytes[0] & leads[size - 1][0]) == leads[size - 1][1];
        for (size_t i = 1; i < size; i++) {
            suits &= ((uint8_t)bytes[i] & 0xc0) == 0x80;
            c = c << 6 | ((uint8_t)bytes[i] & 0x3f);
        }
        if (suits && is_character(c) && tern__utf8_encode(c, again) == size &&
            memcmp(again, bytes, size) == 0) {
            return size;
        }
    }
    return 0;
}

// Whatever bytes follow each other: too long forms, surrogates, beyond the last, cut off.
static void test_all_beginnings(void **state) {
    (void)state;
    static const unsigned char others[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
    for (int two = 0; two < 0x10000; two++) {
        for (size_t t = 0; t < sizeof others * sizeof others; t++) {
            const char bytes[4] = {(char)(two >> 8), (char)two, (char)others[t / sizeof others],
                                   (char)others[t % sizeof others]};
            for (size_t left = 1; left <= sizeof bytes; left++) {
                assert_int_equal(tern__utf8_size(bytes, left, NULL), size_by_bits(bytes, left));
            }
        }
    }
}

// A beginning is cut off exactly if some bytes after it make a character.
static void test_cut(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        bool cut;
    } cases[] = {{"\xe2\x96", true},      {"\xe2", true},      {"\xf0\x9f\x98", true},
                 {"\xed\xa0", false},     {"\xc0", false},     {"\xf4\x90", false},
                 {"\xe0\x80", false},     {"\xe2\x28", false}, {"a", false},
                 {"\xe2\x96\x81", false}, {"\xf5\x80", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool cut = !cases[i].cut;
        tern__utf8_size(cases[i].bytes, strlen(cases[i].bytes), &cut);
        assert_int_equal(cut, cases[i].cut);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_borders),
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_all_beginnings),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
