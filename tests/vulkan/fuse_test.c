// A layer in as few dispatches as fusing makes of it, with every bit that the reference leaves in
// every tensor, intermediate ones included; by the kernels for GPUs and for processors.
// Usage: test_vulkan_fuse [TEST]; every_kernel only if it is named
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <tern/tern.h>

#include "backends/vulkan/device.h"
#include "runtime/device.h"
#include "tests/harness/device.h"
#include "tests/harness/rng.h"

// Of a network, as its decode step sees it.
typedef struct shape {
    uint32_t width, heads, kv_heads, head_dim, ffn_width;
    bool sub_norms;
    tern_scale_kind scales;
    uint32_t pairs;
    tern_activation gate;
    tern_dtype cache;
    bool biases;
} shape;

// tools/models/tern-stories.gguf, and BitNet b1.58 2B-4T with fewer columns.
static const shape stories = {256,
                              4,
                              2,
                              64,
                              768,
                              true,
                              TERN_SCALE_TENSOR,
                              TERN_ROTARY_HALF_SPLIT,
                              TERN_ACTIVATION_RELU2,
                              TERN_DTYPE_F16,
                              false};
static const shape bitnet_2b4t = {640,
                                  10,
                                  5,
                                  64,
                                  1728,
                                  true,
                                  TERN_SCALE_TENSOR,
                                  TERN_ROTARY_HALF_SPLIT,
                                  TERN_ACTIVATION_RELU2,
                                  TERN_DTYPE_F16,
                                  false};
// Everything the other way: scales by rows, biases, interleaved pairs, float32 cache, odd widths.
static const shape odd = {100,
                          5,
                          5,
                          20,
                          173,
                          false,
                          TERN_SCALE_ROW,
                          TERN_ROTARY_INTERLEAVED,
                          TERN_ACTIVATION_SILU,
                          TERN_DTYPE_F32,
                          true};

enum { TENSORS = 9, POSITION = 62, POSITIONS = 80, BLOCKS = 2, ROWS_MAX = 17 };

// A layer on a device, and the tensors to compare.
typedef struct layer {
    bench b;
    rng r;
    const shape *s;
    uint32_t rows;
    tern_commands *commands;
    tern_tensor x, q, k, v, attended, gate, up, k_cache, v_cache;
} layer;

static tern_tensor random_matrix(layer *l, uint32_t rows, uint32_t cols) {
    float *values = bench_floats(&l->b, (size_t)rows * cols);
    for (uint32_t i = 0; i < rows * cols; i++) {
        values[i] = rng_float(&l->r, -1.0f, 1.0f);
    }
    return bench_matrix(&l->b, rows, cols, values);
}

static tern_tensor random_vector(layer *l, uint32_t count) {
    tern_tensor row = random_matrix(l, 1, count);
    return tern_tensor_make(row.buffer, 0, TERN_DTYPE_F32, 1, &count);
}

static tern_weights *random_weights(layer *l, uint32_t rows, uint32_t cols) {
    size_t row_bytes = (cols + 3) / 4;
    unsigned char *codes = bench_memory(&l->b, rows * row_bytes);
    float *scales = bench_floats(&l->b, rows);
    for (uint32_t n = 0; n < rows; n++) {
        scales[n] = rng_float(&l->r, 0.5f, 1.5f);
        for (uint32_t k = 0; k < 4 * row_bytes; k++) {
            uint32_t code = k < cols ? rng_below(&l->r, 3) : 1;
            codes[n * row_bytes + k / 4] |= (unsigned char)(code << 2 * (k % 4));
        }
    }
    tern_weights_info info = {.dtype = TERN_DTYPE_T2,
                              .rows = rows,
                              .cols = cols,
                              .scale_kind = l->s->scales,
                              .scale = l->s->scales == TERN_SCALE_TENSOR ? 0.7f : 0.0f,
                              .usage = TERN_WEIGHTS_MATMUL};
    return bench_weights(&l->b, &info, codes, l->s->scales == TERN_SCALE_ROW ? scales : NULL);
}

static void project(layer *l, const tern_tensor *x, const tern_tensor *norm, const tern_tensor *out,
                    bool residual) {
    uint32_t rows = out->shape[1];
    tern_bitlinear_desc desc = {.x = *x,
                                .norm = norm ? TERN_NORM_RMS : TERN_NORM_NONE,
                                .norm_eps = 1e-5f,
                                .weights = random_weights(l, rows, x->shape[1]),
                                .out = *out};
    if (norm) {
        desc.norm_weight = *norm;
    }
    if (l->s->biases) {
        desc.bias = random_vector(l, rows);
    }
    if (residual) {
        desc.residual = *out;
    }
    CHECK_OK(tern_cmd_bitlinear(l->commands, &desc));
}

