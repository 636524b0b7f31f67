#include "tools/conformance/ops.h"

#define DTYPES 4

static void test_matrix(suite *self, suite_product shape, uint32_t index) {
    static const tern_dtype dtypes[DTYPES] = {TERN_DTYPE_F16, TERN_DTYPE_F32, TERN_DTYPE_BF16,
                                              TERN_DTYPE_Q8_0};
    static const fill_kind fills[] = {FILL_NORMAL, FILL_HALVES, FILL_NORMAL, FILL_SMALL, FILL_ZERO};
    tern_weights_info info = {.struct_size = sizeof info,
                              .dtype = dtypes[index % DTYPES],
                              .rows = shape.outputs,
                              .cols = shape.cols,
                              .usage = TERN_WEIGHTS_MATMUL};
    fill_kind fill = fills[index % 5];
    suite_test *test = suite_begin(self, "rows=%u N=%u K=%u %s x %s", shape.rows, shape.outputs,
                                   shape.cols, tern_dtype_name(info.dtype), fill_name(fill));
    if (index % 7 == 6) {
        suite_live(test, shape.rows / 2);
    }
    tern_linear_desc desc = {
        .x = suite_floats(test, "x", shape2(shape.rows, shape.cols), fill),
        .weights = suite_matrix(test, &info, index / 4 % 3 == 2 ? CODES_PLUS : CODES_RANDOM),
    };
    if (index / 2 % 3 == 1) {
        desc.bias = suite_floats(test, "bias", shape1(shape.outputs), FILL_NORMAL);
    }
    desc.out = suite_output(test, "out", TERN_DTYPE_F32, shape2(shape.rows, shape.outputs));
    SUITE_OP(test, LINEAR, desc);
    suite_end(test);
}

// Floating-point sums in the reference's order take a hundred times as long as integer ones on some
// software drivers, so only the full suite has the large products.
static void test_product(suite *self, suite_product shape) {
    uint64_t work = (uint64_t)shape.rows * shape.outputs * shape.cols;
    if (self->level == LEVEL_FULL || work <= 1500000) {
        uint32_t each = suite_pick(self, 2, work > 300000 ? 1 : 3, DTYPES);
        for (uint32_t i = 0; i < each; i++) {
            test_matrix(self, shape, shape.index * 3 + i);
        }
    }
}

void suite_linear(suite *self) {
    suite_each_product(self, test_product);
}
