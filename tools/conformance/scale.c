#include "tools/conformance/elementwise.h"
#include "tools/conformance/ops.h"

static void test_shape(suite *self, uint32_t rows, uint32_t cols, uint32_t index) {
    static const fill_kind fills[] = {FILL_NORMAL, FILL_SMALL, FILL_LARGE, FILL_ZERO};
    static const float factors[] = {0.125f, -1.7f, 0x1p-40f, 0.0f, 1e6f};
    uint32_t each = suite_pick(self, 1, 2, 5);
    for (uint32_t i = 0; i < each; i++) {
        uint32_t k = index * each + i;
        elementwise with = {rows, cols, k, fills[k % 4], FILL_ZERO, k % 3 ? OUT_NEW : OUT_FIRST,
                            false};
        suite_test *test = elementwise_begin(self, &with, "");
        tern_scale_desc desc = {
            .x = suite_floats(test, "x", shape2(rows, cols), with.first),
            .factor = factors[k % 5],
        };
        desc.out = elementwise_out(test, &with, desc.x, desc.x);
        SUITE_OP(test, SCALE, desc);
        suite_end(test);
    }
}

void suite_scale(suite *self) {
    suite_each_shape(self, test_shape);
}
