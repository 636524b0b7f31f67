// A layer's ops in one list, which become few launches, give every bit that the reference gives,
// in what they pass on to one another too; on every variant of the kernels that the driver can run.
// Usage: test_opencl_fused BACKEND [processor|gpu|measured], with the kernels of either or of both,
// or those that are found fastest
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <tern/tern.h>

#include "backends/opencl/device.h"
#include "runtime/device.h"
#include "tests/harness/device.h"
#include "tests/harness/rng.h"

enum {
    WIDTH = 200,
    HEADS = 5,
    KV_HEADS = 1,
    HEAD = 40,
    TURNED = 24, // of a head
    FFN = 333,
    MOST_ROWS = 11,
    BLOCKS = 2
};
enum { MATRICES = 6, RESULTS = 8, MOST_RESULT = MOST_ROWS * FFN };

static const char *backend_name;

// How the device is made to look.
typedef struct guise {
    uint32_t vector_width;
    uint32_t vector_bytes;
    bool processor;
    bool measured;
} guise;

typedef struct results {
    float of[RESULTS][MOST_RESULT];
    float keys[BLOCKS * KV_HEADS * 64 * HEAD];
    float values[BLOCKS * KV_HEADS * 64 * HEAD];
} results;

// What differs from run to run.
typedef struct plan {
    uint32_t rows;
    tern_scale_kind scales;
    tern_dtype cache;
    uint32_t pairs;
} plan;

typedef struct network {
    tern_weights *weights[MATRICES]; // q, k, v, gate, up, down
    tern_tensor x, q, k, v, gate, up, out, norm, bias, table, positions, sequences, blocks;
    tern_tensor keys, values, attended;
} network;

static tern_weights *random_weights(bench *b, rng *r, uint32_t rows, uint32_t cols,
                                    tern_scale_kind kind) {
    size_t bytes = (size_t)tern_dtype_row_bytes(TERN_DTYPE_T2, cols) * rows;
    unsigned char *codes = bench_memory(b, bytes);
    for (size_t i = 0; i < bytes; i++) {
        uint32_t u = rng_u32(r);
        codes[i] = (unsigned char)(u % 3 | u / 3 % 3 << 2 | u / 9 % 3 << 4 | u / 27 % 3 << 6);
    }
    float *scales = bench_floats(b, (size_t)rows * 8);
    for (uint32_t i = 0; i < rows * 8; i++) {
        scales[i] = rng_wide(r, -4, 1);
    }
    const tern_weights_info info = {.dtype = TERN_DTYPE_T2,
                                    .rows = rows,
                                    .cols = cols,
                                    .scale_kind = kind,
                                    .scale = kind == TERN_SCALE_TENSOR ? 0.37f : 0.0f,
                                    .group_size = kind == TERN_SCALE_GROUP ? 64 : 0,
                                    .usage = TERN_WEIGHTS_MATMUL};
    return bench_weights(b, &info, codes, kind == TERN_SCALE_TENSOR ? NULL : scales);
}

static tern_tensor random_matrix(bench *b, rng *r, uint32_t rows, uint32_t cols) {
    float *x = bench_floats(b, (size_t)rows * cols);
    for (size_t i = 0; i < (size_t)rows * cols; i++) {
        x[i] = rng_wide(r, -6, 2);
    }
    return bench_matrix(b, rows, cols, x);
}

static tern_tensor as_vector(tern_tensor tensor) {
    tensor.rank = 1;
    tensor.shape[0] = tensor.shape[1];
    tensor.strides[0] = 1;
    return tensor;
}

static void make_weights(bench *b, rng *r, const plan *p, network *n) {
    const uint32_t shapes[MATRICES][2] = {{HEADS * HEAD, WIDTH},
                                          {KV_HEADS * HEAD, WIDTH},
                                          {KV_HEADS * HEAD, WIDTH},
                                          {FFN, WIDTH},
                                          {FFN, WIDTH},
                                          {WIDTH, FFN}};
    for (int i = 0; i < MATRICES; i++) {
        n->weights[i] = random_weights(b, r, shapes[i][0], shapes[i][1], p->scales);
    }
}

