// The front end of every op: a sound descriptor is taken, each way of being wrong gets one clear
// line.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/device.h"

enum { ROWS = 3, COLS = 8, OUTPUTS = 4 };

typedef struct fixture {
    bench b;
    tern_commands *commands;
    tern_tensor x, y, z, row, out, q, scale, ints, more_ints, cache, other_cache, table, params;
    tern_weights *ternary, *dense, *ids_only;
} fixture;

static fixture f;

static tern_weights *weights(tern_dtype dtype, uint32_t usage) {
    static const uint8_t codes[OUTPUTS * COLS * 4];
    tern_weights_info info = {.dtype = dtype,
                              .rows = OUTPUTS,
                              .cols = COLS,
                              .scale_kind =
                                  dtype == TERN_DTYPE_T2 ? TERN_SCALE_TENSOR : TERN_SCALE_NONE,
                              .scale = dtype == TERN_DTYPE_T2 ? 1.0f : 0.0f,
                              .usage = usage};
    return bench_weights(&f.b, &info, codes, NULL);
}

static int set_up(void **state) {
    (void)state;
    bench_open(&f.b, "reference");
    const uint32_t cache[4] = {2, 1, TERN_KV_BLOCK, COLS};
    f.x = bench_matrix(&f.b, ROWS, COLS, NULL);
    f.y = bench_matrix(&f.b, ROWS, COLS, NULL);
    f.z = bench_matrix(&f.b, ROWS, COLS, NULL);
    f.row = bench_vector(&f.b, COLS, NULL);
    f.out = bench_matrix(&f.b, ROWS, OUTPUTS, NULL);
    f.q = bench_tensor(&f.b, TERN_DTYPE_I8, 2, (const uint32_t[]){ROWS, COLS}, NULL);
    f.scale = bench_vector(&f.b, ROWS, NULL);
    f.ints = bench_ints(&f.b, ROWS, NULL);
    f.more_ints = bench_ints(&f.b, ROWS, NULL);
    f.cache = bench_tensor(&f.b, TERN_DTYPE_F16, 4, cache, NULL);
    f.other_cache = bench_tensor(&f.b, TERN_DTYPE_F16, 4, cache, NULL);
    f.table = bench_tensor(&f.b, TERN_DTYPE_I32, 2, (const uint32_t[]){1, 2}, NULL);
    f.params = bench_ints(&f.b, 4, NULL);
    f.ternary = weights(TERN_DTYPE_T2, TERN_WEIGHTS_MATMUL);
    f.dense = weights(TERN_DTYPE_F32, TERN_WEIGHTS_MATMUL | TERN_WEIGHTS_GATHER);
    f.ids_only = weights(TERN_DTYPE_F32, TERN_WEIGHTS_GATHER);
    tern_commands_desc desc = {sizeof desc, 0, f.params};
    CHECK_OK(tern_commands_create(f.b.device, &desc, &f.commands));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    tern_commands_destroy(f.commands);
    bench_close(&f.b);
    return 0;
}

// |good| is taken as it is.
#define GOOD(op) CHECK_OK(tern_cmd_##op(f.commands, &good))

