// Groups of neighbouring ops, and every reason not to make one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/common/fuse.h"

// A layer of a network up to its gated unit; a test changes one member.
typedef struct layer {
    tern_bitlinear_desc q, k, v;
    tern_rotary_desc rotate_q, rotate_k;
    tern_kv_append_desc append;
    tern_bitlinear_desc gate, up;
    tern_gated_desc gated;
} layer;

enum { OPS = 9, ROWS = 2, WIDTH = 64, SIZE = ROWS * WIDTH * 4, ROTARY = 3, GATED = 6 };

enum { X, Q, K, V, GATE, UP, PARAMS, TABLE, NORM, KEYS, VALUES, ELSEWHERE };

static tern_tensor in_buffer(int number, uint32_t offset) {
    static char buffers[ELSEWHERE + 1];
    tern_tensor tensor = {(tern_buffer *)(void *)&buffers[number],
                          offset,
                          TERN_DTYPE_F32,
                          2,
                          {ROWS, WIDTH},
                          {WIDTH, 1}};
    return tensor;
}

static tern_tensor vector(int number, uint32_t offset) {
    tern_tensor tensor = in_buffer(number, offset);
    tensor.rank = 1;
    tensor.shape[0] = ROWS;
    tensor.strides[0] = 1;
    return tensor;
}

static tern_bitlinear_desc projection(int out) {
    return (tern_bitlinear_desc){.head = {.kind = TERN_OP_BITLINEAR, .live = 1},
                                 .x = in_buffer(X, 0),
                                 .norm = TERN_NORM_RMS,
                                 .norm_eps = 1e-5f,
                                 .norm_weight = vector(NORM, 0),
                                 .out = in_buffer(out, 0)};
}

static tern_rotary_desc rotation(int of) {
    return (tern_rotary_desc){.head = {.kind = TERN_OP_ROTARY, .live = 1},
                              .x = in_buffer(of, 0),
                              .table = in_buffer(TABLE, 0),
                              .positions = vector(PARAMS, 0),
                              .head_dim = 32,
                              .out = in_buffer(of, 0)};
}

static layer whole_layer(void) {
    layer l = {.q = projection(Q),
               .k = projection(K),
               .v = projection(V),
               .rotate_q = rotation(Q),
               .rotate_k = rotation(K),
               .gate = projection(GATE),
               .up = projection(UP)};
    l.append = (tern_kv_append_desc){.head = {.kind = TERN_OP_KV_APPEND, .live = 1},
                                     .k = in_buffer(K, 0),
                                     .v = in_buffer(V, 0),
                                     .k_cache = in_buffer(KEYS, 0),
                                     .v_cache = in_buffer(VALUES, 0),
                                     .positions = vector(PARAMS, 0),
                                     .sequences = vector(PARAMS, 64),
                                     .table = in_buffer(PARAMS, 128)};
    l.append.k_cache.shape[3] = 32;
    l.gated = (tern_gated_desc){.head = {.kind = TERN_OP_GATED, .live = 1},
                                .gate = in_buffer(GATE, 0),
                                .up = in_buffer(UP, 0),
                                .out = in_buffer(GATE, 0)};
    return l;
}

static void expect(const layer *l, uint32_t first, tern_group_kind kind, uint32_t count) {
    const tern_op_header *ops[OPS] = {&l->q.head,        &l->k.head,        &l->v.head,
                                      &l->rotate_q.head, &l->rotate_k.head, &l->append.head,
                                      &l->gate.head,     &l->up.head,       &l->gated.head};
    tern_group group = tern_fuse_at(ops, OPS, first);
    assert_int_equal(group.kind, kind);
    assert_int_equal(group.count, count);
    assert_true(first + group.count <= OPS);
}

static void a_layer_is_three_groups(void **state) {
    (void)state;
    layer l = whole_layer();
    expect(&l, 0, TERN_GROUP_PROJECTIONS, 3);
    expect(&l, 1, TERN_GROUP_PROJECTIONS, 2);
    expect(&l, 2, TERN_GROUP_SINGLE, 1);
    expect(&l, ROTARY, TERN_GROUP_ROTARY_APPEND, 3);
    expect(&l, GATED, TERN_GROUP_GATED, 3);
    expect(&l, GATED + 1, TERN_GROUP_SINGLE, 1);
    expect(&l, GATED + 2, TERN_GROUP_SINGLE, 1);
}

// The list ends where it ends, whatever lies behind it.
static void a_list_that_ends(void **state) {
    (void)state;
    layer l = whole_layer();
    const tern_op_header *ops[] = {&l.gate.head, &l.up.head, &l.gated.head};
    assert_int_equal(tern_fuse_at(ops, 2, 0).kind, TERN_GROUP_PROJECTIONS);
    assert_int_equal(tern_fuse_at(ops, 1, 0).kind, TERN_GROUP_SINGLE);
}

