// Matrices larger than one memory object: products, rows and export with the reference's bits.
// Usage: test_opencl_parts BACKEND
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <tern/tern.h>

#include "backends/opencl/weights.h"
#include "runtime/device.h"
#include "runtime/weights.h"
#include "tests/harness/device.h"
#include "tests/harness/rng.h"

enum { ROWS = 5, OUTPUTS = 1000, COLS = 300, LIMIT = 40000, PICKED = 4, EXPERTS = 4, SLOTS = 2 };

static const char *backend_name;

typedef struct result {
    float product[ROWS * OUTPUTS];
    float of_experts[ROWS * SLOTS * OUTPUTS / EXPERTS];
    float rows[PICKED * COLS];
    unsigned char codes[OUTPUTS * COLS * 4];
    float scales[OUTPUTS * 8];
} result;

static void fill_codes(tern_dtype dtype, unsigned char *codes, rng *r) {
    size_t bytes = (size_t)tern_dtype_row_bytes(dtype, COLS) * OUTPUTS;
    for (size_t i = 0; i < bytes; i++) {
        uint32_t u = rng_u32(r);
        codes[i] = (unsigned char)u;
        if (dtype == TERN_DTYPE_T2) {
            codes[i] = (unsigned char)(u % 3 | u / 3 % 3 << 2 | u / 9 % 3 << 4 | u / 27 % 3 << 6);
        } else if (dtype == TERN_DTYPE_Q8_0 ? i % 34 == 1 : i % 2 == 1) {
            codes[i] = (unsigned char)((u & 0x83) | 0x38); // a float16 around 1
        }
    }
}

// Each expert in its turn; most lie in two parts.
static void multiply_experts(bench *b, tern_weights *weights, tern_tensor in, result *out) {
    int32_t ids[ROWS * SLOTS];
    for (int32_t i = 0; i < ROWS * SLOTS; i++) {
        ids[i] = i % EXPERTS;
    }
    tern_tensor chosen = bench_tensor(b, TERN_DTYPE_I32, 2, (const uint32_t[]){ROWS, SLOTS}, ids);
    tern_tensor y = bench_matrix(b, ROWS, SLOTS * OUTPUTS / EXPERTS, NULL);
    BENCH_RUN(b, expert_bitlinear, .x = in, .ids = chosen, .weights = weights, .experts = EXPERTS,
              .out = y);
    memcpy(out->of_experts, bench_read(b, &y), sizeof out->of_experts);
}

static void multiply(bench *b, tern_weights *weights, tern_dtype dtype, rng *r, result *out) {
    float *x = bench_floats(b, ROWS * COLS);
    for (uint32_t i = 0; i < ROWS * COLS; i++) {
        x[i] = rng_wide(r, -12, 3);
    }
    tern_tensor in = bench_matrix(b, ROWS, COLS, x);
    tern_tensor y = bench_matrix(b, ROWS, OUTPUTS, NULL);
    if (dtype == TERN_DTYPE_T2) {
        BENCH_RUN(b, bitlinear, .x = in, .norm = TERN_NORM_RMS, .norm_eps = 1e-5f,
                  .weights = weights, .out = y);
        multiply_experts(b, weights, in, out);
    } else {
        BENCH_RUN(b, linear, .x = in, .weights = weights, .out = y);
    }
    memcpy(out->product, bench_read(b, &y), sizeof out->product);
}

static void check_parts(const tern_weights *weights) {
    assert_true(weights->handle->part_count > 1);
    for (uint32_t i = 0; i < weights->handle->part_count; i++) {
        assert_true(weights->handle->parts[i].codes.size <= LIMIT);
    }
}

static void run(const char *backend, const tern_weights_info *info, result *out) {
    rng r = rng_make(info->dtype);
    bench b;
    bench_open(&b, backend);
    bool limited = strcmp(backend, "reference") != 0;
    if (limited) {
        b.device->handle->max_buffer_bytes = LIMIT;
    }
    unsigned char *codes = bench_memory(&b, OUTPUTS * COLS * 4);
    float *scales = bench_floats(&b, OUTPUTS * 8);
    fill_codes(info->dtype, codes, &r);
    for (uint32_t i = 0; i < OUTPUTS * 8; i++) {
        scales[i] = rng_wide(&r, -4, 1);
    }
    tern_weights *weights = bench_weights(&b, info, codes, scales);
    if (limited) {
        check_parts(weights);
    }
    multiply(&b, weights, info->dtype, &r, out);
    const int32_t picked[PICKED] = {0, 511, 512, OUTPUTS - 1};
    tern_tensor rows = bench_matrix(&b, PICKED, COLS, NULL);
    BENCH_RUN(&b, embedding, .ids = bench_ints(&b, PICKED, picked), .weights = weights,
              .out = rows);
    memcpy(out->rows, bench_read(&b, &rows), sizeof out->rows);
    CHECK_OK(tern_weights_export(weights, 0, OUTPUTS, out->codes, out->scales));
    bench_close(&b);
}

static void compare(tern_dtype dtype, tern_scale_kind kind) {
    static result want;
    static result got;
    const tern_weights_info info = {.dtype = dtype,
                                    .rows = OUTPUTS,
                                    .cols = COLS,
                                    .scale_kind = kind,
                                    .group_size = kind == TERN_SCALE_GROUP ? 64 : 0,
                                    .usage = TERN_WEIGHTS_MATMUL | TERN_WEIGHTS_GATHER};
    memset(&want, 0, sizeof want);
    memset(&got, 0, sizeof got);
    run("reference", &info, &want);
    run(backend_name, &info, &got);
    assert_memory_equal(got.product, want.product, sizeof want.product);
    assert_memory_equal(got.of_experts, want.of_experts, sizeof want.of_experts);
    assert_memory_equal(got.rows, want.rows, sizeof want.rows);
    assert_memory_equal(got.codes, want.codes, sizeof want.codes);
    assert_memory_equal(got.scales, want.scales, sizeof want.scales);
}

static void ternary_by_row(void **state) {
    (void)state;
    compare(TERN_DTYPE_T2, TERN_SCALE_ROW);
}

static void ternary_by_group(void **state) {
    (void)state;
    compare(TERN_DTYPE_T2, TERN_SCALE_GROUP);
}

static void float16(void **state) {
    (void)state;
    compare(TERN_DTYPE_F16, TERN_SCALE_NONE);
}

static void blocks_of_int8(void **state) {
    (void)state;
    compare(TERN_DTYPE_Q8_0, TERN_SCALE_NONE);
}

static void memory_runs_out(void **state) {
    (void)state;
    bench b;
    bench_open(&b, backend_name);
    tern_buffer *buffer = NULL;
    tern_status status = tern_buffer_create(b.device, (uint64_t)1 << 50, &buffer);
    assert_int_equal(status, TERN_STATUS_OUT_OF_MEMORY);
    assert_non_null(strstr(tern_last_error_message(), "1125899906842624 bytes"));
    // Nothing is kept of what failed.
    assert_int_equal(b.device->handle->allocated, 0);
    CHECK_OK(tern_buffer_create(b.device, 1000, &buffer));
    tern_buffer_destroy(buffer);
    assert_int_equal(b.device->handle->allocated, 0);
    bench_close(&b);
}

int main(int argc, char **argv) {
    backend_name = argc > 1 ? argv[1] : "opencl";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ternary_by_row),  cmocka_unit_test(ternary_by_group),
        cmocka_unit_test(float16),         cmocka_unit_test(blocks_of_int8),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