static void make_tensors(layer *l) {
    const shape *s = l->s;
    const uint32_t cache[] = {BLOCKS, s->kv_heads, TERN_KV_BLOCK, s->head_dim};
    l->x = random_matrix(l, l->rows, s->width);
    l->q = random_matrix(l, l->rows, s->heads * s->head_dim);
    l->k = random_matrix(l, l->rows, s->kv_heads * s->head_dim);
    l->v = random_matrix(l, l->rows, s->kv_heads * s->head_dim);
    l->attended = random_matrix(l, l->rows, s->heads * s->head_dim);
    l->gate = random_matrix(l, l->rows, s->ffn_width);
    l->up = random_matrix(l, l->rows, s->ffn_width);
    l->k_cache = bench_tensor(&l->b, s->cache, 4, cache, NULL);
    l->v_cache = bench_tensor(&l->b, s->cache, 4, cache, NULL);
}

static void append_attention(layer *l) {
    const shape *s = l->s;
    const int32_t blocks[BLOCKS] = {1, 0}, sequences[ROWS_MAX] = {0};
    int32_t positions[ROWS_MAX];
    for (int32_t i = 0; i < ROWS_MAX; i++) { // from the first block on into the second
        positions[i] = POSITION + i;
    }
    tern_rotary_table_desc desc = {.struct_size = sizeof desc, .dims = s->head_dim, .base = 1e4};
    float *angles = bench_floats(&l->b, (POSITIONS)*s->head_dim);
    CHECK_OK(tern_rotary_table(&desc, 0, POSITIONS, angles));
    tern_rotary_desc rotate = {.x = l->q,
                               .table = bench_matrix(&l->b, POSITIONS, s->head_dim, angles),
                               .positions = bench_ints(&l->b, l->rows, positions),
                               .head_dim = s->head_dim,
                               .pairs = s->pairs,
                               .out = l->q};
    CHECK_OK(tern_cmd_rotary(l->commands, &rotate));
    rotate.x = rotate.out = l->k;
    CHECK_OK(tern_cmd_rotary(l->commands, &rotate));
    tern_kv_append_desc append = {
        .k = l->k,
        .v = l->v,
        .k_cache = l->k_cache,
        .v_cache = l->v_cache,
        .positions = rotate.positions,
        .sequences = bench_ints(&l->b, l->rows, sequences),
        .table = bench_tensor(&l->b, TERN_DTYPE_I32, 2, (const uint32_t[]){1, BLOCKS}, blocks)};
    CHECK_OK(tern_cmd_kv_append(l->commands, &append));
    tern_attention_desc attend = {.q = l->q,
                                  .k_cache = l->k_cache,
                                  .v_cache = l->v_cache,
                                  .positions = append.positions,
                                  .sequences = append.sequences,
                                  .table = append.table,
                                  .scale = 0.125f,
                                  .out = l->attended};
    CHECK_OK(tern_cmd_attention(l->commands, &attend));
}

static void append_layer(layer *l) {
    const shape *s = l->s;
    tern_tensor attn_norm = random_vector(l, s->width), ffn_norm = random_vector(l, s->width);
    tern_tensor attn_sub = random_vector(l, s->heads * s->head_dim);
    tern_tensor ffn_sub = random_vector(l, s->ffn_width);
    project(l, &l->x, &attn_norm, &l->q, false);
    project(l, &l->x, &attn_norm, &l->k, false);
    project(l, &l->x, &attn_norm, &l->v, false);
    append_attention(l);
    project(l, &l->attended, s->sub_norms ? &attn_sub : NULL, &l->x, true);
    project(l, &l->x, &ffn_norm, &l->gate, false);
    project(l, &l->x, &ffn_norm, &l->up, false);
    tern_gated_desc unit = {.gate = l->gate, .up = l->up, .activation = s->gate, .out = l->gate};
    CHECK_OK(tern_cmd_gated(l->commands, &unit));
    project(l, &l->gate, s->sub_norms ? &ffn_sub : NULL, &l->x, true);
}

// Kernels launched: one for each name that an op reports, but none where it runs "in" another.
static uint32_t count_dispatches(tern_program *program, uint32_t ops) {
    uint32_t dispatches = 0;
    for (uint32_t i = 0; i < ops; i++) {
        tern_op_report report = {.struct_size = sizeof report};
        CHECK_OK(tern_program_report(program, i, &report));
        dispatches += strncmp(report.kernel, "in ", 3) != 0;
        for (const char *at = report.kernel; *at; at++) {
            dispatches += *at == '+';
        }
    }
    return dispatches;
}

// Kernels that the device would not take by itself; NULL: those it takes.
static const tern_vk_variant *forced;

static void run_layer(layer *l, const char *backend, const shape *s, uint32_t rows,
                      uint32_t *out_dispatches) {
    tern_program *program = NULL;
    tern_fence fence;
    memset(l, 0, sizeof *l);
    bench_open(&l->b, backend);
    if (forced && strcmp(backend, "vulkan") == 0) {
        l->b.device->handle->variant = forced;
    }
    l->r = rng_make(11);
    l->s = s;
    l->rows = rows;
    CHECK_OK(tern_commands_create(l->b.device, NULL, &l->commands));
    make_tensors(l);
    append_layer(l);
    CHECK_OK(tern_commands_finish(l->commands, &program));
    *out_dispatches = count_dispatches(program, tern_commands_count(l->commands));
    tern_commands_destroy(l->commands);
    for (int i = 0; i < 2; i++) { // what the first run leaves in memory must not matter
        CHECK_OK(tern_program_submit(program, NULL, &fence));
        CHECK_OK(tern_fence_wait(fence, UINT64_MAX));
    }
    tern_program_destroy(program);
}

