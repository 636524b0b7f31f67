// Every ternary kernel that a device may choose, and those that it finds fastest, give the bits of
// the reference.
// Usage: test_opencl_kernels BACKEND processor|gpu, which the device is made to look like
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

enum { COLS = 4500, OUTPUTS = 203, MOST_ROWS = 11, SCALES = (COLS + 63) / 64 };

static const char *backend_name;
static bool as_gpu;
static uint32_t vector_width; // 0: the device's own

// The operands of one op, on a device.
typedef struct operands {
    bench b;
    uint32_t rows;
    tern_weights *weights;
    tern_tensor x, bias, residual, out;
} operands;

static tern_tensor random_matrix(bench *b, rng *r, uint32_t rows, uint32_t cols) {
    float *x = bench_floats(b, (size_t)rows * cols);
    for (size_t i = 0; i < (size_t)rows * cols; i++) {
        x[i] = rng_wide(r, -6, 2);
    }
    return bench_matrix(b, rows, cols, x);
}

static void make_operands(operands *o, uint32_t rows, bool grouped) {
    static unsigned char codes[OUTPUTS * ((COLS + 3) / 4)];
    static float scales[OUTPUTS * SCALES];
    const tern_weights_info info = {.dtype = TERN_DTYPE_T2,
                                    .rows = OUTPUTS,
                                    .cols = COLS,
                                    .scale_kind = grouped ? TERN_SCALE_GROUP : TERN_SCALE_ROW,
                                    .group_size = grouped ? 64 : 0,
                                    .usage = TERN_WEIGHTS_MATMUL};
    rng r = rng_make(rows + 100 * grouped);
    for (size_t i = 0; i < sizeof codes; i++) {
        uint32_t u = rng_u32(&r);
        codes[i] = (unsigned char)(u % 3 | u / 3 % 3 << 2 | u / 9 % 3 << 4 | u / 27 % 3 << 6);
    }
    for (size_t i = 0; i < OUTPUTS * SCALES; i++) {
        scales[i] = rng_wide(&r, -4, 1);
    }
    o->rows = rows;
    o->weights = bench_weights(&o->b, &info, codes, scales);
    o->x = random_matrix(&o->b, &r, rows, COLS);
    o->bias = bench_vector(&o->b, OUTPUTS, scales);
    o->residual = random_matrix(&o->b, &r, rows, OUTPUTS);
    o->out = bench_matrix(&o->b, rows, OUTPUTS, NULL);
}

static void run(operands *o, float *out) {
    BENCH_RUN(&o->b, bitlinear, .x = o->x, .norm = TERN_NORM_RMS, .norm_eps = 1e-5f,
              .weights = o->weights, .bias = o->bias, .residual = o->residual, .out = o->out);
    memcpy(out, bench_read(&o->b, &o->out), (size_t)o->rows * OUTPUTS * sizeof *out);
    free(o->b.memory[--o->b.memory_count]); // what bench_read took
}

static tern_backend_device *open_device(bench *b) {
    bench_open(b, backend_name);
    tern_backend_device *device = b->device->handle;
    tern_cl_candidate *candidate = (tern_cl_candidate *)(uintptr_t)device->candidate;
    candidate->processor = !as_gpu;
    candidate->vector_width = vector_width ? vector_width : candidate->vector_width;
    device->variant = tern_cl_variant_pick(device->host, candidate);
    return device;
}

// Whatever the device may choose.
static void compare(tern_backend_device *device, operands *o, bool grouped, const float *want) {
    tern_cl_ternary_kernel kernels[TERN_CL_TERNARY_KERNELS];
    uint32_t count = tern_cl_kernels_find(device, o->rows, grouped, kernels);
    assert_true(count > 0);
    for (uint32_t i = 0; i < count; i++) {
        static float got[MOST_ROWS * OUTPUTS];
        device->variant.row = device->variant.rows = kernels[i];
        run(o, got);
        if (memcmp(got, want, (size_t)o->rows * OUTPUTS * sizeof *got) != 0) {
            fail_msg("%u rows, %s: tile %u, %u lanes, %u slices, %u vectors differ", o->rows,
                     grouped ? "groups" : "rows", kernels[i].tile, kernels[i].lanes,
                     kernels[i].slices, kernels[i].vectors);
        }
    }
}

static void compare_shape(uint32_t rows, bool grouped, bool measured) {
    static float want[MOST_ROWS * OUTPUTS];
    static operands o;
    bench_open(&o.b, "reference");
    make_operands(&o, rows, grouped);
    run(&o, want);
    bench_close(&o.b);
    tern_backend_device *device = open_device(&o.b);
    make_operands(&o, rows, grouped);
    if (measured) {
        static float got[MOST_ROWS * OUTPUTS];
        device->variant.measured = true;
        run(&o, got);
        assert_memory_equal(got, want, (size_t)rows * OUTPUTS * sizeof *got);
        assert_int_equal(device->choices.count, 1);
    } else {
        compare(device, &o, grouped, want);
    }
    bench_close(&o.b);
}

static void every_kernel(void **state) {
    (void)state;
    vector_width = 0;
    for (int grouped = 0; grouped < 2; grouped++) {
        compare_shape(1, grouped, false);
        compare_shape(MOST_ROWS, grouped, false);
    }
}

// Of processors whose vectors are not named.
static void every_kernel_of_lanes(void **state) {
    (void)state;
    vector_width = 1;
    compare_shape(1, false, false);
    compare_shape(MOST_ROWS, true, false);
}

static void the_fastest(void **state) {
    (void)state;
    vector_width = 0;
    compare_shape(1, false, true);
    compare_shape(MOST_ROWS, false, true);
}

int main(int argc, char **argv) {
    backend_name = argc > 1 ? argv[1] : "opencl";
    as_gpu = argc > 2 && strcmp(argv[2], "gpu") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel),
        cmocka_unit_test(every_kernel_of_lanes),
        cmocka_unit_test(the_fastest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
