#include "tools/conformance/ops.h"
#include "tools/conformance/ternary.h"

typedef struct choice {
    bool norm, norm_weight, bias, residual, in_place;
} choice;

static choice choose(uint32_t index) {
    return (choice){.norm = index % 2,
                    .norm_weight = index % 4 == 3,
                    .bias = index / 2 % 3 == 1,
                    .residual = index / 3 % 3 != 0,
                    .in_place = index / 3 % 3 == 2};
}

static void test_matrix(suite *self, suite_product shape, uint32_t index) {
    static const fill_kind fills[] = {FILL_NORMAL, FILL_ROUND,  FILL_SATURATE, FILL_LARGE,
                                      FILL_ABSMAX, FILL_NORMAL, FILL_ZERO,     FILL_SMALL};
    tern_weights_info info = ternary_info(shape.outputs, shape.cols, index);
    fill_kind fill = fills[index % 8];
    choice with = choose(index);
    suite_test *test =
        suite_begin(self, "rows=%u N=%u K=%u %s x %s%s%s%s%s%s", shape.rows, shape.outputs,
                    shape.cols, ternary_name(&info), fill_name(fill), with.norm ? " norm" : "",
                    with.norm_weight ? " norm_weight" : "", with.bias ? " bias" : "",
                    with.residual ? " residual" : "", with.in_place ? " in place" : "");
    if (index % 7 == 6) {
        suite_live(test, shape.rows / 2);
    }
    suite_shape out = shape2(shape.rows, shape.outputs);
    tern_bitlinear_desc desc = {
        .x = suite_floats(test, "x", shape2(shape.rows, shape.cols), fill),
        .norm = with.norm ? TERN_NORM_RMS : TERN_NORM_NONE,
        .norm_eps = 1e-5f,
        .weights = suite_matrix(test, &info, ternary_codes(index)),
    };
    if (with.norm_weight) {
        desc.norm_weight = suite_floats(test, "norm_weight", shape1(shape.cols), FILL_NORMAL);
    }
    if (with.bias) {
        desc.bias = suite_floats(test, "bias", shape1(shape.outputs), FILL_NORMAL);
    }
    if (with.residual) {
        desc.residual = suite_floats(test, "residual", out, FILL_NORMAL);
    }
    if (with.in_place) {
        desc.out = desc.residual;
        suite_written(test, desc.out);
    } else {
        desc.out = suite_output(test, "out", TERN_DTYPE_F32, out);
    }
    SUITE_OP(test, BITLINEAR, desc);
    suite_end(test);
}

static void test_product(suite *self, suite_product shape) {
    uint32_t each = suite_pick(self, 2, 3, TERNARY_SCALES * TERNARY_DTYPES);
    for (uint32_t i = 0; i < each; i++) {
        test_matrix(self, shape, shape.index * each + i);
    }
}

void suite_bitlinear(suite *self) {
    suite_each_product(self, test_product);
}
