#include "tools/conformance/ops.h"

static void test_shape(suite *self, uint32_t rows, uint32_t cols, uint32_t index) {
    static const fill_kind fills[] = {FILL_NORMAL,   FILL_ROUND, FILL_ABSMAX, FILL_ZERO,
                                      FILL_SATURATE, FILL_LARGE, FILL_SMALL};
    uint32_t each = suite_pick(self, 3, 3, 7);
    for (uint32_t i = 0; i < each; i++) {
        fill_kind fill = fills[(index * 3 + i) % 7];
        suite_test *test = suite_begin(self, "rows=%u K=%u %s", rows, cols, fill_name(fill));
        if (index % 4 == 3) {
            suite_live(test, rows / 2);
        }
        tern_quantize_act_desc desc = {
            .x = suite_floats(test, "x", shape2(rows, cols), fill),
            .q = suite_output(test, "q", TERN_DTYPE_I8, shape2(rows, cols)),
            .scale = suite_output(test, "scale", TERN_DTYPE_F32, shape1(rows)),
        };
        SUITE_OP(test, QUANTIZE_ACT, desc);
        suite_end(test);
    }
}

void suite_quantize_act(suite *self) {
    suite_each_shape(self, test_shape);
}
