// tern_rotary_table against the C library's double-precision functions.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <tern/ops.h>
#include <tern/status.h>

enum { DIMS = 128, HALF = DIMS / 2, ROWS = 64 };

typedef struct comparison {
    uint32_t count;
    uint32_t different; // floats that are not the library's double, rounded
    double worst;
} comparison;

static void compare_rows(double base, const float *factors, uint32_t first, comparison *result) {
    tern_rotary_table_desc desc = {sizeof desc, DIMS, base, factors};
    float *rows = malloc(sizeof(float) * DIMS * ROWS);
    assert_int_equal(tern_rotary_table(&desc, first, ROWS, rows), TERN_STATUS_OK);
    for (uint32_t p = 0; p < ROWS; p++) {
        for (uint32_t i = 0; i < HALF; i++) {
            long double step = powl((long double)base, -2.0L * i / DIMS);
            long double angle = (long double)(first + p) * step / (factors ? factors[i] : 1.0f);
            double wanted[2] = {(double)cosl(angle), (double)sinl(angle)};
            float got[2] = {rows[p * DIMS + i], rows[p * DIMS + HALF + i]};
            for (int k = 0; k < 2; k++) {
                double error = fabs((double)got[k] - wanted[k]);
                result->worst = error > result->worst ? error : result->worst;
                result->different += got[k] != (float)wanted[k];
                result->count++;
            }
        }
    }
    free(rows);
}

static void table_equals_the_c_library_rounded(void **state) {
    (void)state;
    static const double bases[] = {10000.0, 500000.0, 1000042.0, 1.0, 3.5e7};
    static const uint32_t firsts[] = {0, 1, 100, 4032, 65536, 131008};
    comparison result = {0, 0, 0.0};
    for (size_t b = 0; b < sizeof bases / sizeof bases[0]; b++) {
        for (size_t f = 0; f < sizeof firsts / sizeof firsts[0]; f++) {
            compare_rows(bases[b], NULL, firsts[f], &result);
        }
    }
    assert_true(result.worst < 3.1e-8); // half a unit in the last place below 1
    assert_true(result.different <= result.count / 100000);
}

static void factors_divide_the_angle(void **state) {
    (void)state;
    float factors[HALF];
    for (int i = 0; i < HALF; i++) {
        factors[i] = i < HALF / 2 ? 1.0f : 1.0f + 7.0f * (float)i / HALF;
    }
    comparison result = {0, 0, 0.0};
    compare_rows(500000.0, factors, 8000, &result);
    assert_true(result.worst < 3.1e-8);
    assert_true(result.different <= 1);
}

static void position_zero_is_exact_and_rows_do_not_depend_on_the_range(void **state) {
    (void)state;
    tern_rotary_table_desc desc = {sizeof desc, 8, 10000.0, NULL};
    float all[5 * 8], last[8];
    assert_int_equal(tern_rotary_table(&desc, 0, 5, all), TERN_STATUS_OK);
    assert_int_equal(tern_rotary_table(&desc, 4, 1, last), TERN_STATUS_OK);
    assert_memory_equal(all + 4 * 8, last, sizeof last);
    for (int i = 0; i < 4; i++) {
        assert_true(all[i] == 1.0f);
        assert_true(all[4 + i] == 0.0f && !signbit(all[4 + i]));
    }
}

static void refuses(tern_rotary_table_desc desc, uint32_t first, const char *word) {
    float row[64];
    assert_int_equal(tern_rotary_table(&desc, first, 1, row), TERN_STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(tern_last_error_message(), word));
}

static void bad_arguments_are_refused(void **state) {
    (void)state;
    float zero[2] = {1.0f, 0.0f};
    refuses((tern_rotary_table_desc){sizeof(tern_rotary_table_desc), 3, 1e4, NULL}, 0, "dims");
    refuses((tern_rotary_table_desc){sizeof(tern_rotary_table_desc), 0, 1e4, NULL}, 0, "dims");
    refuses((tern_rotary_table_desc){sizeof(tern_rotary_table_desc), 4, 0.0, NULL}, 0, "base");
    refuses((tern_rotary_table_desc){sizeof(tern_rotary_table_desc), 4, NAN, NULL}, 0, "base");
    refuses((tern_rotary_table_desc){sizeof(tern_rotary_table_desc), 4, INFINITY, NULL}, 0, "base");
    refuses((tern_rotary_table_desc){sizeof(tern_rotary_table_desc), 4, 1e4, zero}, 0, "factor 1");
    refuses((tern_rotary_table_desc){sizeof(tern_rotary_table_desc), 64, 1e-100, NULL}, 9,
            "angles");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_equals_the_c_library_rounded),
        cmocka_unit_test(factors_divide_the_angle),
        cmocka_unit_test(position_zero_is_exact_and_rows_do_not_depend_on_the_range),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