static void make_tensors(bench *b, rng *r, const plan *p, network *n) {
    int32_t positions[MOST_ROWS];
    const int32_t zeros[MOST_ROWS] = {0};
    const int32_t order[BLOCKS] = {1, 0};
    const uint32_t cache[] = {BLOCKS, KV_HEADS, 64, HEAD};
    for (uint32_t i = 0; i < p->rows; i++) {
        positions[i] = (int32_t)(60 + i);
    }
    n->x = random_matrix(b, r, p->rows, WIDTH);
    n->norm = as_vector(random_matrix(b, r, 1, WIDTH));
    n->bias = as_vector(random_matrix(b, r, 1, FFN));
    n->table = random_matrix(b, r, 128, TURNED);
    n->q = bench_matrix(b, p->rows, HEADS * HEAD, NULL);
    n->k = bench_matrix(b, p->rows, KV_HEADS * HEAD, NULL);
    n->v = bench_matrix(b, p->rows, KV_HEADS * HEAD, NULL);
    n->gate = bench_matrix(b, p->rows, FFN, NULL);
    n->up = bench_matrix(b, p->rows, FFN, NULL);
    n->out = bench_matrix(b, p->rows, FFN, NULL);
    n->attended = bench_matrix(b, p->rows, HEADS * HEAD, NULL);
    n->positions = bench_ints(b, p->rows, positions);
    n->sequences = bench_ints(b, p->rows, zeros);
    n->blocks = bench_tensor(b, TERN_DTYPE_I32, 2, (const uint32_t[]){1, BLOCKS}, order);
    n->keys = bench_tensor(b, p->cache, 4, cache, NULL);
    n->values = bench_tensor(b, p->cache, 4, cache, NULL);
}

static tern_bitlinear_desc project(const network *n, int matrix, tern_tensor out) {
    return (tern_bitlinear_desc){.x = n->x,
                                 .norm = TERN_NORM_RMS,
                                 .norm_eps = 1e-5f,
                                 .norm_weight = n->norm,
                                 .weights = n->weights[matrix],
                                 .out = out};
}

static void append_bitlinear(tern_commands *commands, tern_bitlinear_desc desc) {
    CHECK_OK(tern_cmd_bitlinear(commands, &desc));
}

static void append_rotary(tern_commands *commands, const network *n, uint32_t pairs,
                          tern_tensor x) {
    tern_rotary_desc desc = {.x = x,
                             .table = n->table,
                             .positions = n->positions,
                             .head_dim = HEAD,
                             .pairs = pairs,
                             .out = x};
    CHECK_OK(tern_cmd_rotary(commands, &desc));
}

static void append_attention(tern_commands *commands, const network *n) {
    tern_kv_append_desc store = {.k = n->k,
                                 .v = n->v,
                                 .k_cache = n->keys,
                                 .v_cache = n->values,
                                 .positions = n->positions,
                                 .sequences = n->sequences,
                                 .table = n->blocks};
    tern_attention_desc attend = {.q = n->q,
                                  .k_cache = n->keys,
                                  .v_cache = n->values,
                                  .positions = n->positions,
                                  .sequences = n->sequences,
                                  .table = n->blocks,
                                  .scale = 0.158f,
                                  .out = n->attended};
    CHECK_OK(tern_cmd_kv_append(commands, &store));
    CHECK_OK(tern_cmd_attention(commands, &attend));
}

static void append_layer(tern_commands *commands, const plan *p, const network *n) {
    append_bitlinear(commands, project(n, 0, n->q));
    append_bitlinear(commands, project(n, 1, n->k));
    append_bitlinear(commands, project(n, 2, n->v));
    append_rotary(commands, n, p->pairs, n->q);
    append_rotary(commands, n, p->pairs, n->k);
    append_attention(commands, n);
    tern_bitlinear_desc gate = project(n, 3, n->gate);
    gate.bias = n->bias;
    append_bitlinear(commands, gate);
    append_bitlinear(commands, project(n, 4, n->up));
    tern_gated_desc gated = {
        .gate = n->gate, .up = n->up, .activation = TERN_ACTIVATION_SILU, .out = n->out};
    CHECK_OK(tern_cmd_gated(commands, &gated));
    append_bitlinear(commands,
                     (tern_bitlinear_desc){
                         .x = n->out, .weights = n->weights[5], .residual = n->x, .out = n->x});
}

