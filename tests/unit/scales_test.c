#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <tern/status.h>

#include "runtime/model/tensors/scales.h"

enum { ROWS = 3, GROUPS = 2, GROUP_BYTES = 64 };

static uint8_t codes[ROWS * GROUPS * GROUP_BYTES];
static float values[ROWS * GROUPS];

// Every block has a weight that is not zero, but for those in |empty| (bits by block).
static tern_status reduce(const float *scales, uint32_t empty, tern__scales *out) {
    memset(codes, 0x55, sizeof codes);
    for (int i = 0; i < ROWS * GROUPS; i++) {
        codes[i * GROUP_BYTES + 63] = (uint8_t)(empty >> i & 1 ? 0x55 : 0x54);
    }
    memcpy(values, scales, sizeof values);
    *out = (tern__scales){.rows = ROWS,
                          .groups = GROUPS,
                          .group_size = GROUP_BYTES * 4,
                          .row_bytes = GROUPS * GROUP_BYTES,
                          .codes = codes,
                          .values = values};
    return tern__scales_reduce(NULL, "blk.7.ffn_up.weight", out);
}

static void equal_scales_become_one(void **state) {
    (void)state;
    tern__scales s;
    assert_int_equal(reduce((float[]){2, 2, 2, 2, 2, 2}, 0, &s), TERN_STATUS_OK);
    assert_int_equal(s.kind, TERN_SCALE_TENSOR);
    assert_true(s.tensor == 2.0f);
    assert_int_equal(reduce((float[]){0, 2, 2, 0, 0, 0}, 0x39, &s), TERN_STATUS_OK);
    assert_int_equal(s.kind, TERN_SCALE_TENSOR);
    assert_true(s.tensor == 2.0f);
    // What scales weights that are all zero says nothing.
    assert_int_equal(reduce((float[]){7, 2, 2, 5, 1, 2}, 0x19, &s), TERN_STATUS_OK);
    assert_int_equal(s.kind, TERN_SCALE_TENSOR);
    assert_true(s.tensor == 2.0f);
    assert_int_equal(reduce((float[]){0, 0, 0, 0, 0, 0}, 0x3f, &s), TERN_STATUS_OK);
    assert_int_equal(s.kind, TERN_SCALE_TENSOR);
    assert_true(s.tensor == 1.0f);
}

static void scales_equal_within_rows_become_one_a_row(void **state) {
    (void)state;
    tern__scales s;
    assert_int_equal(reduce((float[]){2, 2, 0, 3, 0, 0}, 0x34, &s), TERN_STATUS_OK);
    assert_int_equal(s.kind, TERN_SCALE_ROW);
    assert_true(values[0] == 2.0f && values[1] == 3.0f && values[2] == 1.0f);
}

static void other_scales_stay(void **state) {
    (void)state;
    tern__scales s;
    const float wanted[] = {2, 3, 1, 3, -4, -4};
    assert_int_equal(reduce((float[]){2, 3, 0, 3, -4, -4}, 0x04, &s), TERN_STATUS_OK);
    assert_int_equal(s.kind, TERN_SCALE_GROUP);
    assert_memory_equal(values, wanted, sizeof wanted);
}

static void impossible_scales_are_refused(void **state) {
    (void)state;
    static const float bad[] = {0.0f, 1e-30f, INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        float scales[] = {2, 2, 2, 2, 2, 2};
        tern__scales s;
        scales[3] = bad[i];
        assert_int_equal(reduce(scales, 0, &s), TERN_STATUS_CORRUPT_DATA);
        assert_non_null(strstr(tern_last_error_message(), "blk.7.ffn_up.weight"));
        assert_non_null(strstr(tern_last_error_message(), "block 1 of row 1"));
    }
    tern__scales s;
    assert_int_equal(reduce((float[]){2, 2, 2, NAN, 2, 2}, 0x08, &s), TERN_STATUS_CORRUPT_DATA);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_scales_become_one),
        cmocka_unit_test(scales_equal_within_rows_become_one_a_row),
        cmocka_unit_test(other_scales_stay),
        cmocka_unit_test(impossible_scales_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
