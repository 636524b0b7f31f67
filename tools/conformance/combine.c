#include "tools/conformance/ops.h"

static void test_form(suite *self, uint32_t rows, uint32_t cols, uint32_t slots, uint32_t index) {
    static const fill_kind fills[] = {FILL_NORMAL, FILL_SMALL, FILL_LARGE, FILL_EQUAL};
    static const char *const residuals[] = {"", " residual", " residual in place"};
    uint32_t residual = index % 3;
    suite_test *test = suite_begin(self, "rows=%u N=%u S=%u %s%s", rows, cols, slots,
                                   fill_name(fills[index % 4]), residuals[residual]);
    if (index % 5 == 4) {
        suite_live(test, rows / 2);
    }
    tern_combine_desc desc = {
        .x = suite_floats(test, "x", shape2(rows, slots * cols), fills[index % 4]),
        .weights = suite_floats(test, "weights", shape2(rows, slots), fills[index / 4 % 2]),
    };
    if (residual) {
        desc.residual = suite_floats(test, "residual", shape2(rows, cols), FILL_NORMAL);
    }
    if (residual == 2) {
        desc.out = desc.residual;
        suite_written(test, desc.out);
    } else {
        desc.out = suite_output(test, "out", TERN_DTYPE_F32, shape2(rows, cols));
    }
    SUITE_OP(test, COMBINE, desc);
    suite_end(test);
}

static void test_shape(suite *self, uint32_t rows, uint32_t cols, uint32_t index) {
    static const uint32_t slots[] = {8, 1, 3, 32};
    for (uint32_t i = 0; i < suite_pick(self, 1, 2, 4); i++) {
        test_form(self, rows, cols, slots[(index + i) % 4], index + i);
    }
}

void suite_combine(suite *self) {
    suite_each_shape(self, test_shape);
}
