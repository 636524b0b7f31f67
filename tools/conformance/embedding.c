#include "tools/conformance/ops.h"
#include "tools/conformance/ternary.h"

static tern_weights_info choose(uint32_t cols, uint32_t index) {
    static const tern_dtype dense[] = {TERN_DTYPE_F32, TERN_DTYPE_F16, TERN_DTYPE_BF16,
                                       TERN_DTYPE_Q8_0};
    tern_weights_info info = ternary_info(5 + index % 40, cols, index / 2);
    if (index % 2) {
        info.dtype = dense[index / 2 % 4];
        info.scale_kind = TERN_SCALE_NONE;
        info.group_size = 0;
    }
    // Tied embeddings are one matrix for both uses.
    info.usage = TERN_WEIGHTS_GATHER | (index % 3 == 2 ? TERN_WEIGHTS_MATMUL : 0u);
    return info;
}

static void test_shape(suite *self, uint32_t rows, uint32_t cols, uint32_t index) {
    uint32_t each = suite_pick(self, 2, 4, 30);
    for (uint32_t i = 0; i < each; i++) {
        uint32_t k = index * each + i;
        tern_weights_info info = choose(cols, k);
        int32_t last = (int32_t)info.rows - 1;
        suite_test *test =
            suite_begin(self, "rows=%u N=%u K=%u %s", rows, info.rows, cols, ternary_name(&info));
        if (k % 5 == 4) {
            suite_live(test, rows / 2);
        }
        tern_embedding_desc desc = {
            // Ids out of range are clamped.
            .ids = suite_ints(test, "ids", shape1(rows), k % 4 ? 0 : -2, k % 4 ? last : last + 3),
            .weights = suite_matrix(test, &info, k % 3 ? CODES_RANDOM : CODES_PLUS),
            .out = suite_output(test, "out", TERN_DTYPE_F32, shape2(rows, cols)),
        };
        SUITE_OP(test, EMBEDDING, desc);
        suite_end(test);
    }
}

void suite_embedding(suite *self) {
    suite_each_shape(self, test_shape);
}
