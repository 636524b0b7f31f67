// Every ternary kernel that a device may choose, and those that it finds fastest, give the bits of
// the reference.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <tern/tern.h>

#include "backends/vulkan/device.h"
#include "runtime/device.h"
#include "tests/harness/device.h"
#include "tests/harness/products.h"

enum { FEW = 3 }; // fewer rows than a workgroup holds

static uint32_t most_groups[2]; // of a dispatch, along x and y; 0: the device's own

static tern_vk_variant variant_of(uint32_t row, uint32_t gemm) {
    return (tern_vk_variant){.row = tern_vk_row_kernels[row], .gemm = tern_vk_gemm_kernels[gemm]};
}

static void compare(const product *p, const float *want, uint32_t kernel) {
    static product_result got;
    product_run(p, got);
    if (memcmp(got, want, product_bytes(p)) != 0) {
        fail_msg("%u rows of %u by %u: kernel %u differs", p->rows, p->size.cols, p->size.outputs,
                 kernel);
    }
}

// Every size by each of |count| variants. Returns how many choices were measured.
static uint32_t compare_rows(uint32_t rows, bool grouped, const tern_vk_variant *variants,
                             uint32_t count) {
    static product_result want[PRODUCT_SIZES];
    bench b;
    product_want(rows, grouped, want);
    bench_open(&b, "vulkan");
    tern_backend_device *device = b.device->handle;
    for (int i = 0; i < 2; i++) {
        device->limits.groups[i] = most_groups[i] ? most_groups[i] : device->limits.groups[i];
    }
    for (uint32_t i = 0; i < PRODUCT_SIZES; i++) {
        product p = product_make(&b, product_sizes[i], rows, grouped);
        for (uint32_t k = 0; k < count; k++) {
            device->variant = &variants[k];
            compare(&p, want[i], k);
        }
    }
    uint32_t choices = device->choices.count;
    bench_close(&b);
    return choices;
}

static void one_row(void **state) {
    (void)state;
    tern_vk_variant variants[TERN_VK_ROW_KERNELS];
    for (uint32_t i = 0; i < TERN_VK_ROW_KERNELS; i++) {
        variants[i] = variant_of(i, 0);
    }
    compare_rows(1, false, variants, TERN_VK_ROW_KERNELS);
}

static void several_rows(void **state) {
    (void)state;
    tern_vk_variant variants[TERN_VK_GEMM_KERNELS];
    for (uint32_t i = 0; i < TERN_VK_GEMM_KERNELS; i++) {
        variants[i] = variant_of(0, i);
    }
    compare_rows(FEW, false, variants, TERN_VK_GEMM_KERNELS);
    compare_rows(PRODUCT_ROWS, false, variants, TERN_VK_GEMM_KERNELS);
}

// One kernel for them, with and without integer dot products.
static void groups(void **state) {
    (void)state;
    tern_vk_variant variants[] = {variant_of(0, 0), variant_of(0, 0)};
    variants[1].gemm.int_dot = !variants[0].gemm.int_dot;
    compare_rows(1, true, variants, 2);
    compare_rows(PRODUCT_ROWS, true, variants, 2);
}

// Each shape measures anew.
static void the_fastest(void **state) {
    (void)state;
    tern_vk_variant measured = variant_of(0, 0);
    measured.measured = true;
    assert_int_equal(compare_rows(1, false, &measured, 1), PRODUCT_SIZES);
    assert_int_equal(compare_rows(PRODUCT_ROWS, false, &measured, 1), PRODUCT_SIZES);
}

// A device of so few workgroups that each takes several groups of rows, and a matrix is several
// segments.
static void few_workgroups(void **state) {
    (void)state;
    tern_vk_variant variants[TERN_VK_GEMM_KERNELS];
    for (uint32_t i = 0; i < TERN_VK_GEMM_KERNELS; i++) {
        variants[i] = variant_of(0, i);
    }
    for (int i = 0; i < 2; i++) {
        most_groups[i] = 2;
        compare_rows(PRODUCT_ROWS, false, variants, TERN_VK_GEMM_KERNELS);
        compare_rows(1, false, variants, 1);
        most_groups[i] = 0;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_row),     cmocka_unit_test(several_rows),   cmocka_unit_test(groups),
        cmocka_unit_test(the_fastest), cmocka_unit_test(few_workgroups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