static void compare_layers(layer *got, layer *want) {
    static const size_t offsets[TENSORS] = {
        offsetof(layer, x),  offsetof(layer, q),        offsetof(layer, k),
        offsetof(layer, v),  offsetof(layer, attended), offsetof(layer, gate),
        offsetof(layer, up), offsetof(layer, k_cache),  offsetof(layer, v_cache)};
    for (size_t i = 0; i < TENSORS; i++) {
        const tern_tensor *a = (const tern_tensor *)(const void *)((char *)got + offsets[i]);
        const tern_tensor *b = (const tern_tensor *)(const void *)((char *)want + offsets[i]);
        uint64_t bytes = tern_tensor_packed_bytes(a->dtype, a->rank, a->shape);
        if (memcmp(bench_read(&got->b, a), bench_read(&want->b, b), (size_t)bytes) != 0) {
            fail_msg("tensor %zu differs from the reference's", i);
        }
    }
}

// The kernels of a GPU share out the cache's blocks among workgroups, and then join them.
static uint32_t shares_out_blocks(void) {
    const char *kernels = getenv("TERN_VULKAN_KERNELS");
    return forced ? forced->attention_groups > 0 : kernels && strcmp(kernels, "processor") != 0;
}

static void check(const shape *s, uint32_t rows, uint32_t dispatches_wanted) {
    static layer got, want;
    uint32_t dispatches = 0, none = 0;
    run_layer(&want, "reference", s, rows, &none);
    run_layer(&got, "vulkan", s, rows, &dispatches);
    compare_layers(&got, &want);
    assert_int_equal(dispatches, dispatches_wanted + shares_out_blocks());
    bench_close(&got.b);
    bench_close(&want.b);
}

static void the_default_model(void **state) {
    (void)state;
    check(&stories, 1, 6);
}

static void bitnet_b158_2b_4t(void **state) {
    (void)state;
    check(&bitnet_2b4t, 1, 6);
}

static void an_odd_network(void **state) {
    (void)state;
    check(&odd, 1, 6);
}

// The norm and quantisation of each input once, then its products; rotations with their append.
static void several_rows(void **state) {
    (void)state;
    check(&stories, ROWS_MAX, 18);
    check(&odd, 3, 16);
}

// Whatever measuring may choose.
static void every_kernel(void **state) {
    (void)state;
    for (uint32_t i = 0; i < TERN_VK_ROW_KERNELS || i < TERN_VK_GEMM_KERNELS; i++) {
        const tern_vk_variant variant = {.row = tern_vk_row_kernels[i % TERN_VK_ROW_KERNELS],
                                         .gemm = tern_vk_gemm_kernels[i % TERN_VK_GEMM_KERNELS],
                                         .attention_groups = i % 2 ? 512 : 0};
        forced = &variant;
        check(&odd, 1, 6);
        check(&odd, ROWS_MAX, 16);
    }
    forced = NULL;
}

// One row of more columns than any workgroup holds: chunk by chunk.
static void project_long_row(const char *backend, float *out, char kernel[64]) {
    enum { COLS = 70001, OUTPUTS = 70 };
    static const shape s = {.scales = TERN_SCALE_ROW};
    layer l = {.r = rng_make(5), .s = &s, .rows = 1};
    tern_program *program = NULL;
    tern_fence fence;
    tern_op_report report = {.struct_size = sizeof report};
    bench_open(&l.b, backend);
    CHECK_OK(tern_commands_create(l.b.device, NULL, &l.commands));
    tern_tensor x = random_matrix(&l, 1, COLS), y = random_matrix(&l, 1, OUTPUTS);
    project(&l, &x, NULL, &y, true);
    CHECK_OK(tern_commands_finish(l.commands, &program));
    CHECK_OK(tern_program_report(program, 0, &report));
    CHECK_OK(tern_program_submit(program, NULL, &fence));
    CHECK_OK(tern_fence_wait(fence, UINT64_MAX));
    memcpy(out, bench_read(&l.b, &y), OUTPUTS * sizeof *out);
    memcpy(kernel, report.kernel, 64);
    tern_program_destroy(program);
    tern_commands_destroy(l.commands);
    bench_close(&l.b);
}

static void a_row_too_long_to_hold(void **state) {
    (void)state;
    float want[70], got[70];
    char kernel[64];
    project_long_row("reference", want, kernel);
    project_long_row("vulkan", got, kernel);
    assert_memory_equal(got, want, sizeof got);
    assert_non_null(strstr(kernel, "quantize_act+ternary_gemm"));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_model),      cmocka_unit_test(bitnet_b158_2b_4t),
        cmocka_unit_test(an_odd_network),         cmocka_unit_test(several_rows),
        cmocka_unit_test(a_row_too_long_to_hold), cmocka_unit_test(every_kernel),
    };
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    } else {
        cmocka_set_skip_filter("every_kernel");
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
