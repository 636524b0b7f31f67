#include "runtime/model/text/base64.h"

#include <string.h>

#include "tests/harness/check.h"

// RFC 4648, section 10.
static void test_vectors(void **state) {
    (void)state;
    static const char *const vectors[][2] = {{"", ""},
                                             {"Zg==", "f"},
                                             {"Zm8=", "fo"},
                                             {"Zm9v", "foo"},
                                             {"Zm9vYg==", "foob"},
                                             {"Zm9vYmE=", "fooba"},
                                             {"Zm9vYmFy", "foobar"},
                                             {"+/+/", "\xfb\xff\xbf"}};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char out[16];
        size_t size = 99;
        assert_true(tern__base64_decode(vectors[i][0], strlen(vectors[i][0]), out, &size));
        assert_int_equal(size, strlen(vectors[i][1]));
        assert_memory_equal(out, vectors[i][1], size);
    }
}

static void test_what_it_is_not(void **state) {
    (void)state;
    static const char *const texts[] = {
        "Z", "Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9-", "Zm 9"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char out[16];
        size_t size;
        assert_false(tern__base64_decode(texts[i], strlen(texts[i]), out, &size));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_what_it_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