// |good| with one |change| is refused with |text|, and the list stays as it was.
#define BAD(op, text, change)                                                                      \
    do {                                                                                           \
        uint32_t count_ = tern_commands_count(f.commands);                                         \
        tern_##op##_desc d = good;                                                                 \
        change;                                                                                    \
        assert_int_equal(tern_cmd_##op(f.commands, &d), TERN_STATUS_INVALID_ARGUMENT);             \
        assert_string_equal(tern_last_error_message(), text);                                      \
        assert_int_equal(tern_commands_count(f.commands), count_);                                 \
    } while (0)

// What every operand is checked for, seen on one op.
static void tensors(void **state) {
    (void)state;
    tern_add_desc good = {.a = f.x, .b = f.y, .out = f.z};
    GOOD(add);
    BAD(add, "add: a is absent", d.a.buffer = NULL);
    BAD(add, "add: a has dtype f16, which this operand does not take", d.a.dtype = TERN_DTYPE_F16);
    BAD(add, "add: a has dtype ?, which this operand does not take", d.a.dtype = 99);
    BAD(add, "add: a has rank 3, must be 2", d.a.rank = 3);
    BAD(add,
        "add: a: dimension 0 is 0; sizes must be 1 or more and at most 2^32 - 1 elements in all",
        d.a.shape[0] = 0);
    BAD(add,
        "add: a: dimension 1 is 4294967295; sizes must be 1 or more and at most 2^32 - 1 elements "
        "in all",
        d.a.shape[1] = UINT32_MAX);
    BAD(add, "add: a: innermost stride is 2, must be 1", d.a.strides[1] = 2);
    BAD(add, "add: a: stride 7 of dimension 0 must be at least 8 and a multiple of 1 for f32",
        d.a.strides[0] = 7);
    BAD(add, "add: a: bytes 2 to 98 must start at a multiple of 4 and lie in the buffer of 96",
        d.a.offset = 2);
    BAD(add, "add: a: bytes 4 to 100 must start at a multiple of 4 and lie in the buffer of 96",
        d.a.offset = 4);
    BAD(add,
        "add: a: bytes 18446744073709551612 to 92 must start at a multiple of 4 and lie in the "
        "buffer of 96",
        d.a.offset = UINT64_MAX - 3);
    BAD(add, // 2^62 + 1 floats, whose bytes pass 2^64
        "add: a: bytes 0 to 4611686018427387904 must start at a multiple of 4 and lie in the "
        "buffer of 96",
        (d.a.shape[0] = 0x80000001u, d.a.shape[1] = 1, d.a.strides[0] = 0x80000000u));
    BAD(add, "add: out: dimension 0 is 2, must be 3 as there are rows", d.out.shape[0] = 2);
    BAD(add, "add: b: dimension 0 is 3, must be 8 as the other operands need", d.b = f.scale);
    BAD(add, "add: the output overlaps a without being the same view",
        (d.out = f.x, d.out.shape[1] = 4, d.a = d.b = d.out, d.a.offset = 8));
}

static void other_device(void **state) {
    (void)state;
    bench other;
    bench_open(&other, "reference");
    tern_tensor foreign = bench_matrix(&other, ROWS, COLS, NULL);
    tern_add_desc good = {.a = f.x, .b = f.y, .out = f.z};
    BAD(add, "add: b lies on another device than the list", d.b = foreign);
    bench_close(&other);
}

// Halves of one fused matrix interleave without overlapping.
static void interleaved_views(void **state) {
    (void)state;
    tern_tensor left = f.x;
    left.shape[1] = COLS / 2;
    tern_tensor right = left;
    right.offset = COLS / 2 * 4;
    tern_scale_desc good = {.x = left, .factor = 2.0f, .out = right};
    GOOD(scale);
    BAD(scale, "scale: the output overlaps x without being the same view", d.out.offset -= 4);
}

static void live(void **state) {
    (void)state;
    tern_scale_desc good = {.head = {.live = 4}, .x = f.x, .factor = 2.0f, .out = f.y};
    GOOD(scale);
    BAD(scale, "scale: live is word 5, the parameter block has 4", d.head.live = 5);
    BAD(scale, "scale: reserved is 1, must be 0", d.head.reserved = 1);
    BAD(scale, "scale: reserved is 2, must be 0", d.reserved = 2);
}

static void matmuls(void **state) {
    (void)state;
    {
        tern_quantize_act_desc good = {.x = f.x, .q = f.q, .scale = f.scale};
        GOOD(quantize_act);
        BAD(quantize_act, "quantize_act: q: dimension 1 is 4, must be 8 as x has columns",
            d.q.shape[1] = 4);
        BAD(quantize_act, "quantize_act: scale has dtype i32, which this operand does not take",
            d.scale = f.ints);
        BAD(quantize_act,
            "quantize_act: q: stride 9 of dimension 0 must be at least 8 and a multiple of 4 for "
            "i8",
            d.q.strides[0] = 9);
    }
    {
        tern_ternary_matmul_desc good = {
            .q = f.q, .scale = f.scale, .weights = f.ternary, .out = f.out};
        GOOD(ternary_matmul);
        BAD(ternary_matmul, "ternary_matmul: weights are absent", d.weights = NULL);
        BAD(ternary_matmul, "ternary_matmul: weights of dtype f32, which this op does not take",
            d.weights = f.dense);
        BAD(ternary_matmul, "ternary_matmul: out: dimension 1 is 8, must be 4 as there are columns",
            d.out = f.x);
        BAD(ternary_matmul,
            "ternary_matmul: bias: dimension 0 is 8, must be 4 as the other operands need",
            d.bias = f.row);
    }
    {
        tern_linear_desc good = {.x = f.x, .weights = f.dense, .out = f.out};
        GOOD(linear);
        BAD(linear, "linear: weights were made without usage MATMUL", d.weights = f.ids_only);
        BAD(linear, "linear: weights of dtype t2, which this op does not take",
            d.weights = f.ternary);
        BAD(linear, "linear: x: dimension 1 is 4, must be 8 as weights have columns", d.x = f.out);
    }
}

static void bitlinears(void **state) {
    (void)state;
    tern_bitlinear_desc good = {.x = f.x, .weights = f.ternary, .out = f.out};
    GOOD(bitlinear);
    BAD(bitlinear, "bitlinear: norm_weight is given, but norm is NONE", d.norm_weight = f.row);
    BAD(bitlinear, "bitlinear: norm 2 does not exist", d.norm = 2);
    BAD(bitlinear, "bitlinear: eps is 0, must be 2^-100 to 1", d.norm = TERN_NORM_RMS);
    BAD(bitlinear, "bitlinear: residual: dimension 1 is 8, must be 4 as there are columns",
        d.residual = f.x);
    good.residual = f.out;
    good.norm = TERN_NORM_RMS;
    good.norm_eps = 1e-5f;
    good.norm_weight = f.row;
    GOOD(bitlinear);
}

static void norms_and_rotary(void **state) {
    (void)state;
    {
        tern_rms_norm_desc good = {.x = f.x, .weight = f.row, .eps = 1e-5f, .out = f.x};
        GOOD(rms_norm);
        BAD(rms_norm, "rms_norm: eps is 2, must be 2^-100 to 1", d.eps = 2.0f);
        BAD(rms_norm, "rms_norm: weight: dimension 0 is 3, must be 8 as the other operands need",
            d.weight = f.scale);
        BAD(rms_norm, "rms_norm: x has 8 columns, must be a multiple of heads 3", d.heads = 3);
        BAD(rms_norm, "rms_norm: weight: dimension 0 is 8, must be 4 as the other operands need",
            d.heads = 2);
    }
    {
        tern_layer_norm_desc good = {
            .x = f.x, .weight = f.row, .bias = f.row, .eps = 1e-5f, .out = f.x};
        GOOD(layer_norm);
        BAD(layer_norm, "layer_norm: eps is 0, must be 2^-100 to 1", d.eps = 0.0f);
        BAD(layer_norm, "layer_norm: reserved is 1, must be 0", d.reserved = 1);
        BAD(layer_norm, "layer_norm: bias: dimension 0 is 3, must be 8 as the other operands need",
            d.bias = f.scale);
        BAD(layer_norm, "layer_norm: out: dimension 1 is 4, must be 8 as there are columns",
            d.out = f.out);
    }
    tern_tensor table = f.y;
    tern_rotary_desc good = {
        .x = f.x, .table = table, .positions = f.ints, .head_dim = COLS, .out = f.x};
    GOOD(rotary);
    BAD(rotary, "rotary: x has 8 columns, must be a multiple of head_dim 3", d.head_dim = 3);
    BAD(rotary, "rotary: x has 8 columns, must be a multiple of head_dim 0", d.head_dim = 0);
    BAD(rotary, "rotary: table has 8 columns, must be even and at most head_dim 4", d.head_dim = 4);
    BAD(rotary, "rotary: table has 7 columns, must be even and at most head_dim 8",
        d.table.shape[1] = 7);
    BAD(rotary, "rotary: pairs 2 does not exist", d.pairs = 2);
    BAD(rotary, "rotary: positions has dtype f32, which this operand does not take",
        d.positions = f.scale);
}

static tern_tensor int8_cache(uint32_t row_bytes) {
    const uint32_t shape[] = {2, 1, TERN_KV_BLOCK, row_bytes};
    return bench_tensor(&f.b, TERN_DTYPE_I8, 4, shape, NULL);
}

static void caches(void **state) {
    (void)state;
    {
        tern_kv_append_desc good = {.k = f.x,
                                    .v = f.y,
                                    .k_cache = f.cache,
                                    .v_cache = f.other_cache,
                                    .positions = f.ints,
                                    .sequences = f.more_ints,
                                    .table = f.table};
        GOOD(kv_append);
        BAD(kv_append, "kv_append: the output overlaps v_cache", d.v_cache = f.cache);
        BAD(kv_append, "kv_append: k_cache: dimension 2 is 32, must be 64 as a block has positions",
            d.k_cache.shape[2] = 32);
        BAD(kv_append,
            "kv_append: k: dimension 1 is 4, must be 8 as the cache has kv_heads * "
            "head_dim",
            d.k = f.out);
        BAD(kv_append, "kv_append: v_cache: dimension 0 is 1, must be 2 as in k_cache",
            d.v_cache.shape[0] = 1);
        BAD(kv_append,
            "kv_append: k_cache has i8 rows of 10 bytes, must be head_dim + 4, a multiple of 4 "
            "from 8 on",
            d.k_cache = int8_cache(10));
        BAD(kv_append,
            "kv_append: k_cache has i8 rows of 4 bytes, must be head_dim + 4, a multiple of 4 "
            "from 8 on",
            d.k_cache = int8_cache(4));
        BAD(kv_append,
            "kv_append: k: dimension 1 is 8, must be 4 as the cache has kv_heads * head_dim",
            d.k_cache = d.v_cache = int8_cache(8));
        BAD(kv_append, "kv_append: v_cache has dtype f16, which this operand does not take",
            d.k_cache = int8_cache(COLS + 4));
        good.k_cache = int8_cache(COLS + 4);
        good.v_cache = int8_cache(COLS + 4);
        GOOD(kv_append);
    }
    tern_attention_desc good = {.q = f.x,
                                .k_cache = f.cache,
                                .v_cache = f.other_cache,
                                .positions = f.ints,
                                .sequences = f.more_ints,
                                .table = f.table,
                                .scale = 0.25f,
                                .out = f.y};
    GOOD(attention);
    BAD(attention, "attention: scale is 0, its size must be 2^-50 to 2^50", d.scale = 0.0f);
    BAD(attention,
        "attention: q has 4 columns, must be a multiple of kv_heads * head_dim, which is 8",
        d.q = f.out);
    BAD(attention,
        "attention: q has 8 columns, must be a multiple of kv_heads * head_dim, which is 12",
        d.k_cache = d.v_cache = int8_cache(16));
    BAD(attention, "attention: the output overlaps an input", d.out = f.x);
    BAD(attention, "attention: table has rank 1, must be 2", d.table = f.ints);
}

static void recurrences(void **state) {
    (void)state;
    tern_recurrence_desc good = {.f = f.x,
                                 .i = f.y,
                                 .state = f.z,
                                 .positions = f.ints,
                                 .sequences = f.more_ints,
                                 .out = f.x};
    GOOD(recurrence);
    BAD(recurrence, "recurrence: i: dimension 1 is 4, must be 8 as there are columns", d.i = f.out);
    BAD(recurrence, "recurrence: state: dimension 1 is 4, must be 8 as there are columns",
        d.state = f.out);
    BAD(recurrence, "recurrence: sequences has dtype f32, which this operand does not take",
        d.sequences = f.scale);
    BAD(recurrence, "recurrence: the output overlaps an input", d.state = f.y);
    BAD(recurrence, "recurrence: the output overlaps state", d.out = f.z);
    tern_tensor longer = bench_matrix(&f.b, ROWS + 1, COLS, NULL);
    longer.shape[0] = ROWS;
    BAD(recurrence, "recurrence: the output overlaps i without being the same view",
        (d.i = d.out = longer, d.out.offset = COLS * sizeof(float)));
}

static void elementwise(void **state) {
    (void)state;
    {
        tern_gated_desc good = {.gate = f.x, .up = f.y, .activation = 2, .out = f.x};
        GOOD(gated);
        BAD(gated, "gated: limit is -1, must be 0 or 2^-50 to 2^40", d.limit = -1.0f);
        BAD(gated, "gated: activation 8 does not exist, the last is 7", d.activation = 8);
        BAD(gated, "gated: up: dimension 1 is 4, must be 8 as there are columns", d.up = f.out);
    }
    {
        tern_mul_desc good = {.a = f.x, .b = f.row, .out = f.x};
        GOOD(mul);
        BAD(mul, "mul: the output overlaps b", (d.out = f.x, d.b.buffer = f.x.buffer));
    }
    {
        tern_scale_desc good = {.x = f.x, .factor = 2.0f, .out = f.x};
        BAD(scale, "scale: factor is inf, must be finite", d.factor = 1e30f * 1e30f);
    }
    {
        tern_activation_desc good = {.x = f.x, .activation = 7, .out = f.x};
        GOOD(activation);
        BAD(activation, "activation: reserved is 1, must be 0", d.reserved = 1);
        BAD(activation, "activation: activation 4294967295 does not exist, the last is 7",
            d.activation = UINT32_MAX);
    }
    tern_softmax_desc good = {.x = f.x, .out = f.y};
    GOOD(softmax);
    BAD(softmax, "softmax: out: dimension 1 is 4, must be 8 as there are columns", d.out = f.out);
}

static void rows(void **state) {
    (void)state;
    {
        tern_embedding_desc good = {.ids = f.ints, .weights = f.ids_only, .out = f.x};
        GOOD(embedding);
        BAD(embedding, "embedding: weights were made without usage GATHER", d.weights = f.ternary);
        BAD(embedding, "embedding: ids has dtype f32, which this operand does not take",
            d.ids = f.scale);
    }
    {
        tern_copy_desc good = {.x = f.x, .rows = f.ints, .out = f.y};
        GOOD(copy);
        BAD(copy, "copy: the output overlaps x", d.out = f.x);
        BAD(copy, "copy: out has dtype i32, which this operand does not take",
            d.out.dtype = TERN_DTYPE_I32);
        BAD(copy, "copy: out: dimension 0 is 2, must be 3 as x has rows",
            (d.rows.buffer = NULL, d.out.shape[0] = 2));
    }
    tern_argmax_desc good = {.x = f.x, .out = f.ints, .positions = f.more_ints};
    GOOD(argmax);
    BAD(argmax, "argmax: the output overlaps out", d.positions = f.ints);
    BAD(argmax, "argmax: out has dtype f32, which this operand does not take", d.out = f.scale);
}

static tern_tensor pairs(tern_dtype dtype) {
    return bench_tensor(&f.b, dtype, 2, (const uint32_t[]){ROWS, 2}, NULL);
}

static void experts(void **state) {
    (void)state;
    tern_tensor ids = pairs(TERN_DTYPE_I32);
    tern_tensor chosen = pairs(TERN_DTYPE_F32);
    {
        tern_route_desc good = {
            .x = f.x, .bias = f.row, .scale = 1.0f, .ids = ids, .weights = chosen};
        GOOD(route);
        BAD(route, "route: score is 2 and normalise 0, both must be 0 or 1", d.score = 2);
        BAD(route, "route: score is 0 and normalise 3, both must be 0 or 1", d.normalise = 3);
        BAD(route, "route: scale is 0, must be 2^-50 to 2^50", d.scale = 0.0f);
        BAD(route, "route: reserved is 1, must be 0", d.reserved = 1);
        BAD(route, "route: 2 of 1 experts, must be at most 1 of at most 1024",
            (d.x.shape[1] = 1, d.bias.buffer = NULL));
        BAD(route, "route: bias: dimension 0 is 3, must be 8 as the other operands need",
            d.bias = f.scale);
        BAD(route, "route: weights: dimension 1 is 8, must be 2 as there are columns",
            d.weights = f.y);
        BAD(route, "route: the output overlaps ids",
            (d.weights.buffer = ids.buffer, d.weights.offset = 0));
    }
    {
        tern_expert_bitlinear_desc good = {
            .x = f.x, .ids = ids, .weights = f.ternary, .experts = 2, .out = f.out};
        GOOD(expert_bitlinear);
        BAD(expert_bitlinear,
            "expert_bitlinear: 3 experts, must be 1 or more and a divisor of the 4 rows of weights",
            d.experts = 3);
        BAD(expert_bitlinear,
            "expert_bitlinear: 0 experts, must be 1 or more and a divisor of the 4 rows of weights",
            d.experts = 0);
        BAD(expert_bitlinear,
            "expert_bitlinear: x: dimension 1 is 4, must be 8 as weights have columns, or that for "
            "each of the 2 slots",
            d.x.shape[1] = 4);
        BAD(expert_bitlinear,
            "expert_bitlinear: out: dimension 1 is 4, must be 2 as there are columns",
            d.experts = 4);
        BAD(expert_bitlinear, "expert_bitlinear: weights of dtype f32, which this op does not take",
            d.weights = f.dense);
        BAD(expert_bitlinear,
            "expert_bitlinear: ids has dtype f32, which this operand does not take",
            d.ids = chosen);
    }
    tern_combine_desc good = {.x = f.x, .weights = chosen, .out = f.out};
    GOOD(combine);
    BAD(combine, "combine: x: dimension 1 is 4, must be 8 for 2 slots of the 4 columns of out",
        d.x.shape[1] = 4);
    BAD(combine, "combine: residual: dimension 1 is 8, must be 4 as there are columns",
        d.residual = f.y);
    BAD(combine, "combine: the output overlaps x", (d.x = f.out, d.out.shape[1] = 2));
}

static void the_table_knows_every_op(void **state) {
    (void)state;
    assert_null(tern_op_describe(0));
    assert_null(tern_op_describe(TERN_OP_COUNT_));
    for (tern_op_kind kind = 1; kind < TERN_OP_COUNT_; kind++) {
        const tern_op_info *info = tern_op_describe(kind);
        assert_non_null(info);
        assert_int_equal(info->kind, kind);
        bool writes = false;
        for (uint32_t i = 0; i < info->operand_count; i++) {
            assert_true(info->operands[i].offset >= sizeof(tern_op_header));
            assert_true(info->operands[i].offset < info->desc_size);
            writes = writes || info->operands[i].role == TERN_OPERAND_OUT;
        }
        assert_true(writes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors),
        cmocka_unit_test(other_device),
        cmocka_unit_test(interleaved_views),
        cmocka_unit_test(live),
        cmocka_unit_test(matmuls),
        cmocka_unit_test(bitlinears),
        cmocka_unit_test(norms_and_rotary),
        cmocka_unit_test(caches),
        cmocka_unit_test(recurrences),
        cmocka_unit_test(elementwise),
        cmocka_unit_test(rows),
        cmocka_unit_test(experts),
        cmocka_unit_test(the_table_knows_every_op),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