static void run(const char *backend, const guise *as, const plan *p, results *out) {
    rng r = rng_make(p->rows + 100 * p->scales);
    bench b;
    network n;
    bench_open(&b, backend);
    if (as) {
        tern_cl_candidate *candidate = (tern_cl_candidate *)(uintptr_t)b.device->handle->candidate;
        candidate->vector_width = as->vector_width;
        candidate->vector_bytes = as->vector_bytes;
        candidate->processor = as->processor;
        b.device->handle->variant = tern_cl_variant_pick(b.device->handle->host, candidate);
        b.device->handle->variant.measured = as->measured;
    }
    make_weights(&b, &r, p, &n);
    make_tensors(&b, &r, p, &n);
    tern_commands *commands = NULL;
    CHECK_OK(tern_commands_create(b.device, NULL, &commands));
    append_layer(commands, p, &n);
    bench_finish(commands);
    const tern_tensor *all[RESULTS] = {&n.x, &n.q, &n.k, &n.v, &n.gate, &n.up, &n.out, &n.attended};
    memset(out, 0, sizeof *out);
    for (int i = 0; i < RESULTS; i++) {
        memcpy(out->of[i], bench_read(&b, all[i]), (size_t)p->rows * all[i]->shape[1] * 4);
    }
    size_t bytes = sizeof out->keys / (p->cache == TERN_DTYPE_F16 ? 2 : 1);
    memcpy(out->keys, bench_read(&b, &n.keys), bytes);
    memcpy(out->values, bench_read(&b, &n.values), bytes);
    bench_close(&b);
}

static void compare(const guise *as) {
    static const plan plans[] = {
        {1, TERN_SCALE_TENSOR, TERN_DTYPE_F16, TERN_ROTARY_HALF_SPLIT},
        {1, TERN_SCALE_GROUP, TERN_DTYPE_F32, TERN_ROTARY_INTERLEAVED},
        {2, TERN_SCALE_ROW, TERN_DTYPE_F16, TERN_ROTARY_INTERLEAVED},
        {MOST_ROWS, TERN_SCALE_TENSOR, TERN_DTYPE_F32, TERN_ROTARY_HALF_SPLIT},
        {MOST_ROWS, TERN_SCALE_GROUP, TERN_DTYPE_F16, TERN_ROTARY_HALF_SPLIT},
    };
    static results want;
    static results got;
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        run("reference", NULL, &plans[i], &want);
        run(backend_name, as, &plans[i], &got);
        for (int j = 0; j < RESULTS; j++) {
            assert_memory_equal(got.of[j], want.of[j], sizeof want.of[j]);
        }
        assert_memory_equal(got.keys, want.keys, sizeof want.keys);
        assert_memory_equal(got.values, want.values, sizeof want.values);
    }
}

static void vectors_of_64_bytes(void **state) {
    (void)state;
    compare(&(guise){16, 64, true, false});
}

static void vectors_of_32_bytes(void **state) {
    (void)state;
    compare(&(guise){8, 32, true, false});
}

// Nothing but what OpenCL C says.
static void vectors_of_any_processor(void **state) {
    (void)state;
    compare(&(guise){4, 0, true, false});
}

static void lanes_of_a_processor(void **state) {
    (void)state;
    compare(&(guise){1, 64, true, false});
}

static void lanes_of_a_gpu(void **state) {
    (void)state;
    compare(&(guise){1, 64, false, false});
}

static void the_fastest(void **state) {
    (void)state;
    compare(&(guise){16, 64, true, true});
}

int main(int argc, char **argv) {
    backend_name = argc > 1 ? argv[1] : "opencl";
    const char *kind = argc > 2 ? argv[2] : "";
    const struct CMUnitTest processor[] = {
        cmocka_unit_test(vectors_of_64_bytes),
        cmocka_unit_test(vectors_of_32_bytes),
        cmocka_unit_test(vectors_of_any_processor),
        cmocka_unit_test(lanes_of_a_processor),
    };
    const struct CMUnitTest gpu[] = {cmocka_unit_test(lanes_of_a_gpu)};
    const struct CMUnitTest measured[] = {cmocka_unit_test(the_fastest)};
    int failed = 0;
    if (strcmp(kind, "measured") == 0) {
        return cmocka_run_group_tests(measured, NULL, NULL);
    }
    if (strcmp(kind, "gpu") != 0) {
        failed += cmocka_run_group_tests(processor, NULL, NULL);
    }
    if (strcmp(kind, "processor") != 0) {
        failed += cmocka_run_group_tests(gpu, NULL, NULL);
    }
    return failed;
}