#define EXPECT_WITH(change, first, kind, count)                                                    \
    do {                                                                                           \
        layer l = whole_layer();                                                                   \
        l.change;                                                                                  \
        expect(&l, first, kind, count);                                                            \
    } while (0)

static void projections_of_different_inputs(void **state) {
    (void)state;
    EXPECT_WITH(k.x = in_buffer(ELSEWHERE, 0), 0, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(k.norm_eps = 1e-6f, 0, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(k.norm = TERN_NORM_NONE, 0, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(k.norm_weight = vector(NORM, 64), 0, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(k.head.live = 2, 0, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(v.head.live = 2, 0, TERN_GROUP_PROJECTIONS, 2);
    EXPECT_WITH(v.x.strides[0] = 2 * WIDTH, 0, TERN_GROUP_PROJECTIONS, 2);
}

static void projections_that_meet(void **state) {
    (void)state;
    EXPECT_WITH(k.out = in_buffer(Q, SIZE - 4), 0, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(k.out = in_buffer(Q, SIZE), 0, TERN_GROUP_PROJECTIONS, 3);
    EXPECT_WITH(k.residual = in_buffer(Q, 0), 0, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(q.residual = in_buffer(K, 0), 0, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(v.bias = vector(Q, 8), 0, TERN_GROUP_PROJECTIONS, 2);
    EXPECT_WITH(v.residual = in_buffer(V, 0), 0, TERN_GROUP_PROJECTIONS, 3);
}

static void rotations_that_differ(void **state) {
    (void)state;
    EXPECT_WITH(rotate_k.positions = vector(PARAMS, 8), ROTARY, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(append.positions = vector(PARAMS, 8), ROTARY, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(rotate_k.table = in_buffer(TABLE, 8), ROTARY, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(rotate_k.head_dim = 16, ROTARY, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(rotate_k.pairs = TERN_ROTARY_INTERLEAVED, ROTARY, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(rotate_k.head.live = 0, ROTARY, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(append.head.live = 0, ROTARY, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(append.k = in_buffer(ELSEWHERE, 0), ROTARY, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(append.k_cache.shape[3] = 16, ROTARY, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(append.k_cache.dtype = TERN_DTYPE_I8, ROTARY, TERN_GROUP_SINGLE, 1);
}

static void rotations_that_meet(void **state) {
    (void)state;
    EXPECT_WITH(rotate_q.out = in_buffer(ELSEWHERE, 0), ROTARY, TERN_GROUP_ROTARY_APPEND, 3);
    EXPECT_WITH(rotate_q.out = in_buffer(K, 0), ROTARY, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(rotate_q.out = in_buffer(V, 0), ROTARY, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(append.v = in_buffer(K, 0), ROTARY, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(append.k_cache.buffer = in_buffer(Q, 0).buffer, ROTARY, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(append.v_cache.buffer = in_buffer(TABLE, 0).buffer, ROTARY, TERN_GROUP_SINGLE, 1);
    EXPECT_WITH(append.sequences = vector(Q, 0), ROTARY, TERN_GROUP_SINGLE, 1);
}

static void gates_that_stay_alone(void **state) {
    (void)state;
    EXPECT_WITH(gated.up = in_buffer(ELSEWHERE, 0), GATED, TERN_GROUP_PROJECTIONS, 2);
    EXPECT_WITH(gated.gate = in_buffer(UP, 0), GATED, TERN_GROUP_PROJECTIONS, 2);
    EXPECT_WITH(gated.limit = 7.0f, GATED, TERN_GROUP_PROJECTIONS, 2);
    EXPECT_WITH(gated.head.live = 0, GATED, TERN_GROUP_PROJECTIONS, 2);
    EXPECT_WITH(gated.out = in_buffer(GATE, 4), GATED, TERN_GROUP_PROJECTIONS, 2);
    EXPECT_WITH(gated.out = in_buffer(X, 0), GATED, TERN_GROUP_PROJECTIONS, 2);
    EXPECT_WITH(gated.out = in_buffer(UP, 0), GATED, TERN_GROUP_GATED, 3);
    EXPECT_WITH(gated.out = in_buffer(ELSEWHERE, 0), GATED, TERN_GROUP_GATED, 3);
    EXPECT_WITH(up.residual = in_buffer(ELSEWHERE, 0), GATED, TERN_GROUP_PROJECTIONS, 2);
    EXPECT_WITH(up.norm_eps = 1e-6f, GATED, TERN_GROUP_SINGLE, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layer_is_three_groups),         cmocka_unit_test(a_list_that_ends),
        cmocka_unit_test(projections_of_different_inputs), cmocka_unit_test(projections_that_meet),
        cmocka_unit_test(rotations_that_differ),           cmocka_unit_test(rotations_that_meet),
        cmocka_unit_test(gates_that_stay_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
