#include "runtime/model/sampling/philox.h"

#include "tests/harness/check.h"

// The known answers that the authors publish with their library Random123.
static void test_known_answers(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4];
        uint32_t key[2];
        uint32_t out[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t out[4];
        tern__philox(cases[i].counter, cases[i].key, out);
        assert_memory_equal(out, cases[i].out, sizeof out);
    }
}

static void test_uniform(void **state) {
    (void)state;
    // 0x6627e8d5 and the upper 21 bits of 0xe169c58d, over 2^53.
    assert_true(tern__philox_uniform(0, 0) ==
                (double)(0x6627e8d5ull << 21 | 0xe169c58dull >> 11) / 9007199254740992.0);
    double sum = 0.0;
    for (uint64_t i = 0; i < 10000; i++) {
        double u = tern__philox_uniform(1, i);
        assert_true(u >= 0.0 && u < 1.0);
        sum += u;
    }
    assert_true(sum > 4900.0 && sum < 5100.0);
    assert_true(tern__philox_uniform(1, 5) != tern__philox_uniform(2, 5));
    assert_true(tern__philox_uniform(1, 5) != tern__philox_uniform(1, (uint64_t)1 << 32 | 5));
    assert_true(tern__philox_uniform(1, 5) != tern__philox_uniform((uint64_t)1 << 32 | 1, 5));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
