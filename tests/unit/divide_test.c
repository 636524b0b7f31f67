// The integer division and square root of shaders/common/divide.h against the processor's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "shaders/common/divide.h"
#include "tests/harness/rng.h"

enum { SAMPLES = 2000000 };

static void check_division(float a, float b) {
    float want = a / b;
    float got = t_divide_by_integers(a, b);
    if (float_bits(got) != float_bits(want)) {
        fail_msg("%a / %a is %a, expected %a", (double)a, (double)b, (double)got, (double)want);
    }
}

static void check_root(float x) {
    float want = sqrtf(x);
    float got = t_sqrt_by_integers(x);
    if (float_bits(got) != float_bits(want)) {
        fail_msg("the root of %a is %a, expected %a", (double)x, (double)got, (double)want);
    }
}

static void division_of_random_numbers(void **state) {
    (void)state;
    rng r = rng_make(1);
    for (int i = 0; i < SAMPLES; i++) {
        check_division(rng_wide(&r, -60, 60), rng_wide(&r, -60, 60));
    }
}

// Quotients near a boundary of rounding: a is a short product of b, and its neighbours.
static void division_near_ties(void **state) {
    (void)state;
    rng r = rng_make(2);
    for (int i = 0; i < SAMPLES / 10; i++) {
        float b = 1.0f + (float)rng_below(&r, 4096) / 4096.0f;
        float q = 1.0f + (float)rng_below(&r, 1 << 23) * 0x1p-23f;
        float a = b * q;
        check_division(a, b);
        check_division(nextafterf(a, 4.0f), b);
        check_division(nextafterf(a, 0.0f), b);
    }
}

static void division_at_the_ends_of_mantissas(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 300; i++) {
        for (uint32_t j = 0; j < 300; j++) {
            uint32_t a = i < 150 ? 0x3f800000u + i : 0x40000000u - (i - 149);
            uint32_t b = j < 150 ? 0x3f800000u + j : 0x40000000u - (j - 149);
            check_division(float_of(a), float_of(b));
        }
    }
    check_division(0.0f, 3.0f);
    check_division(127.0f, 1e-5f);
    check_division(-1.0f, 3.0f);
}

static void roots_of_random_numbers(void **state) {
    (void)state;
    rng r = rng_make(3);
    for (int i = 0; i < SAMPLES; i++) {
        check_root(fabsf(rng_wide(&r, -120, 120)));
    }
}

static void roots_of_squares_and_their_neighbours(void **state) {
    (void)state;
    check_root(0.0f);
    for (uint32_t i = 1; i < 100000; i++) {
        float x = (float)i * (float)i;
        check_root(x);
        check_root(nextafterf(x, 0.0f));
        check_root(nextafterf(x, 1e30f));
        check_root(x * 0x1p-101f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(division_of_random_numbers),
        cmocka_unit_test(division_near_ties),
        cmocka_unit_test(division_at_the_ends_of_mantissas),
        cmocka_unit_test(roots_of_random_numbers),
        cmocka_unit_test(roots_of_squares_and_their_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
