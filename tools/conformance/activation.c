#include "tools/conformance/activations.h"
#include "tools/conformance/elementwise.h"
#include "tools/conformance/ops.h"

static void test_shape(suite *self, uint32_t rows, uint32_t cols, uint32_t index) {
    static const fill_kind fills[] = {FILL_NORMAL, FILL_LARGE, FILL_SMALL, FILL_EXP, FILL_ZERO};
    uint32_t each = suite_pick(self, 2, 4, TERN_ACTIVATION_COUNT_ * 2);
    for (uint32_t i = 0; i < each; i++) {
        uint32_t k = index * each + i;
        tern_activation kind = k % TERN_ACTIVATION_COUNT_;
        elementwise with = {rows,      cols,
                            k,         fills[(k + k / TERN_ACTIVATION_COUNT_) % 5],
                            FILL_ZERO, k % 3 ? OUT_NEW : OUT_FIRST,
                            false};
        suite_test *test = elementwise_begin(self, &with, activation_names[kind]);
        tern_activation_desc desc = {
            .x = suite_floats(test, "x", shape2(rows, cols), with.first),
            .activation = kind,
        };
        desc.out = elementwise_out(test, &with, desc.x, desc.x);
        SUITE_OP(test, ACTIVATION, desc);
        suite_end(test);
    }
}

void suite_activation(suite *self) {
    suite_each_shape(self, test_shape);
}
