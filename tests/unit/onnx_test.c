// Ops of the reference backend against the ONNX backend node tests, where an ONNX operator is the
// same operation.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/harness/device.h"
#include "tests/harness/onnx.h"

static bench b;

// What a test consists of. Too large for a stack.
static struct {
    onnx_node node;
    onnx_tensor input[4];
    int inputs;
    onnx_tensor output;
} t;

static void load(const char *name, const char *type) {
    bench_clear(&b);
    if (!onnx_model(name, &t.node)) {
        fail_msg("%s: no model.onnx that can be read", name);
    }
    assert_string_equal(t.node.type, type);
    t.inputs = 0;
    for (char file[] = "input_0.pb"; t.inputs < 4; file[6]++) {
        if (!onnx_tensor_read(name, file, &t.input[t.inputs])) {
            break;
        }
        t.inputs++;
    }
    if (!t.inputs || !onnx_tensor_read(name, "output_0.pb", &t.output)) {
        fail_msg("%s: no tensors that can be read", name);
    }
}

static float value(const onnx_tensor *tensor, size_t i) {
    float x;
    memcpy(&x, tensor->raw + 4 * i, sizeof x);
    return x;
}

static int64_t integer(const onnx_tensor *tensor, size_t i) {
    int64_t x;
    memcpy(&x, tensor->raw + 8 * i, sizeof x);
    return x;
}

// The tensor as a matrix whose rows are the elements from dimension |axis| on.
static tern_tensor matrix(const onnx_tensor *tensor, int axis) {
    uint32_t cols = 1;
    for (int i = axis; i < tensor->rank; i++) {
        cols *= (uint32_t)tensor->dims[i];
    }
    uint32_t rows = (uint32_t)tensor->count / cols;
    assert_int_equal(tensor->type, ONNX_FLOAT);
    float *x = bench_floats(&b, tensor->count);
    memcpy(x, tensor->raw, tensor->count * sizeof *x);
    return bench_matrix(&b, rows, cols, x);
}

static tern_tensor like(const tern_tensor *x) {
    return bench_matrix(&b, x->shape[0], x->shape[1], NULL);
}

// |least|: the size of terms that may cancel out.
static void check_sums(const char *name, const tern_tensor *out, double ulps, double least) {
    const float *got = bench_read(&b, out);
    assert_int_equal(t.output.count, (size_t)out->shape[0] * out->shape[1]);
    for (size_t i = 0; i < t.output.count; i++) {
        double want = value(&t.output, i);
        check_near(name, i, got[i], want, ulps * 0x1p-23 * (fabs(want) + least));
    }
}

static void check(const char *name, const tern_tensor *out, double ulps) {
    check_sums(name, out, ulps, 0.01);
}

static int axis_of(int64_t otherwise) {
    int64_t axis = onnx_integer(&t.node, "axis", otherwise);
    return (int)(axis < 0 ? axis + t.input[0].rank : axis);
}

static const char *const norms[] = {"2d_axis0",
                                    "2d_axis1",
                                    "2d_axis_negative_1",
                                    "2d_axis_negative_2",
                                    "3d_axis0_epsilon",
                                    "3d_axis1_epsilon",
                                    "3d_axis2_epsilon",
                                    "3d_axis_negative_1_epsilon",
                                    "3d_axis_negative_2_epsilon",
                                    "3d_axis_negative_3_epsilon",
                                    "4d_axis0",
                                    "4d_axis1",
                                    "4d_axis2",
                                    "4d_axis3",
                                    "4d_axis_negative_1",
                                    "4d_axis_negative_2",
                                    "4d_axis_negative_3",
                                    "4d_axis_negative_4",
                                    "default_axis"};

static tern_tensor vector(const onnx_tensor *tensor, uint32_t count) {
    assert_int_equal(tensor->count, count);
    tern_tensor all = matrix(tensor, 0);
    return tern_tensor_make(all.buffer, 0, TERN_DTYPE_F32, 1, &count);
}

static void load_norm(const char *kind, size_t index, const char *type) {
    char name[64];
    snprintf(name, sizeof name, "test_%s_%s", kind, norms[index]);
    load(name, type);
}

