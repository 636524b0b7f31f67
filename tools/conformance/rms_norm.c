#include "tools/conformance/ops.h"

// The whole row, or parts of an odd width, or of one column.
static uint32_t choose_heads(uint32_t cols, uint32_t index) {
    static const uint32_t parts[] = {100, 64, 3, 128, 41, 1};
    for (uint32_t i = 0; index % 3 && i < sizeof parts / sizeof parts[0]; i++) {
        uint32_t width = parts[(i + index) % (sizeof parts / sizeof parts[0])];
        if (cols % width == 0) {
            return cols / width;
        }
    }
    return index % 2;
}

static void test_shape(suite *self, uint32_t rows, uint32_t cols, uint32_t index) {
    static const fill_kind fills[] = {FILL_NORMAL, FILL_LARGE, FILL_ZERO, FILL_SMALL,
                                      FILL_SATURATE};
    static const float eps[] = {1e-5f, 0x1p-100f, 1e-20f, 1.0f};
    uint32_t each = suite_pick(self, 1, 3, 6);
    for (uint32_t i = 0; i < each; i++) {
        uint32_t k = index * each + i;
        fill_kind fill = fills[k % 5];
        bool in_place = k % 3 == 2;
        uint32_t heads = choose_heads(cols, k);
        suite_test *test =
            suite_begin(self, "rows=%u K=%u heads=%u %s eps=%g%s", rows, cols, heads,
                        fill_name(fill), (double)eps[k % 4], in_place ? " in place" : "");
        if (k % 4 == 3) {
            suite_live(test, rows / 2);
        }
        tern_rms_norm_desc desc = {
            .x = suite_floats(test, "x", shape2(rows, cols), fill),
            .eps = eps[k % 4],
            .heads = heads,
        };
        if (k % 2) {
            desc.weight =
                suite_floats(test, "weight", shape1(heads ? cols / heads : cols), FILL_NORMAL);
        }
        if (in_place) {
            desc.out = desc.x;
            suite_written(test, desc.out);
        } else {
            desc.out = suite_output(test, "out", TERN_DTYPE_F32, shape2(rows, cols));
        }
        SUITE_OP(test, RMS_NORM, desc);
        suite_end(test);
    }
}

void suite_rms_norm(suite *self) {
    suite_each_shape(self, test_shape);
}
