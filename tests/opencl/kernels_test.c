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
#include "tests/harness/products.h"

static const char *backend_name;
static bool as_gpu;
static uint32_t vector_width; // 0: the device's own
static bool integer_dot;      // as of a device that has packed dot products

static tern_backend_device *open_device(bench *b) {
    bench_open(b, backend_name);
    tern_backend_device *device = b->device->handle;
    tern_cl_candidate *candidate = (tern_cl_candidate *)(uintptr_t)device->candidate;
    candidate->processor = !as_gpu;
    candidate->vector_width = vector_width ? vector_width : candidate->vector_width;
    candidate->integer_dot = integer_dot;
    device->variant = tern_cl_variant_pick(device->host, candidate);
    return device;
}

// Whatever the device may choose.
static void compare(tern_backend_device *device, const product *p, bool grouped,
                    const float *want) {
    tern_cl_ternary_kernel kernels[TERN_CL_TERNARY_KERNELS];
    uint32_t count = tern_cl_kernels_find(device, p->rows, grouped, kernels);
    assert_true(count > 0);
    for (uint32_t i = 0; i < count; i++) {
        static product_result got;
        device->variant.row = device->variant.rows = kernels[i];
        product_run(p, got);
        if (memcmp(got, want, product_bytes(p)) != 0) {
            fail_msg("%u rows of %u by %u, %s: tile %u, %u lanes, %u slices, %u vectors differ",
                     p->rows, p->size.cols, p->size.outputs, grouped ? "groups" : "rows",
                     kernels[i].tile, kernels[i].lanes, kernels[i].slices, kernels[i].vectors);
        }
    }
}

static void compare_fastest(tern_backend_device *device, const product *p, const float *want) {
    static product_result got;
    uint32_t before = device->choices.count;
    device->variant.measured = true;
    product_run(p, got);
    assert_memory_equal(got, want, product_bytes(p));
    assert_int_equal(device->choices.count, before + 1);
}

static void compare_rows(uint32_t rows, bool grouped, bool measured) {
    static product_result want[PRODUCT_SIZES];
    bench b;
    product_want(rows, grouped, want);
    tern_backend_device *device = open_device(&b);
    for (uint32_t i = 0; i < PRODUCT_SIZES; i++) {
        product p = product_make(&b, product_sizes[i], rows, grouped);
        if (measured) {
            compare_fastest(device, &p, want[i]);
        } else {
            compare(device, &p, grouped, want[i]);
        }
    }
    bench_close(&b);
}

static void every_kind(void) {
    for (int grouped = 0; grouped < 2; grouped++) {
        compare_rows(1, grouped, false);
        compare_rows(PRODUCT_ROWS, grouped, false);
    }
}

static int setup(void **state) {
    (void)state;
    vector_width = 0;
    integer_dot = false;
    return 0;
}

static void every_kernel(void **state) {
    (void)state;
    every_kind();
}

// Of processors whose vectors are not named.
static void every_kernel_of_lanes(void **state) {
    (void)state;
    vector_width = 1;
    compare_rows(1, false, false);
    compare_rows(PRODUCT_ROWS, true, false);
}

// No driver of Debian has packed dot products: the kernels then spell them out.
static void every_kernel_of_dot_products(void **state) {
    (void)state;
    integer_dot = true;
    every_kind();
}

static void the_fastest(void **state) {
    (void)state;
    compare_rows(1, false, true);
    compare_rows(PRODUCT_ROWS, false, true);
}

int main(int argc, char **argv) {
    backend_name = argc > 1 ? argv[1] : "opencl";
    as_gpu = argc > 2 && strcmp(argv[2], "gpu") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_kernel, setup),
        cmocka_unit_test_setup(every_kernel_of_lanes, setup),
        cmocka_unit_test_setup(every_kernel_of_dot_products, setup),
        cmocka_unit_test_setup(the_fastest, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