static float epsilon(void) {
    const onnx_attribute *given = onnx_find(&t.node, "epsilon");
    return given ? given->number : 1e-5f;
}

static void rms_normalization(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof norms / sizeof norms[0]; i++) {
        load_norm("rms_normalization", i, "RMSNormalization");
        tern_tensor x = matrix(&t.input[0], axis_of(-1));
        tern_tensor out = like(&x);
        BENCH_RUN(&b, rms_norm, .x = x, .weight = vector(&t.input[1], x.shape[1]), .eps = epsilon(),
                  .out = out);
        check(norms[i], &out, 8);
    }
}

static void layer_normalization(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof norms / sizeof norms[0]; i++) {
        load_norm("layer_normalization", i, "LayerNormalization");
        assert_int_equal(t.inputs, 3);
        tern_tensor x = matrix(&t.input[0], axis_of(-1));
        tern_tensor out = like(&x);
        BENCH_RUN(&b, layer_norm, .x = x, .weight = vector(&t.input[1], x.shape[1]),
                  .bias = vector(&t.input[2], x.shape[1]), .eps = epsilon(), .out = out);
        check_sums(norms[i], &out, 4, 2.0);
    }
}

static void softmax(void **state) {
    (void)state;
    static const char *const names[] = {"test_softmax_axis_2", "test_softmax_default_axis",
                                        "test_softmax_example", "test_softmax_large_number",
                                        "test_softmax_negative_axis"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        load(names[i], "Softmax");
        assert_int_equal(axis_of(-1), t.input[0].rank - 1);
        tern_tensor x = matrix(&t.input[0], axis_of(-1));
        tern_tensor out = like(&x);
        BENCH_RUN(&b, softmax, .x = x, .out = out);
        check(names[i], &out, 8);
    }
}

static void argmax(void **state) {
    (void)state;
    static const char *const names[] = {
        "test_argmax_keepdims_example", "test_argmax_negative_axis_keepdims_example",
        "test_argmax_negative_axis_keepdims_random", "test_argmax_no_keepdims_example"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        load(names[i], "ArgMax");
        assert_int_equal(axis_of(0), t.input[0].rank - 1);
        tern_tensor x = matrix(&t.input[0], axis_of(0));
        tern_tensor out = bench_ints(&b, x.shape[0], NULL);
        BENCH_RUN(&b, argmax, .x = x, .out = out);
        const int32_t *got = bench_read(&b, &out);
        assert_int_equal(t.output.count, x.shape[0]);
        for (uint32_t row = 0; row < x.shape[0]; row++) {
            assert_int_equal(got[row], integer(&t.output, row));
        }
    }
}

static void gelu(void **state) {
    (void)state;
    static const char *const names[] = {"test_gelu_default_1", "test_gelu_default_2",
                                        "test_gelu_tanh_1", "test_gelu_tanh_2"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        load(names[i], "Gelu");
        const onnx_attribute *approximate = onnx_find(&t.node, "approximate");
        int tanh_form = approximate && !strcmp(approximate->text, "tanh");
        assert_int_equal(tanh_form, i >= 2);
        tern_tensor x = matrix(&t.input[0], 0);
        tern_tensor out = like(&x);
        BENCH_RUN(&b, activation, .x = x,
                  .activation = tanh_form ? TERN_ACTIVATION_GELU_TANH : TERN_ACTIVATION_GELU,
                  .out = out);
        check(names[i], &out, 8);
    }
}

static void swiglu(void **state) {
    (void)state;
    load("test_swiglu", "SwiGLU");
    assert_int_equal(t.inputs, 2);
    tern_tensor gate = matrix(&t.input[0], 1);
    tern_tensor out = like(&gate);
    BENCH_RUN(&b, gated, .gate = gate, .up = matrix(&t.input[1], 1),
              .activation = TERN_ACTIVATION_SILU, .out = out);
    check("test_swiglu", &out, 8);
}

