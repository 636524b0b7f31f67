// Several instances, devices and runs side by side, and the scratch that neighbouring ops share.
// Usage: test_opencl_instances BACKEND
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

enum { ROWS = 3, COLS = 100, OUTPUTS = 70, LAYERS = 4, RUNS = 40 };

static const char *backend_name;

static tern_weights *random_weights(bench *b, rng *r) {
    unsigned char *codes = bench_memory(b, OUTPUTS * COLS / 4);
    for (uint32_t i = 0; i < OUTPUTS * COLS / 4; i++) {
        uint32_t u = rng_u32(r);
        codes[i] = (unsigned char)(u % 3 | u / 3 % 3 << 2 | u / 9 % 3 << 4 | u / 27 % 3 << 6);
    }
    const tern_weights_info info = {.dtype = TERN_DTYPE_T2,
                                    .rows = OUTPUTS,
                                    .cols = COLS,
                                    .scale_kind = TERN_SCALE_TENSOR,
                                    .scale = 0.37f,
                                    .usage = TERN_WEIGHTS_MATMUL};
    return bench_weights(b, &info, codes, NULL);
}

// Bitlinears of one list: the second shares its input with the first, the third has another norm,
// the fourth another input.
static void run_layers(const char *backend, float *out) {
    rng r = rng_make(5);
    bench b;
    bench_open(&b, backend);
    float *x = bench_floats(&b, 2 * ROWS * COLS);
    for (uint32_t i = 0; i < 2 * ROWS * COLS; i++) {
        x[i] = rng_wide(&r, -8, 4);
    }
    tern_tensor in[2] = {bench_matrix(&b, ROWS, COLS, x),
                         bench_matrix(&b, ROWS, COLS, x + ROWS * COLS)};
    tern_tensor y[LAYERS];
    tern_commands *commands = NULL;
    CHECK_OK(tern_commands_create(b.device, NULL, &commands));
    for (uint32_t i = 0; i < LAYERS; i++) {
        y[i] = bench_matrix(&b, ROWS, OUTPUTS, NULL);
        tern_bitlinear_desc desc = {.x = in[i / 3],
                                    .norm = TERN_NORM_RMS,
                                    .norm_eps = i < 2 ? 1e-5f : 1e-2f,
                                    .weights = random_weights(&b, &r),
                                    .out = y[i]};
        CHECK_OK(tern_cmd_bitlinear(commands, &desc));
    }
    bench_finish(commands);
    for (uint32_t i = 0; i < LAYERS; i++) {
        memcpy(out + i * ROWS * OUTPUTS, bench_read(&b, &y[i]), ROWS * OUTPUTS * sizeof *out);
    }
    bench_close(&b);
}

static void neighbours_share_what_is_equal(void **state) {
    (void)state;
    static float want[LAYERS * ROWS * OUTPUTS];
    static float got[LAYERS * ROWS * OUTPUTS];
    run_layers("reference", want);
    run_layers(backend_name, got);
    assert_memory_equal(got, want, sizeof want);
}

static tern_program *doubling(bench *b, tern_tensor *out_x) {
    static const float one = 1.0f;
    tern_commands *commands = NULL;
    tern_program *program = NULL;
    *out_x = bench_matrix(b, 1, 1, &one);
    tern_add_desc desc = {.a = *out_x, .b = *out_x, .out = *out_x};
    CHECK_OK(tern_commands_create(b->device, NULL, &commands));
    CHECK_OK(tern_cmd_add(commands, &desc));
    CHECK_OK(tern_commands_finish(commands, &program));
    tern_commands_destroy(commands);
    return program;
}

// Two contexts, each with its own loader, submit in turns; far more is pending than a device keeps.
static void instances_do_not_meet(void **state) {
    (void)state;
    bench b[2];
    tern_tensor x[2];
    tern_program *program[2];
    tern_fence first[2];
    for (int i = 0; i < 2; i++) {
        bench_open(&b[i], backend_name);
        program[i] = doubling(&b[i], &x[i]);
        CHECK_OK(tern_program_submit(program[i], NULL, &first[i]));
    }
    for (int run = 1; run < RUNS; run++) {
        for (int i = 0; i < 2; i++) {
            CHECK_OK(tern_program_submit(program[i], NULL, NULL));
        }
    }
    for (int i = 0; i < 2; i++) {
        CHECK_OK(tern_fence_wait(first[i], UINT64_MAX));
        assert_true(*(float *)bench_read(&b[i], &x[i]) == 0x1p40f);
        CHECK_OK(tern_fence_wait(first[i], 0));
        tern_program_destroy(program[i]);
        bench_close(&b[i]);
    }
}

// A roofline to hold ops against: no figure is missing, none is absurd.
static void devices_are_measured(void **state) {
    (void)state;
    static const tern_measure_kind kinds[] = {TERN_MEASURE_READ, TERN_MEASURE_INT8,
                                              TERN_MEASURE_F32};
    bench b;
    bench_open(&b, backend_name);
    tern_measurement m = {.struct_size = sizeof m};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        CHECK_OK(tern_device_measure(b.device, kinds[i], &m));
        assert_true(m.rate > 1e7 && m.rate < 1e16);
        assert_true((m.bytes > 0) == (kinds[i] == TERN_MEASURE_READ));
        assert_true(strlen(m.how) > 0);
    }
    assert_int_equal(b.device->handle->allocated, 0);
    bench_close(&b);
}

int main(int argc, char **argv) {
    backend_name = argc > 1 ? argv[1] : "opencl";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_share_what_is_equal),
        cmocka_unit_test(instances_do_not_meet),
        cmocka_unit_test(devices_are_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
