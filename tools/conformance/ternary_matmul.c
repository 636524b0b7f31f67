#include "tools/conformance/ops.h"
#include "tools/conformance/ternary.h"

static void test_matrix(suite *self, suite_product shape, uint32_t index) {
    static const fill_kind fills[] = {FILL_NORMAL, FILL_SATURATE, FILL_NORMAL, FILL_ZERO};
    tern_weights_info info = ternary_info(shape.outputs, shape.cols, index);
    fill_kind fill = fills[index % 4];
    suite_test *test = suite_begin(self, "rows=%u N=%u K=%u %s q %s", shape.rows, shape.outputs,
                                   shape.cols, ternary_name(&info), fill_name(fill));
    if (index % 6 == 5) {
        suite_live(test, shape.rows / 2);
    }
    tern_ternary_matmul_desc desc = {
        .q = suite_tensor(test, "q", TERN_DTYPE_I8, shape2(shape.rows, shape.cols)),
        .scale = suite_floats(test, "scale", shape1(shape.rows),
                              index % 5 == 4 ? FILL_SMALL : FILL_NORMAL),
        .weights = suite_matrix(test, &info, ternary_codes(index)),
    };
    suite_fill(test, &desc.q, fill);
    if (index % 2) {
        desc.bias = suite_floats(test, "bias", shape1(shape.outputs), FILL_NORMAL);
    }
    desc.out = suite_output(test, "out", TERN_DTYPE_F32, shape2(shape.rows, shape.outputs));
    SUITE_OP(test, TERNARY_MATMUL, desc);
    suite_end(test);
}

// The stride keeps dtype, scale kind, codes and options from moving in step.
static void test_product(suite *self, suite_product shape) {
    uint32_t each = suite_pick(self, 2, 3, TERNARY_SCALES * TERNARY_DTYPES);
    for (uint32_t i = 0; i < each; i++) {
        test_matrix(self, shape, shape.index * each + i);
    }
}

void suite_ternary_matmul(suite *self) {
    suite_each_product(self, test_product);
}