// [batch, heads, positions, size] as [batch * positions, heads * size], or what is that already.
static float *by_rows(const onnx_tensor *x, uint32_t heads, uint32_t head_dim) {
    float *rows = bench_floats(&b, x->count);
    uint32_t places = (uint32_t)(x->rank == 4 ? x->dims[2] : x->dims[1]);
    for (uint32_t i = 0; i < x->count; i++) {
        uint32_t place = x->rank == 4 ? i / head_dim % places : i / (heads * head_dim) % places;
        uint32_t head = x->rank == 4 ? i / head_dim / places % heads : i / head_dim % heads;
        uint32_t batch = i / (heads * head_dim * places);
        rows[((batch * places + place) * heads + head) * head_dim + i % head_dim] = value(x, i);
    }
    return rows;
}

// Cosines and sines side by side.
static tern_tensor angles(const onnx_tensor *cosines, const onnx_tensor *sines) {
    uint32_t half = (uint32_t)cosines->dims[cosines->rank - 1];
    float *table = bench_floats(&b, 2 * cosines->count);
    for (uint32_t i = 0; i < cosines->count; i++) {
        table[i / half * 2 * half + i % half] = value(cosines, i);
        table[i / half * 2 * half + half + i % half] = value(sines, i);
    }
    return bench_matrix(&b, (uint32_t)cosines->count / half, 2 * half, table);
}

static void rotary_one(const char *name) {
    load(name, "RotaryEmbedding");
    const onnx_tensor *x = &t.input[0];
    uint32_t heads = (uint32_t)(x->rank == 4 ? x->dims[1] : onnx_integer(&t.node, "num_heads", 0));
    assert_true(x->rank >= 3 && heads > 0);
    uint32_t head_dim = (uint32_t)(x->rank == 4 ? x->dims[3] : x->dims[2] / heads);
    uint32_t rows = (uint32_t)x->count / (heads * head_dim);
    int64_t dims = onnx_integer(&t.node, "rotary_embedding_dim", 0);
    tern_tensor table = angles(&t.input[1], &t.input[2]);
    assert_int_equal(table.shape[1], dims ? (uint32_t)dims : head_dim);
    int32_t *positions = bench_memory(&b, rows * sizeof *positions);
    for (uint32_t i = 0; i < rows; i++) {
        positions[i] = t.inputs > 3 ? (int32_t)integer(&t.input[3], i) : (int32_t)i;
    }
    tern_tensor out = bench_matrix(&b, rows, heads * head_dim, NULL);
    BENCH_RUN(&b, rotary,
              .x = bench_matrix(&b, rows, heads * head_dim, by_rows(x, heads, head_dim)),
              .table = table, .positions = bench_ints(&b, rows, positions), .head_dim = head_dim,
              .pairs = onnx_integer(&t.node, "interleaved", 0) ? TERN_ROTARY_INTERLEAVED
                                                               : TERN_ROTARY_HALF_SPLIT,
              .out = out);
    const float *got = bench_read(&b, &out);
    const float *want = by_rows(&t.output, heads, head_dim);
    for (size_t i = 0; i < x->count; i++) {
        check_near(name, i, got[i], want[i], 0x1p-22);
    }
}

static void rotary_embedding(void **state) {
    (void)state;
    rotary_one("test_rotary_embedding");
    rotary_one("test_rotary_embedding_3d_input");
    rotary_one("test_rotary_embedding_interleaved");
    rotary_one("test_rotary_embedding_no_position_ids");
    rotary_one("test_rotary_embedding_no_position_ids_interleaved");
    rotary_one("test_rotary_embedding_no_position_ids_rotary_dim");
    rotary_one("test_rotary_embedding_with_interleaved_rotary_dim");
    rotary_one("test_rotary_embedding_with_rotary_dim");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rms_normalization),
        cmocka_unit_test(layer_normalization),
        cmocka_unit_test(softmax),
        cmocka_unit_test(argmax),
        cmocka_unit_test(gelu),
        cmocka_unit_test(swiglu),
        cmocka_unit_test(rotary_embedding),
    };
    char path[1024];
    if (!data_path("data/onnx-node/LICENSE", path, sizeof path)) {
        printf("skipped: no ONNX node tests at %s\n", path);
        return 77;
    }
    bench_open(&b, "reference");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bench_close(&b);
    return failed;
}
