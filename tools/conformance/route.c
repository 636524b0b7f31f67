#include "tools/conformance/ops.h"

typedef struct form {
    uint32_t rows, experts, slots;
} form;

static void test_form(suite *self, form f, uint32_t index) {
    static const fill_kind fills[] = {FILL_NORMAL, FILL_EQUAL, FILL_EXP, FILL_LARGE, FILL_ZERO};
    fill_kind fill = fills[index % 5];
    bool bias = index % 4 == 3;
    tern_route_desc desc = {
        .score = index / 2 % 2, .normalise = index % 2, .scale = index % 3 == 2 ? 2.5f : 1.0f};
    suite_test *test =
        suite_begin(self, "rows=%u E=%u S=%u %s %s%s%s", f.rows, f.experts, f.slots,
                    desc.score == TERN_ROUTE_SOFTMAX ? "softmax" : "sigmoid", fill_name(fill),
                    desc.normalise ? " normalised" : "", bias ? " bias" : "");
    if (index % 7 == 6) {
        suite_live(test, f.rows / 2);
    }
    desc.x = suite_floats(test, "x", shape2(f.rows, f.experts), fill);
    if (bias) {
        static const fill_kind biases[] = {FILL_NORMAL, FILL_SMALL, FILL_LOWEST};
        desc.bias = suite_floats(test, "bias", shape1(f.experts), biases[index / 4 % 3]);
    }
    desc.ids = suite_output(test, "ids", TERN_DTYPE_I32, shape2(f.rows, f.slots));
    desc.weights = suite_output(test, "weights", TERN_DTYPE_F32, shape2(f.rows, f.slots));
    SUITE_OP(test, ROUTE, desc);
    suite_end(test);
}

void suite_route(suite *self) {
    static const uint32_t experts[] = {3, 256, 1, 64, 128, 100, 1024};
    static const uint32_t slots[] = {1, 8, 32};
    static const uint32_t rows[] = {1, 7, 33};
    uint32_t each = suite_pick(self, 1, 2, 12);
    uint32_t index = 0;
    for (uint32_t e = 0; e < suite_pick(self, 2, 7, 7); e++) {
        for (uint32_t s = 0; s < 3; s++) {
            for (uint32_t r = 0; r < suite_pick(self, 1, 2, 3); r++) {
                for (uint32_t i = 0; i < each; i++) {
                    uint32_t most = slots[s] < experts[e] ? slots[s] : experts[e];
                    test_form(self, (form){rows[r], experts[e], most}, index++);
                }
            }
        }
    }
}
