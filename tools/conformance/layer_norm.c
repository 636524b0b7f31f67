#include "tools/conformance/ops.h"

static void test_shape(suite *self, uint32_t rows, uint32_t cols, uint32_t index) {
    static const fill_kind fills[] = {FILL_NORMAL, FILL_LARGE, FILL_ZERO,
                                      FILL_SMALL,  FILL_EQUAL, FILL_SATURATE};
    static const float eps[] = {1e-5f, 0x1p-100f, 1e-20f, 1.0f, 1e-12f};
    uint32_t each = suite_pick(self, 1, 3, 6);
    for (uint32_t i = 0; i < each; i++) {
        uint32_t k = index * each + i;
        fill_kind fill = fills[k % 6];
        bool in_place = k % 3 == 2;
        bool weight = k % 2;
        bool bias = k / 2 % 2;
        suite_test *test = suite_begin(self, "rows=%u K=%u %s eps=%g%s%s%s", rows, cols,
                                       fill_name(fill), (double)eps[k % 5], weight ? " weight" : "",
                                       bias ? " bias" : "", in_place ? " in place" : "");
        if (k % 4 == 3) {
            suite_live(test, rows / 2);
        }
        tern_layer_norm_desc desc = {
            .x = suite_floats(test, "x", shape2(rows, cols), fill),
            .eps = eps[k % 5],
        };
        if (weight) {
            desc.weight = suite_floats(test, "weight", shape1(cols), FILL_NORMAL);
        }
        if (bias) {
            desc.bias = suite_floats(test, "bias", shape1(cols), FILL_NORMAL);
        }
        if (in_place) {
            desc.out = desc.x;
            suite_written(test, desc.out);
        } else {
            desc.out = suite_output(test, "out", TERN_DTYPE_F32, shape2(rows, cols));
        }
        SUITE_OP(test, LAYER_NORM, desc);
        suite_end(test);
    }
}

void suite_layer_norm(suite *self) {
    suite_each_shape(self, test_shape);
}
