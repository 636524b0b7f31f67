#include "tools/conformance/ops.h"
#include "tools/conformance/ternary.h"

typedef struct form {
    uint32_t rows, experts, slots, outputs, cols;
} form;

// Which expert each slot asks for.
enum {
    IDS_RANDOM,  // duplicates in a row among them
    IDS_ONE,     // all the last: the most rows that an expert can get
    IDS_OUTSIDE, // clamped
    IDS_KINDS
};

static tern_tensor make_ids(suite_test *test, const form *f, uint32_t kind) {
    int32_t last = (int32_t)f->experts - 1;
    suite_shape shape = shape2(f->rows, f->slots);
    switch (kind) {
    case IDS_ONE:
        return suite_ints(test, "ids", shape, last, last);
    case IDS_OUTSIDE:
        return suite_ints(test, "ids", shape, -2, last + 3);
    default:
        return suite_ints(test, "ids", shape, 0, last);
    }
}

static void test_form(suite *self, const form *f, uint32_t index) {
    static const char *const names[IDS_KINDS] = {"", " one expert", " out of range"};
    static const fill_kind fills[] = {FILL_NORMAL, FILL_SATURATE, FILL_ABSMAX, FILL_ROUND,
                                      FILL_NORMAL};
    uint32_t kind = index % 4 % IDS_KINDS;
    bool own = index / 2 % 2; // an x for each slot
    tern_weights_info info = ternary_info(f->experts * f->outputs, f->cols, index);
    suite_test *test =
        suite_begin(self, "rows=%u E=%u S=%u N=%u K=%u %s x %s%s%s", f->rows, f->experts, f->slots,
                    f->outputs, f->cols, ternary_name(&info), fill_name(fills[index % 5]),
                    own ? " of slots" : "", names[kind]);
    if (index % 7 == 6) {
        suite_live(test, f->rows / 2);
    }
    tern_expert_bitlinear_desc desc = {
        .x = suite_floats(test, "x", shape2(f->rows, own ? f->slots * f->cols : f->cols),
                          fills[index % 5]),
        .ids = make_ids(test, f, kind),
        .weights = suite_matrix(test, &info, ternary_codes(index)),
        .experts = f->experts,
        .out = suite_output(test, "out", TERN_DTYPE_F32, shape2(f->rows, f->slots * f->outputs)),
    };
    SUITE_OP(test, EXPERT_BITLINEAR, desc);
    suite_end(test);
}

void suite_expert_bitlinear(suite *self) {
    static const form forms[] = {
        {2, 3, 2, 5, 20},     {1, 3, 3, 63, 100},    {7, 1, 1, 100, 64}, {1, 256, 8, 16, 172},
        {33, 8, 2, 1, 640},   {130, 4, 3, 100, 100}, {5, 3, 8, 64, 256}, {70, 256, 8, 24, 63},
        {1, 16, 16, 130, 65}, {128, 2, 1, 128, 320}, {40, 5, 1, 33, 3},  {1, 8, 4, 512, 2048},
    };
    uint32_t count = suite_pick(self, 2, 11, sizeof forms / sizeof forms[0]);
    uint32_t each = suite_pick(self, 2, 4, TERNARY_SCALES * TERNARY_DTYPES);
    uint32_t index = 0;
    for (uint32_t f = 0; f < count; f++) {
        for (uint32_t i = 0; i < each; i++) {
            test_form(self, &forms[f], index++);
        }
    }
}
