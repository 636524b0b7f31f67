#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <tern/types.h>

static void row_bytes(void **state) {
    (void)state;
    static const struct {
        tern_dtype dtype;
        const char *name;
        uint32_t cols;
        uint64_t bytes;
    } cases[] = {
        {TERN_DTYPE_F32, "f32", 3, 12},
        {TERN_DTYPE_I32, "i32", 3, 12},
        {TERN_DTYPE_F16, "f16", 4, 8},
        {TERN_DTYPE_F16, "f16", 3, 8},
        {TERN_DTYPE_BF16, "bf16", 1, 4},
        {TERN_DTYPE_I8, "i8", 4, 4},
        {TERN_DTYPE_I8, "i8", 5, 8},
        {TERN_DTYPE_T2, "t2", 4, 1},
        {TERN_DTYPE_T2, "t2", 5, 2},
        {TERN_DTYPE_T5, "t5", 5, 1},
        {TERN_DTYPE_T5, "t5", 6, 2},
        {TERN_DTYPE_B1, "b1", 8, 1},
        {TERN_DTYPE_B1, "b1", 9, 2},
        {TERN_DTYPE_Q8_0, "q8_0", 32, 34},
        {TERN_DTYPE_Q8_0, "q8_0", 33, 68},
        {TERN_DTYPE_F32, "f32", UINT32_MAX, 17179869180},
        {TERN_DTYPE_T2, "t2", UINT32_MAX, 1073741824},
        {TERN_DTYPE_NONE, "none", 7, 0},
        {999, "?", 7, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(tern_dtype_name(cases[i].dtype), cases[i].name);
        assert_int_equal(tern_dtype_row_bytes(cases[i].dtype, cases[i].cols), cases[i].bytes);
    }
}

static void packed_views(void **state) {
    (void)state;
    const uint32_t shape[] = {2, 3, 5};
    tern_tensor f32 = tern_tensor_make(NULL, 16, TERN_DTYPE_F32, 3, shape);
    assert_int_equal(f32.offset, 16);
    assert_int_equal(f32.rank, 3);
    assert_int_equal(f32.strides[0], 15);
    assert_int_equal(f32.strides[1], 5);
    assert_int_equal(f32.strides[2], 1);
    tern_tensor f16 = tern_tensor_make(NULL, 0, TERN_DTYPE_F16, 3, shape);
    assert_int_equal(f16.strides[0], 18);
    assert_int_equal(f16.strides[1], 6);
    tern_tensor i8 = tern_tensor_make(NULL, 0, TERN_DTYPE_I8, 2, shape + 1);
    assert_int_equal(i8.strides[0], 8);
    assert_int_equal(i8.shape[1], 5);
}

static void packed_sizes(void **state) {
    (void)state;
    const uint32_t shape[] = {2, 3, 5};
    const uint32_t huge[] = {UINT32_MAX, UINT32_MAX, 1};
    assert_int_equal(tern_tensor_packed_bytes(TERN_DTYPE_F32, 3, shape), 120);
    assert_int_equal(tern_tensor_packed_bytes(TERN_DTYPE_F16, 3, shape), 72);
    assert_int_equal(tern_tensor_packed_bytes(TERN_DTYPE_I8, 3, shape), 48);
    assert_int_equal(tern_tensor_packed_bytes(TERN_DTYPE_F32, 3, huge), 0);
    assert_int_equal(tern_tensor_packed_bytes(TERN_DTYPE_F32, 0, shape), 0);
    assert_int_equal(tern_tensor_packed_bytes(TERN_DTYPE_F32, TERN_MAX_RANK + 1, shape), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_bytes),
        cmocka_unit_test(packed_views),
        cmocka_unit_test(packed_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
