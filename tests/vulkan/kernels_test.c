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

// Every size by each of |count| variants.
static void compare_rows(uint32_t rows, bool grouped, const tern_vk_variant *variants,
                         uint32_t count) {
    static product_result want[PRODUCT_SIZES];
    bench b;
    product_want(rows, grouped, want);
    bench_open(&b, "vulkan");
    for (uint32_t i = 0; i < PRODUCT_SIZES; i++) {
        product p = product_make(&b, product_sizes[i], rows, grouped);
        for (uint32_t k = 0; k < count; k++) {
            b.device->handle->variant = &variants[k];
            compare(&p, want[i], k);
        }
    }
    bench_close(&b);
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

static void the_fastest(void **state) {
    (void)state;
    tern_vk_variant measured = variant_of(0, 0);
    measured.measured = true;
    compare_rows(1, false, &measured, 1);
    compare_rows(PRODUCT_ROWS, false, &measured, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_row),
        cmocka_unit_test(several_rows),
        cmocka_unit_test(groups),
        cmocka_unit_test(the_fastest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
