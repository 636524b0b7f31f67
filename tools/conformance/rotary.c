#include "tools/conformance/ops.h"

typedef struct form {
    uint32_t heads, head_dim, dims;
} form;

static void test_form(suite *self, form f, uint32_t rows, uint32_t index) {
    bool interleaved = index % 2;
    bool in_place = index % 3 == 1;
    uint32_t width = f.heads * f.head_dim;
    suite_test *test = suite_begin(self, "rows=%u heads=%u head_dim=%u D=%u %s%s", rows, f.heads,
                                   f.head_dim, f.dims, interleaved ? "interleaved" : "half-split",
                                   in_place ? " in place" : "");
    if (index % 5 == 4) {
        suite_live(test, rows / 2);
    }
    tern_rotary_desc desc = {
        .x = suite_floats(test, "x", shape2(rows, width), index % 4 ? FILL_NORMAL : FILL_SMALL),
        .table = suite_floats(test, "table", shape2(9, f.dims), FILL_NORMAL),
        .positions = suite_ints(test, "positions", shape1(rows), index % 7 ? 0 : -3,
                                index % 7 ? 8 : 12), // some out of range: clamped
        .head_dim = f.head_dim,
        .pairs = interleaved ? TERN_ROTARY_INTERLEAVED : TERN_ROTARY_HALF_SPLIT,
    };
    if (in_place) {
        desc.out = desc.x;
        suite_written(test, desc.out);
    } else {
        desc.out = suite_output(test, "out", TERN_DTYPE_F32, shape2(rows, width));
    }
    SUITE_OP(test, ROTARY, desc);
    suite_end(test);
}

void suite_rotary(suite *self) {
    static const form forms[] = {{1, 2, 2},    {3, 3, 2},     {2, 63, 62},  {8, 32, 32},
                                 {1, 64, 64},  {5, 100, 100}, {4, 100, 36}, {20, 128, 128},
                                 {6, 128, 64}, {3, 256, 256}, {7, 63, 4}};
    static const uint32_t rows[] = {1, 2, 7, 33};
    uint32_t form_count = suite_pick(self, 3, 11, 11);
    uint32_t row_count = suite_pick(self, 2, 4, 4);
    uint32_t index = 0;
    for (uint32_t i = 0; i < form_count; i++) {
        for (uint32_t r = 0; r < row_count; r++) {
            uint32_t each = suite_pick(self, 1, 2, 6);
            for (uint32_t k = 0; k < each; k++) {
                test_form(self, forms[i], rows[r], index++);
            }
        }
    }
}
