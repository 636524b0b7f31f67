// How many launches a layer becomes, counted by a fake driver: at most 8 where one row is decoded,
// and one flush a token.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/opencl/profile.h"
#include "backends/opencl/weights.h"
#include "tests/opencl/fake.h"

enum { WIDTH = 128, HEAD = 64, OPS = 11, MATRICES = 7, BUFFERS = 13 };

enum { X, Q, K, V, ATTENDED, GATE, UP, TABLE, POSITIONS, SEQUENCES, BLOCKS, KEYS, VALUES };

enum { TO_Q, TO_K, TO_V, TO_OUT, TO_GATE, TO_UP, TO_DOWN };

typedef union any_op {
    tern_op_header head;
    tern_bitlinear_desc bitlinear;
    tern_rotary_desc rotary;
    tern_kv_append_desc append;
    tern_attention_desc attention;
    tern_gated_desc gated;
} any_op;

typedef struct scene {
    tern_backend_device *device;
    tern_backend_weights *weights[MATRICES];
    tern_backend_buffer *buffers[BUFFERS];
    any_op ops[OPS];
    uint32_t rows;
} scene;

static tern_status read_rows(void *user, uint32_t first, uint32_t count, void *codes,
                             float *scales) {
    (void)user, (void)first, (void)scales;
    memset(codes, 0x55, (size_t)count * WIDTH / 4);
    return TERN_STATUS_OK;
}

static bool fake_timed; // from the next scene on

static void open_scene(scene *s, uint32_t rows, bool processor) {
    const tern_backend_weights_desc desc = {.struct_size = sizeof desc,
                                            .info = {.struct_size = sizeof desc.info,
                                                     .dtype = TERN_DTYPE_T2,
                                                     .rows = WIDTH,
                                                     .cols = WIDTH,
                                                     .scale = 1.0f,
                                                     .usage = TERN_WEIGHTS_MATMUL},
                                            .read = read_rows};
    fake_reset(0, CL_SUCCESS);
    fake.timed = fake_timed;
    memset(s, 0, sizeof *s);
    s->rows = rows;
    tern_backend_instance *instance = fake_instance();
    instance->devices[0].processor = processor;
    instance->devices[0].vector_width = processor ? 16 : 1;
    assert_int_equal(tern_cl_device_open(instance, 0, NULL, &s->device), TERN_STATUS_OK);
    for (int i = 0; i < MATRICES; i++) {
        assert_int_equal(tern_cl_weights_create(s->device, &desc, &s->weights[i]), TERN_STATUS_OK);
    }
    for (int i = 0; i < BUFFERS; i++) {
        assert_int_equal(tern_cl_buffer_create(s->device, 1 << 16, &s->buffers[i]), TERN_STATUS_OK);
    }
}

static void close_scene(scene *s) {
    for (int i = 0; i < BUFFERS; i++) {
        tern_cl_buffer_destroy(s->device, s->buffers[i]);
    }
    for (int i = 0; i < MATRICES; i++) {
        tern_cl_weights_destroy(s->device, s->weights[i]);
    }
    tern_cl_device_close(s->device);
    assert_int_equal(fake.alive, 0);
}

static tern_tensor tensor(const scene *s, int buffer, tern_dtype dtype, uint32_t rank,
                          const uint32_t *shape) {
    tern_tensor t = {
        .buffer = (tern_buffer *)(void *)s->buffers[buffer], .dtype = dtype, .rank = rank};
    uint32_t stride = 1;
    for (uint32_t i = rank; i-- > 0;) {
        t.shape[i] = shape[i];
        t.strides[i] = stride;
        stride *= shape[i];
    }
    return t;
}

static tern_tensor matrix(const scene *s, int buffer) {
    return tensor(s, buffer, TERN_DTYPE_F32, 2, (const uint32_t[]){s->rows, WIDTH});
}

static tern_tensor vector(const scene *s, int buffer) {
    return tensor(s, buffer, TERN_DTYPE_I32, 1, &s->rows);
}

