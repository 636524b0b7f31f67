// A transformer layer as models write it: what backends fuse must keep the bits of the sequence.
#include <math.h>

#include "tools/conformance/ops.h"
#include "tools/conformance/pool.h"

typedef struct form {
    uint32_t rows, heads, kv_heads, head_dim, ffn;
    tern_dtype cache;
    bool normed;     // heads of q and k have norms of their own
    uint32_t window; // of the attention
} form;

static tern_tensor scratch(suite_test *test, const char *name, uint32_t rows, uint32_t cols) {
    return suite_output(test, name, TERN_DTYPE_F32, shape2(rows, cols));
}

static tern_bitlinear_desc bitlinear(suite_test *test, tern_tensor x, tern_tensor out, bool norm,
                                     tern_tensor residual) {
    tern_weights_info info = {.struct_size = sizeof info,
                              .dtype = TERN_DTYPE_T2,
                              .rows = out.shape[1],
                              .cols = x.shape[1],
                              .scale_kind = TERN_SCALE_TENSOR,
                              .usage = TERN_WEIGHTS_MATMUL};
    tern_bitlinear_desc desc = {.x = x,
                                .norm_eps = 1e-5f,
                                .residual = residual,
                                .out = out,
                                .weights = suite_matrix(test, &info, CODES_RANDOM)};
    if (norm) {
        desc.norm = TERN_NORM_RMS;
        desc.norm_weight = suite_floats(test, "norm", shape1(x.shape[1]), FILL_NORMAL);
    }
    return desc;
}

static void norm_heads(suite_test *test, const char *name, const form *f, tern_tensor x) {
    tern_rms_norm_desc norm = {.x = x,
                               .weight = suite_floats(test, name, shape1(f->head_dim), FILL_NORMAL),
                               .eps = 1e-6f,
                               .heads = x.shape[1] / f->head_dim,
                               .out = x};
    SUITE_OP(test, RMS_NORM, norm);
}

typedef struct places {
    tern_tensor positions, sequences;
} places;

static void attend(suite_test *test, const form *f, tern_tensor x, places at) {
    const tern_tensor none = {0};
    uint32_t width = f->heads * f->head_dim;
    uint32_t kv_width = f->kv_heads * f->head_dim;
    tern_tensor q = scratch(test, "q", f->rows, width);
    tern_tensor k = scratch(test, "k", f->rows, kv_width);
    tern_tensor v = scratch(test, "v", f->rows, kv_width);
    tern_tensor out = scratch(test, "attended", f->rows, width);
    tern_tensor table = suite_floats(test, "rotary", shape2(80, f->head_dim), FILL_NORMAL);
    pool_form blocks = {f->cache, f->kv_heads, f->head_dim, 1, 80};
    pool cache = pool_make(test, &blocks, FILL_NORMAL);
    suite_written(test, cache.k_cache);
    suite_written(test, cache.v_cache);
    tern_bitlinear_desc to_q = bitlinear(test, x, q, true, none);
    tern_bitlinear_desc to_k = bitlinear(test, x, k, true, none);
    tern_bitlinear_desc to_v = bitlinear(test, x, v, true, none);
    tern_rotary_desc turn_q = {
        .x = q, .table = table, .positions = at.positions, .head_dim = f->head_dim, .out = q};
    tern_rotary_desc turn_k = {
        .x = k, .table = table, .positions = at.positions, .head_dim = f->head_dim, .out = k};
    tern_kv_append_desc keep = {.k = k,
                                .v = v,
                                .k_cache = cache.k_cache,
                                .v_cache = cache.v_cache,
                                .positions = at.positions,
                                .sequences = at.sequences,
                                .table = cache.table};
    tern_attention_desc attention = {.q = q,
                                     .k_cache = cache.k_cache,
                                     .v_cache = cache.v_cache,
                                     .positions = at.positions,
                                     .sequences = at.sequences,
                                     .table = cache.table,
                                     .scale = 1.0f / sqrtf((float)f->head_dim),
                                     .window = f->window,
                                     .out = out};
    tern_bitlinear_desc back = bitlinear(test, out, x, true, x);
    SUITE_OP(test, BITLINEAR, to_q);
    SUITE_OP(test, BITLINEAR, to_k);
    SUITE_OP(test, BITLINEAR, to_v);
    if (f->normed) {
        norm_heads(test, "q norm", f, q);
        norm_heads(test, "k norm", f, k);
    }
    SUITE_OP(test, ROTARY, turn_q);
    SUITE_OP(test, ROTARY, turn_k);
    SUITE_OP(test, KV_APPEND, keep);
    SUITE_OP(test, ATTENTION, attention);
    SUITE_OP(test, BITLINEAR, back);
}

static void feed_forward(suite_test *test, const form *f, tern_tensor x) {
    const tern_tensor none = {0};
    tern_tensor gate = scratch(test, "gate", f->rows, f->ffn);
    tern_tensor up = scratch(test, "up", f->rows, f->ffn);
    tern_bitlinear_desc to_gate = bitlinear(test, x, gate, true, none);
    tern_bitlinear_desc to_up = bitlinear(test, x, up, true, none);
    tern_gated_desc gated = {
        .gate = gate, .up = up, .activation = TERN_ACTIVATION_RELU2, .out = gate};
    tern_bitlinear_desc down = bitlinear(test, gate, x, true, x);
    SUITE_OP(test, BITLINEAR, to_gate);
    SUITE_OP(test, BITLINEAR, to_up);
    SUITE_OP(test, GATED, gated);
    SUITE_OP(test, BITLINEAR, down);
}

static void test_form(suite *self, const form *f, uint32_t live) {
    int32_t positions[33];
    int32_t sequences[33] = {0};
    suite_test *test =
        suite_begin(self, "rows=%u live=%u heads=%u/%u head_dim=%u ffn=%u %s cache%s window=%u",
                    f->rows, live, f->heads, f->kv_heads, f->head_dim, f->ffn,
                    tern_dtype_name(f->cache), f->normed ? " normed" : "", f->window);
    for (uint32_t r = 0; r < f->rows; r++) {
        positions[r] = (int32_t)(r + 40); // crosses a block
    }
    if (live < f->rows) {
        suite_live(test, live);
    }
    tern_tensor x = suite_floats(test, "x", shape2(f->rows, f->heads * f->head_dim), FILL_NORMAL);
    suite_written(test, x);
    places at = {pool_vector(test, "positions", positions, f->rows),
                 pool_vector(test, "sequences", sequences, f->rows)};
    attend(test, f, x, at);
    feed_forward(test, f, x);
    suite_end(test);
}

void suite_layer(suite *self) {
    const form forms[] = {{1, 2, 1, 4, 12, TERN_DTYPE_F16, false, 0},
                          {2, 3, 3, 6, 20, TERN_DTYPE_F32, true, 7},
                          {1, 8, 4, 32, 688, TERN_DTYPE_F16, true, 0},
                          {33, 8, 4, 32, 688, TERN_DTYPE_F16, false, 0},
                          {33, 4, 2, 100, 172, TERN_DTYPE_F16, true, 16},
                          {7, 5, 1, 64, 172, TERN_DTYPE_F32, false, 0},
                          {33, 8, 4, 32, 172, TERN_DTYPE_I8, false, 0}};
    for (uint32_t i = 0; i < suite_pick(self, 2, 7, 7); i++) {
        test_form(self, &forms[i], forms[i].rows);
        test_form(self, &forms[i], forms[i].rows / 2);
    }
}
