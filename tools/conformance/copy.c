#include "tools/conformance/ops.h"

#define PAIRS 10 // all pairs of float types, and int32 with itself

static void test_pair(suite *self, uint32_t rows, uint32_t cols, uint32_t k) {
    static const tern_dtype floats[] = {TERN_DTYPE_F32, TERN_DTYPE_F16, TERN_DTYPE_BF16};
    static const fill_kind fills[] = {FILL_HALVES, FILL_NORMAL, FILL_SMALL};
    uint32_t pair = k % PAIRS;
    tern_dtype from = pair == 9 ? TERN_DTYPE_I32 : floats[pair % 3];
    tern_dtype to = pair == 9 ? TERN_DTYPE_I32 : floats[pair / 3];
    uint32_t gather = k / 3 % 3; // 1: rows by number, 2: some numbers out of range
    suite_test *test =
        suite_begin(self, "rows=%u K=%u %s to %s%s", rows, cols, tern_dtype_name(from),
                    tern_dtype_name(to), gather ? " gathered" : "");
    if (k % 7 == 6) {
        suite_live(test, rows / 2);
    }
    uint32_t source_rows = gather ? rows + 3 : rows;
    tern_copy_desc desc = {0};
    if (from == TERN_DTYPE_I32) {
        desc.x = suite_ints(test, "x", shape2(source_rows, cols), -1000000, 1000000);
    } else {
        desc.x = suite_tensor(test, "x", from, shape2(source_rows, cols));
        suite_fill(test, &desc.x, fills[k % 3]);
    }
    if (gather) {
        int32_t last = (int32_t)source_rows - 1;
        desc.rows = suite_ints(test, "rows", shape1(rows), gather == 1 ? 0 : -3,
                               gather == 1 ? last : last + 3);
    }
    desc.out = suite_output(test, "out", to, shape2(rows, cols));
    SUITE_OP(test, COPY, desc);
    suite_end(test);
}

static void test_shape(suite *self, uint32_t rows, uint32_t cols, uint32_t index) {
    uint32_t each = suite_pick(self, 3, 5, PAIRS * 3);
    for (uint32_t i = 0; i < each; i++) {
        test_pair(self, rows, cols, index * each + i);
    }
}

void suite_copy(suite *self) {
    suite_each_shape(self, test_shape);
}
