// Submits that are pending together, each with its own parameters; and lists of many ops that need
// each other's results.
#include <string.h>

#include "tools/conformance/ops.h"

// a += b on as many rows as each submit says: the sum tells which submits ran with which number.
static void test_live_rows(suite *self, uint32_t submits, uint32_t rows) {
    suite_test *test = suite_begin(self, "%u pending submits, live rows of %u", submits, rows);
    suite_live(test, rows);
    test->submit_count = submits;
    for (uint32_t s = 0; s < submits; s++) {
        test->words[s][0] = (int32_t)((s * 5 + 1) % (rows + 1));
    }
    tern_add_desc desc = {
        .a = suite_floats(test, "a", shape2(rows, 37), FILL_NORMAL),
        .b = suite_floats(test, "b", shape2(rows, 37), FILL_NORMAL),
    };
    desc.out = desc.a;
    suite_written(test, desc.out);
    SUITE_OP(test, ADD, desc);
    suite_end(test);
}

// Row numbers that lie in the parameter block itself: out = out * 1.5 + x[params[1..2]].
static void test_params_operand(suite *self, uint32_t submits) {
    suite_test *test = suite_begin(self, "%u pending submits, rows from the parameters", submits);
    suite_word(test, 0, 2);
    test->submit_count = submits;
    for (uint32_t s = 0; s < submits; s++) {
        test->words[s][1] = (int32_t)((s * 3) % 9);
        test->words[s][2] = (int32_t)((s * 7 + 2) % 9);
    }
    tern_tensor picked = test->params;
    picked.offset += 4;
    picked.shape[0] = 2;
    tern_tensor x = suite_floats(test, "x", shape2(9, 101), FILL_NORMAL);
    tern_tensor row = suite_output(test, "row", TERN_DTYPE_F32, shape2(2, 101));
    tern_tensor sum = suite_floats(test, "sum", shape2(2, 101), FILL_NORMAL);
    suite_written(test, sum);
    tern_copy_desc copy = {.x = x, .rows = picked, .out = row};
    tern_scale_desc scale = {.x = sum, .factor = 1.5f, .out = sum};
    tern_add_desc add = {.a = sum, .b = row, .out = sum};
    SUITE_OP(test, COPY, copy);
    SUITE_OP(test, SCALE, scale);
    SUITE_OP(test, ADD, add);
    suite_end(test);
}

// The end of a decode step: the id and the position of one submit are what the next one reads.
static void test_decode_step(suite *self, uint32_t submits) {
    suite_test *test = suite_begin(self, "%u pending steps that read their own results", submits);
    test->submit_count = submits;
    tern_tensor x = suite_floats(test, "x", shape2(1, 33), FILL_NORMAL);
    tern_tensor table = suite_floats(test, "table", shape2(33, 33), FILL_NORMAL);
    tern_tensor id = suite_ints(test, "id", shape1(1), 4, 4);
    tern_tensor position = suite_ints(test, "position", shape1(1), 10, 10);
    suite_written(test, x);
    suite_written(test, id);
    suite_written(test, position);
    tern_copy_desc copy = {.x = table, .rows = id, .out = x};
    tern_argmax_desc argmax = {.x = x, .out = id, .positions = position};
    SUITE_OP(test, COPY, copy);
    SUITE_OP(test, ARGMAX, argmax);
    suite_end(test);
}

// Every op reads what the one before wrote, over and over in the same two places.
static void test_chain(suite *self, uint32_t rows, uint32_t cols) {
    suite_test *test = suite_begin(self, "chain of 24 ops, rows=%u K=%u", rows, cols);
    tern_tensor a = suite_floats(test, "a", shape2(rows, cols), FILL_NORMAL);
    tern_tensor b = suite_floats(test, "b", shape2(rows, cols), FILL_NORMAL);
    suite_written(test, a);
    suite_written(test, b);
    for (uint32_t i = 0; i < 8; i++) {
        tern_rms_norm_desc norm = {.x = a, .eps = 1e-5f, .out = b};
        tern_add_desc add = {.a = a, .b = b, .out = a};
        tern_activation_desc silu = {.x = a, .activation = TERN_ACTIVATION_SILU, .out = a};
        SUITE_OP(test, RMS_NORM, norm);
        SUITE_OP(test, ADD, add);
        SUITE_OP(test, ACTIVATION, silu);
    }
    suite_end(test);
}

void suite_submit(suite *self) {
    uint32_t submits = suite_pick(self, 3, SUITE_SUBMITS, SUITE_SUBMITS);
    test_live_rows(self, submits, 7);
    test_live_rows(self, 2, 1);
    test_params_operand(self, submits);
    test_decode_step(self, submits);
    test_chain(self, 1, 100);
    test_chain(self, 5, suite_pick(self, 9, 1025, 3200));
}
