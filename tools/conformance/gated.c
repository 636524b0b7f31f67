#include "tools/conformance/activations.h"
#include "tools/conformance/elementwise.h"
#include "tools/conformance/ops.h"

static void test_shape(suite *self, uint32_t rows, uint32_t cols, uint32_t index) {
    static const fill_kind fills[] = {FILL_NORMAL, FILL_LARGE, FILL_SMALL, FILL_EXP};
    uint32_t each = suite_pick(self, 2, 3, TERN_ACTIVATION_COUNT_);
    for (uint32_t i = 0; i < each; i++) {
        uint32_t k = index * each + i;
        tern_activation kind = k % TERN_ACTIVATION_COUNT_;
        elementwise with = {rows, cols, k, fills[(k + k / 8) % 4], FILL_NORMAL, (int)k % 3, false};
        suite_test *test = elementwise_begin(self, &with, activation_names[kind]);
        tern_gated_desc desc = {
            .gate = suite_floats(test, "gate", shape2(rows, cols), with.first),
            .up = suite_floats(test, "up", shape2(rows, cols), with.second),
            .activation = kind,
            .limit = k / 5 % 2 ? 0.75f : 0.0f, // within what FILL_NORMAL spreads over
        };
        desc.out = elementwise_out(test, &with, desc.gate, desc.up);
        SUITE_OP(test, GATED, desc);
        suite_end(test);
    }
}

void suite_gated(suite *self) {
    suite_each_shape(self, test_shape);
}