static any_op project(const scene *s, int to, int from, int out, bool residual) {
    any_op op = {.bitlinear = {.head = {.kind = TERN_OP_BITLINEAR},
                               .x = matrix(s, from),
                               .norm = TERN_NORM_RMS,
                               .norm_eps = 1e-5f,
                               .weights = (tern_weights *)(void *)s->weights[to],
                               .out = matrix(s, out)}};
    if (residual) {
        op.bitlinear.residual = op.bitlinear.out;
    }
    return op;
}

static any_op rotate(const scene *s, int x) {
    return (any_op){
        .rotary = {.head = {.kind = TERN_OP_ROTARY},
                   .x = matrix(s, x),
                   .table = tensor(s, TABLE, TERN_DTYPE_F32, 2, (const uint32_t[]){64, HEAD}),
                   .positions = vector(s, POSITIONS),
                   .head_dim = HEAD,
                   .out = matrix(s, x)}};
}

static void make_attention(scene *s, any_op *append, any_op *attend) {
    const uint32_t cache[] = {2, WIDTH / HEAD, 64, HEAD};
    tern_tensor keys = tensor(s, KEYS, TERN_DTYPE_F16, 4, cache);
    tern_tensor values = tensor(s, VALUES, TERN_DTYPE_F16, 4, cache);
    tern_tensor table = tensor(s, BLOCKS, TERN_DTYPE_I32, 2, (const uint32_t[]){1, 2});
    *append = (any_op){.append = {.head = {.kind = TERN_OP_KV_APPEND},
                                  .k = matrix(s, K),
                                  .v = matrix(s, V),
                                  .k_cache = keys,
                                  .v_cache = values,
                                  .positions = vector(s, POSITIONS),
                                  .sequences = vector(s, SEQUENCES),
                                  .table = table}};
    *attend = (any_op){.attention = {.head = {.kind = TERN_OP_ATTENTION},
                                     .q = matrix(s, Q),
                                     .k_cache = keys,
                                     .v_cache = values,
                                     .positions = vector(s, POSITIONS),
                                     .sequences = vector(s, SEQUENCES),
                                     .table = table,
                                     .scale = 0.125f,
                                     .out = matrix(s, ATTENDED)}};
}

static void make_layer(scene *s) {
    s->ops[0] = project(s, TO_Q, X, Q, false);
    s->ops[1] = project(s, TO_K, X, K, false);
    s->ops[2] = project(s, TO_V, X, V, false);
    s->ops[3] = rotate(s, Q);
    s->ops[4] = rotate(s, K);
    make_attention(s, &s->ops[5], &s->ops[6]);
    s->ops[7] = project(s, TO_OUT, ATTENDED, X, true);
    s->ops[8] = project(s, TO_GATE, X, GATE, false);
    s->ops[9] = project(s, TO_UP, X, UP, false);
    s->ops[10] = (any_op){.gated = {.head = {.kind = TERN_OP_GATED},
                                    .gate = matrix(s, GATE),
                                    .up = matrix(s, UP),
                                    .activation = TERN_ACTIVATION_RELU2,
                                    .out = matrix(s, GATE)}};
}

static tern_backend_program *compile(scene *s) {
    const tern_op_header *list[OPS + 1];
    for (int i = 0; i < OPS; i++) {
        list[i] = &s->ops[i].head;
    }
    any_op down = project(s, TO_DOWN, GATE, X, true);
    list[OPS] = &down.head;
    const tern_backend_program_desc desc = {
        .struct_size = sizeof desc, .count = OPS + 1, .ops = list};
    tern_backend_program *program = NULL;
    assert_int_equal(tern_cl_compile(s->device, &desc, &program), TERN_STATUS_OK);
    return program;
}

// Launches of one submit.
static int count_launches(scene *s, tern_backend_program *program) {
    int launches = fake.launch_count;
    int flushes = fake.flushes;
    uint64_t ticket = 0;
    assert_int_equal(tern_cl_submit(s->device, program, NULL, &ticket), TERN_STATUS_OK);
    assert_int_equal(fake.flushes, flushes + 1);
    return fake.launch_count - launches;
}

