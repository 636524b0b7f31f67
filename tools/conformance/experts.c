// The feed-forward half of a layer with experts, as Qwen3-MoE and Maple have it: what one op leaves
// the next one reads, ids among it.
#include "tools/conformance/ops.h"

typedef struct form {
    uint32_t rows, width, ffn, experts, slots;
    float limit;
} form;

static tern_tensor scratch(suite_test *test, const char *name, uint32_t rows, uint32_t cols) {
    return suite_output(test, name, TERN_DTYPE_F32, shape2(rows, cols));
}

static tern_weights *expert_matrix(suite_test *test, const form *f, uint32_t outputs,
                                   uint32_t cols) {
    tern_weights_info info = {.struct_size = sizeof info,
                              .dtype = TERN_DTYPE_T2,
                              .rows = f->experts * outputs,
                              .cols = cols,
                              .scale_kind = TERN_SCALE_ROW,
                              .usage = TERN_WEIGHTS_MATMUL};
    return suite_matrix(test, &info, CODES_RANDOM);
}

typedef struct choice {
    tern_tensor ids, weights;
} choice;

static choice choose_experts(suite_test *test, const form *f, tern_tensor x) {
    tern_weights_info info = {.struct_size = sizeof info,
                              .dtype = TERN_DTYPE_F32,
                              .rows = f->experts,
                              .cols = f->width,
                              .usage = TERN_WEIGHTS_MATMUL};
    tern_linear_desc router = {.x = x,
                               .weights = suite_matrix(test, &info, CODES_RANDOM),
                               .out = scratch(test, "logits", f->rows, f->experts)};
    tern_route_desc route = {
        .x = router.out,
        .normalise = 1,
        .scale = 1.0f,
        .ids = suite_output(test, "ids", TERN_DTYPE_I32, shape2(f->rows, f->slots)),
        .weights = scratch(test, "weights", f->rows, f->slots)};
    SUITE_OP(test, LINEAR, router);
    SUITE_OP(test, ROUTE, route);
    return (choice){route.ids, route.weights};
}

static tern_tensor apply(suite_test *test, const form *f, const char *name, tern_tensor x,
                         tern_tensor ids, uint32_t outputs, uint32_t cols) {
    tern_expert_bitlinear_desc desc = {.x = x,
                                       .ids = ids,
                                       .weights = expert_matrix(test, f, outputs, cols),
                                       .experts = f->experts,
                                       .out = scratch(test, name, f->rows, f->slots * outputs)};
    SUITE_OP(test, EXPERT_BITLINEAR, desc);
    return desc.out;
}

static void test_form(suite *self, const form *f, uint32_t live) {
    suite_test *test =
        suite_begin(self, "rows=%u live=%u width=%u ffn=%u E=%u S=%u limit=%g", f->rows, live,
                    f->width, f->ffn, f->experts, f->slots, (double)f->limit);
    if (live < f->rows) {
        suite_live(test, live);
    }
    tern_tensor x = suite_floats(test, "x", shape2(f->rows, f->width), FILL_NORMAL);
    suite_written(test, x);
    tern_rms_norm_desc norm = {.x = x,
                               .weight = suite_floats(test, "norm", shape1(f->width), FILL_NORMAL),
                               .eps = 1e-6f,
                               .out = scratch(test, "normed", f->rows, f->width)};
    SUITE_OP(test, RMS_NORM, norm);
    choice chosen = choose_experts(test, f, norm.out);
    tern_tensor gate = apply(test, f, "gate", norm.out, chosen.ids, f->ffn, f->width);
    tern_tensor up = apply(test, f, "up", norm.out, chosen.ids, f->ffn, f->width);
    tern_gated_desc gated = {
        .gate = gate, .up = up, .activation = TERN_ACTIVATION_SILU, .limit = f->limit, .out = gate};
    SUITE_OP(test, GATED, gated);
    tern_tensor down = apply(test, f, "down", gate, chosen.ids, f->width, f->ffn);
    tern_combine_desc combine = {.x = down, .weights = chosen.weights, .residual = x, .out = x};
    SUITE_OP(test, COMBINE, combine);
    suite_end(test);
}

void suite_experts(suite *self) {
    static const form forms[] = {{1, 8, 12, 3, 2, 0.0f},
                                 {33, 100, 24, 16, 4, 0.0f},
                                 {1, 256, 64, 64, 8, 7.0f},
                                 {70, 64, 33, 5, 3, 0.5f}};
    for (uint32_t i = 0; i < suite_pick(self, 1, 4, 4); i++) {
        test_form(self, &forms[i], forms[i].rows);
        test_form(self, &forms[i], forms[i].rows / 2);
    }
}
