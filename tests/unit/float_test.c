// Conversions, flush and rounding of shaders/common/float.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "shaders/common/float.h"
#include "tests/harness/rng.h"

// What float16 bits mean, by the definition of binary16.
static double half_value(uint32_t h) {
    int e = (int)(h >> 10 & 31);
    double m = h & 0x3ff;
    double size = e ? ldexp(1.0 + m / 1024.0, e - 15) : ldexp(m, -24);
    return h & 0x8000 ? -size : size;
}

static void every_half_widens_and_comes_back(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        if ((h >> 10 & 31) == 31) {
            continue;
        }
        float x = t_f16_to_f32(h);
        assert_true((double)x == half_value(h));
        assert_int_equal(t_f16_from_f32(x), h == 0x8000 ? 0 : h);
    }
}

static void check_narrowing(uint32_t bits) {
    float x = float_of(bits);
    double want = half_rounded(x);
    uint32_t h = t_f16_from_f32(x);
    assert_true(half_value(h) == want);
    assert_true(want != 0.0 || h == 0); // what rounds to zero is +0
    assert_true((double)t_round_f16(x) == want);
}

// Every upper half of a float32, with lower halves around each boundary of rounding.
static void floats_narrow_to_nearest_even(void **state) {
    (void)state;
    static const uint32_t low[] = {0,      1,      0x0fff, 0x1000, 0x1001, 0x1fff, 0x2000, 0x2fff,
                                   0x3000, 0x3001, 0x7fff, 0x8000, 0xefff, 0xf000, 0xf001, 0xffff};
    for (uint32_t high = 0; high < 0x10000; high++) {
        if ((high >> 7 & 255) == 255) {
            continue;
        }
        for (size_t i = 0; i < sizeof low / sizeof low[0]; i++) {
            check_narrowing(high << 16 | low[i]);
        }
    }
}

static void subnormal_halves_round_at_every_tie(void **state) {
    (void)state;
    for (int h = 0; h < 1024; h++) {
        float tie = ldexpf((float)h + 0.5f, -24);
        check_narrowing(float_bits(tie));
        check_narrowing(float_bits(tie) - 1);
        check_narrowing(float_bits(tie) + 1);
    }
}

static void bf16_rounds_to_nearest_even(void **state) {
    (void)state;
    static const uint32_t low[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
    for (uint32_t high = 0; high < 0x7f00; high++) {
        for (size_t i = 0; i < sizeof low / sizeof low[0]; i++) {
            float x = float_of(high << 16 | low[i]);
            uint32_t up = low[i] > 0x8000 || (low[i] == 0x8000 && (high & 1));
            uint32_t want = fabsf(x) < 0x1p-50f ? 0 : high + up;
            assert_int_equal(t_bf16_from_f32(x), want);
            assert_int_equal(t_bf16_from_f32(-x), want ? want | 0x8000 : 0);
        }
        assert_int_equal(float_bits(t_bf16_to_f32(high)), high << 16);
    }
}

// Against the definition, with integers of the spacing that 16 significant bits have.
static void sixteen_bits_are_the_nearest_even(void **state) {
    (void)state;
    static const uint32_t low[] = {0,     1,     0x7f,  0x80,  0x81,  0xff,
                                   0x100, 0x17f, 0x180, 0x181, 0xff80};
    for (uint32_t high = 0x80; high < 0x7f00; high++) {
        for (size_t i = 0; i < sizeof low / sizeof low[0]; i++) {
            float x = float_of(high << 16 | low[i]);
            double spacing = ldexp(1.0, (int)(high >> 7) - 127 - 15);
            assert_true((double)t_round_16(x) == nearbyint(x / spacing) * spacing);
            assert_true(t_round_16(-x) == -t_round_16(x));
        }
    }
    assert_int_equal(float_bits(t_round_16(0.0f)), 0);
}

static void flush_starts_below_two_to_minus_50(void **state) {
    (void)state;
    const float limit = 0x1p-50f;
    assert_int_equal(float_bits(t_flush(limit)), float_bits(limit));
    assert_int_equal(float_bits(t_flush(-limit)), float_bits(-limit));
    assert_int_equal(float_bits(t_flush(nextafterf(limit, 0.0f))), 0);
    assert_int_equal(float_bits(t_flush(-nextafterf(limit, 0.0f))), 0);
    assert_int_equal(float_bits(t_flush(-0.0f)), 0);
    assert_int_equal(float_bits(t_flush(0x1p-140f)), 0);
    assert_int_equal(float_bits(t_flush(3.0e38f)), float_bits(3.0e38f));
}

static void rint_is_half_to_even(void **state) {
    (void)state;
    for (int i = -2000; i <= 2000; i++) {
        float x = (float)i * 0.125f;
        assert_true(t_rint(x) == nearbyintf(x));
    }
    assert_true(t_rint(4194303.5f) == 4194304.0f);
    assert_true(t_rint(-4194302.5f) == -4194302.0f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_widens_and_comes_back),
        cmocka_unit_test(floats_narrow_to_nearest_even),
        cmocka_unit_test(subnormal_halves_round_at_every_tie),
        cmocka_unit_test(bf16_rounds_to_nearest_even),
        cmocka_unit_test(sixteen_bits_are_the_nearest_even),
        cmocka_unit_test(flush_starts_below_two_to_minus_50),
        cmocka_unit_test(rint_is_half_to_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
