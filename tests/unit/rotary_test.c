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
    tern_rotary_table_desc desc = {
        .struct_size = sizeof desc, .dims = DIMS, .base = base, .factors = factors};
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
    tern_rotary_table_desc desc = {.struct_size = sizeof desc, .dims = 8, .base = 10000.0};
    float all[5 * 8], last[8];
    assert_int_equal(tern_rotary_table(&desc, 0, 5, all), TERN_STATUS_OK);
    assert_int_equal(tern_rotary_table(&desc, 4, 1, last), TERN_STATUS_OK);
    assert_memory_equal(all + 4 * 8, last, sizeof last);
    for (int i = 0; i < 4; i++) {
        assert_true(all[i] == 1.0f);
        assert_true(all[4 + i] == 0.0f && !signbit(all[4 + i]));
    }
}

// What transformers' rotary utilities compute, in the long double of the C library.
static long double stretched(const tern_rotary_table_desc *d, uint32_t i) {
    const long double turn = 6.283185307179586476925286766559L;
    long double f = powl((long double)d->base, -2.0L * i / d->dims), keep = 0.0L;
    if (d->scaling == TERN_ROTARY_LLAMA3) {
        keep = (d->context * f / turn - d->low) / (d->high - d->low);
    } else if (d->scaling == TERN_ROTARY_YARN) {
        long double ln_base = logl((long double)d->base);
        long double first = floorl(d->dims * logl(d->context / (d->high * turn)) / (2 * ln_base));
        long double last = ceill(d->dims * logl(d->context / (d->low * turn)) / (2 * ln_base));
        first = fmaxl(first, 0.0L);
        last = fminl(last, d->dims - 1.0L);
        keep = 1.0L - (i - first) / (last == first ? 0.001L : last - first);
    }
    keep = fminl(fmaxl(keep, 0.0L), 1.0L);
    return f * keep + f / d->factor * (1.0L - keep);
}

static void check_stretched(const tern_rotary_table_desc *d, double size) {
    float *rows = malloc(sizeof(float) * d->dims * ROWS);
    double worst = 0.0;
    assert_int_equal(tern_rotary_table(d, 4000, ROWS, rows), TERN_STATUS_OK);
    for (uint32_t p = 0; p < ROWS; p++) {
        for (uint32_t i = 0; i < d->dims / 2; i++) {
            long double angle = (4000 + p) * stretched(d, i);
            const float *row = rows + p * d->dims;
            worst = fmax(worst, fabs((double)row[i] - size * (double)cosl(angle)));
            worst = fmax(worst, fabs((double)row[d->dims / 2 + i] - size * (double)sinl(angle)));
        }
    }
    assert_true(worst < 7e-8); // half a unit in the last place below 2
    free(rows);
}

static void stretching_is_what_its_definition_says(void **state) {
    (void)state;
    tern_rotary_table_desc d = {.struct_size = sizeof d, .dims = 128, .base = 5e5, .factor = 8.0};
    d.scaling = TERN_ROTARY_LINEAR;
    check_stretched(&d, 1.0);
    d.magnitude = 1.25;
    check_stretched(&d, 1.25);
    d.magnitude = 0.0;
    d.scaling = TERN_ROTARY_LLAMA3; // Llama 3.1's own numbers
    d.context = 8192;
    d.low = 1.0;
    d.high = 4.0;
    check_stretched(&d, 1.0);
    d.scaling = TERN_ROTARY_YARN; // and Qwen3's
    d.base = 1e6;
    d.factor = 4.0;
    d.context = 32768;
    d.high = 32.0;
    check_stretched(&d, 0.1 * log(4.0) + 1.0);
    d.dims = 8; // few pairs: the ramp passes both ends
    d.base = 100.0;
    check_stretched(&d, 0.1 * log(4.0) + 1.0);
    d.context = 6; // and here it lies before the first
    check_stretched(&d, 0.1 * log(4.0) + 1.0);
}

static void refuses(tern_rotary_table_desc desc, uint32_t first, const char *word) {
    float row[64];
    desc.struct_size = sizeof desc;
    assert_int_equal(tern_rotary_table(&desc, first, 1, row), TERN_STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(tern_last_error_message(), word));
}

static void bad_arguments_are_refused(void **state) {
    (void)state;
    float zero[2] = {1.0f, 0.0f};
    refuses((tern_rotary_table_desc){.dims = 3, .base = 1e4}, 0, "dims");
    refuses((tern_rotary_table_desc){.dims = 0, .base = 1e4}, 0, "dims");
    refuses((tern_rotary_table_desc){.dims = 4, .base = 0.0}, 0, "base");
    refuses((tern_rotary_table_desc){.dims = 4, .base = NAN}, 0, "base");
    refuses((tern_rotary_table_desc){.dims = 4, .base = INFINITY}, 0, "base");
    refuses((tern_rotary_table_desc){.dims = 4, .base = 1e4, .factors = zero}, 0, "factor 1");
    refuses((tern_rotary_table_desc){.dims = 64, .base = 1e-100}, 9, "angles");
    tern_rotary_table_desc yarn = {.dims = 4,
                                   .base = 1e4,
                                   .scaling = TERN_ROTARY_YARN,
                                   .context = 64,
                                   .factor = 4.0,
                                   .low = 1.0,
                                   .high = 32.0};
    tern_rotary_table_desc d = yarn;
    d.scaling = 4;
    refuses(d, 0, "scaling must");
    d = yarn;
    d.factor = 0.5;
    refuses(d, 0, "factor must");
    d = yarn;
    d.context = 0;
    refuses(d, 0, "context must");
    d = yarn;
    d.high = 1.0;
    refuses(d, 0, "low and high");
    d = yarn;
    d.base = 1.0;
    refuses(d, 0, "base must be above 1");
    d = yarn;
    d.magnitude = -1.0;
    refuses(d, 0, "magnitude");
    float row[4];
    assert_int_equal(tern_rotary_table(&yarn, 0, 1, row), TERN_STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(tern_last_error_message(), "struct_size is 0"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_equals_the_c_library_rounded),
        cmocka_unit_test(factors_divide_the_angle),
        cmocka_unit_test(position_zero_is_exact_and_rows_do_not_depend_on_the_range),
        cmocka_unit_test(stretching_is_what_its_definition_says),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