static void check_layer(uint32_t rows, bool processor, int want) {
    scene s;
    open_scene(&s, rows, processor);
    make_layer(&s);
    tern_backend_program *program = compile(&s);
    assert_int_equal(count_launches(&s, program), want);
    tern_cl_program_destroy(s.device, program);
    close_scene(&s);
}

// Projections of one input, rotary_append, attention's two, output, gated pair, down.
static void decoding(void **state) {
    (void)state;
    check_layer(1, false, 7);
    check_layer(1, true, 7);
}

// Of several rows each input is quantised by a launch of its own.
static void prefill(void **state) {
    (void)state;
    check_layer(8, false, 11);
    check_layer(8, true, 11);
}

// Every op of a group is said to be what the group became.
static void ops_of_a_group_have_its_kernel(void **state) {
    (void)state;
    scene s;
    char name[64];
    open_scene(&s, 1, false);
    make_layer(&s);
    tern_backend_program *program = compile(&s);
    const char *const want[OPS + 1] = {"ternary_packed_32x8",
                                       "ternary_packed_32x8",
                                       "ternary_packed_32x8",
                                       "rotary_append",
                                       "rotary_append",
                                       "rotary_append",
                                       "attention_blocks+attention_join",
                                       "ternary_packed_32x8",
                                       "ternary_packed_32x8",
                                       "ternary_packed_32x8",
                                       "ternary_packed_32x8",
                                       "ternary_packed_32x8"};
    for (uint32_t i = 0; i <= OPS; i++) {
        tern_cl_program_kernel(s.device, program, i, name, sizeof name);
        assert_string_equal(name, want[i]);
    }
    tern_cl_program_destroy(s.device, program);
    close_scene(&s);
}

// Launches are timed by the device where it has a clock, and count for the first op of a group.
static void check_times(bool clockless, tern_clock want) {
    scene s;
    uint64_t ns[OPS + 1];
    tern_clock clock = TERN_CLOCK_NONE;
    fake_timed = true;
    open_scene(&s, 1, false);
    fake_timed = false;
    fake.clockless = clockless;
    make_layer(&s);
    tern_backend_program *program = compile(&s);
    assert_int_equal(count_launches(&s, program), 7);
    assert_int_equal(count_launches(&s, program), 7);
    assert_int_equal(tern_cl_program_times(s.device, program, ns, &clock), TERN_STATUS_OK);
    assert_int_equal(clock, want);
    const int launches[OPS + 1] = {1, 0, 0, 1, 0, 0, 2, 1, 1, 0, 0, 1};
    for (int i = 0; i <= OPS; i++) {
        if (want == TERN_CLOCK_DEVICE) {
            assert_int_equal(ns[i], 2 * launches[i] * FAKE_LAUNCH_NS);
        } else {
            assert_true((ns[i] > 0) == (launches[i] > 0));
        }
    }
    tern_cl_program_destroy(s.device, program);
    close_scene(&s);
}

static void times_of_a_device(void **state) {
    (void)state;
    check_times(false, TERN_CLOCK_DEVICE);
}

static void times_of_the_host(void **state) {
    (void)state;
    check_times(true, TERN_CLOCK_HOST);
}

static void nobody_asks_for_times(void **state) {
    (void)state;
    scene s;
    uint64_t ns[OPS + 1];
    tern_clock clock = TERN_CLOCK_DEVICE;
    open_scene(&s, 1, false);
    make_layer(&s);
    tern_backend_program *program = compile(&s);
    assert_int_equal(tern_cl_program_times(s.device, program, ns, &clock), TERN_STATUS_OK);
    assert_int_equal(clock, TERN_CLOCK_NONE);
    tern_cl_program_destroy(s.device, program);
    close_scene(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding),
        cmocka_unit_test(prefill),
        cmocka_unit_test(ops_of_a_group_have_its_kernel),
        cmocka_unit_test(times_of_a_device),
        cmocka_unit_test(times_of_the_host),
        cmocka_unit_test(nobody_asks_for_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
