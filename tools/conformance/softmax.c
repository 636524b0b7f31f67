#include "tools/conformance/elementwise.h"
#include "tools/conformance/ops.h"

static void test_shape(suite *self, uint32_t rows, uint32_t cols, uint32_t index) {
    static const fill_kind fills[] = {FILL_EXP, FILL_NORMAL, FILL_EQUAL, FILL_LARGE, FILL_ZERO};
    uint32_t each = suite_pick(self, 1, 2, 5);
    for (uint32_t i = 0; i < each; i++) {
        uint32_t k = index * each + i;
        elementwise with = {rows, cols, k, fills[k % 5], FILL_ZERO, k % 3 ? OUT_NEW : OUT_FIRST,
                            false};
        suite_test *test = elementwise_begin(self, &with, "");
        tern_softmax_desc desc = {.x = suite_floats(test, "x", shape2(rows, cols), with.first)};
        desc.out = elementwise_out(test, &with, desc.x, desc.x);
        SUITE_OP(test, SOFTMAX, desc);
        suite_end(test);
    }
}

void suite_softmax(suite *self) {
    suite_each_shape(self, test_shape);
}
