#include "tools/conformance/elementwise.h"

tern_tensor elementwise_out(suite_test *test, const elementwise *with, tern_tensor first,
                            tern_tensor second) {
    if (with->place == OUT_NEW) {
        return suite_output(test, "out", TERN_DTYPE_F32, shape2(with->rows, with->cols));
    }
    tern_tensor out = with->place == OUT_FIRST ? first : second;
    suite_written(test, out);
    return out;
}

suite_test *elementwise_begin(suite *self, const elementwise *with, const char *what) {
    static const char *const places[] = {"", " in place of the first", " in place of the second"};
    suite_test *test =
        suite_begin(self, "rows=%u K=%u %s %s%s%s", with->rows, with->cols, what,
                    fill_name(with->first), with->vector ? " vector" : "", places[with->place]);
    if (with->index % 5 == 4) {
        suite_live(test, with->rows / 2);
    }
    return test;
}

void elementwise_binary(suite *self, uint32_t rows, uint32_t cols, uint32_t index,
                        tern_op_kind kind) {
    static const fill_kind fills[] = {FILL_NORMAL, FILL_SMALL, FILL_LARGE, FILL_EQUAL, FILL_ZERO};
    uint32_t each = suite_pick(self, 1, 2, 6);
    for (uint32_t i = 0; i < each; i++) {
        uint32_t k = index * each + i;
        elementwise with = {rows, cols, k, fills[k % 5], fills[(k / 2 + k) % 5], OUT_NEW, false};
        with.vector = k % 4 == 1;
        with.place = k % 3 == 1 ? OUT_FIRST : k % 3 == 2 && !with.vector ? OUT_SECOND : OUT_NEW;
        suite_test *test = elementwise_begin(self, &with, "");
        // tern_add_desc and tern_mul_desc have the same members, but each is its own type.
        tern_tensor a = suite_floats(test, "a", shape2(rows, cols), with.first);
        tern_tensor b =
            suite_floats(test, "b", with.vector ? shape1(cols) : shape2(rows, cols), with.second);
        tern_tensor out = elementwise_out(test, &with, a, b);
        tern_add_desc add = {.a = a, .b = b, .out = out};
        tern_mul_desc mul = {.a = a, .b = b, .out = out};
        if (kind == TERN_OP_ADD) {
            SUITE_OP(test, ADD, add);
        } else {
            SUITE_OP(test, MUL, mul);
        }
        suite_end(test);
    }
}
