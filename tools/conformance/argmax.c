#include "tools/conformance/ops.h"

static void test_shape(suite *self, uint32_t rows, uint32_t cols, uint32_t index) {
    static const fill_kind fills[] = {FILL_EQUAL, FILL_NORMAL, FILL_ZERO, FILL_EXP, FILL_LARGE};
    uint32_t each = suite_pick(self, 1, 2, 5);
    for (uint32_t i = 0; i < each; i++) {
        uint32_t k = index * each + i;
        bool positions = k % 2;
        suite_test *test = suite_begin(self, "rows=%u K=%u %s%s", rows, cols,
                                       fill_name(fills[k % 5]), positions ? " positions" : "");
        if (k % 5 == 4) {
            suite_live(test, rows / 2);
        }
        tern_argmax_desc desc = {
            .x = suite_floats(test, "x", shape2(rows, cols), fills[k % 5]),
            .out = suite_output(test, "out", TERN_DTYPE_I32, shape1(rows)),
        };
        if (positions) {
            desc.positions = suite_ints(test, "positions", shape1(rows), 0, 100000);
            suite_written(test, desc.positions);
        }
        SUITE_OP(test, ARGMAX, desc);
        suite_end(test);
    }
}

void suite_argmax(suite *self) {
    suite_each_shape(self, test_shape);
}
