#include "tools/conformance/elementwise.h"
#include "tools/conformance/ops.h"

static void test_shape(suite *self, uint32_t rows, uint32_t cols, uint32_t index) {
    elementwise_binary(self, rows, cols, index, TERN_OP_ADD);
}

void suite_add(suite *self) {
    suite_each_shape(self, test_shape);
}
