#include "runtime/model/tensors/ggml_types.h"

#include "tests/harness/check.h"

static const tern__ggml_type *type_named(uint32_t id, const char *name) {
    tern_tensor_info info = {.struct_size = sizeof info, .type = id, .type_name = name};
    const tern__ggml_type *type = tern__ggml_type_of(&info);
    assert_string_equal(type->name, name);
    return type;
}

static void check_bytes(uint32_t id, const char *name, const uint64_t shape[4], uint64_t expected) {
    uint64_t bytes = 0;
    bool fits = tern__ggml_tensor_bytes(type_named(id, name), shape, &bytes);
    assert_int_equal(fits, expected != 0);
    if (fits) {
        assert_int_equal(bytes, expected);
    }
}

static void test_tensor_bytes(void **state) {
    (void)state;
    check_bytes(36, "I2_S", (uint64_t[]){2560, 6912, 1, 1}, 2560 * 6912 / 4 + 32);
    check_bytes(36, "I2_S", (uint64_t[]){3200, 100, 1, 1}, 3200 * 100 / 4 + 32);
    check_bytes(36, "I2_S", (uint64_t[]){100, 100, 1, 1}, 0);
    check_bytes(35, "TQ2_0", (uint64_t[]){2560, 3, 1, 1}, 10 * 3 * 66);
    check_bytes(34, "TQ1_0", (uint64_t[]){128, 2, 1, 1}, 0);
    check_bytes(8, "Q8_0", (uint64_t[]){64, 2, 3, 5}, 2 * 34 * 30);
    check_bytes(0, "F32", (uint64_t[]){7, 1, 1, 1}, 28);
    check_bytes(0, "F32", (uint64_t[]){(uint64_t)1 << 33, (uint64_t)1 << 33, 1, 1}, 0);
    check_bytes(0, "F32", (uint64_t[]){(uint64_t)1 << 62, 1, 1, 1}, 0);
    check_bytes(39, "TL2", (uint64_t[]){2560, 6912, 1, 1},
                (2560 - 256) / 3 * (uint64_t)6912 * 5 / 8 + 64 * 6912);
    check_bytes(39, "MXFP4", (uint64_t[]){2560, 6912, 1, 1}, (uint64_t)80 * 6912 * 17);
}

static void test_types_of_other_files(void **state) {
    (void)state;
    static const uint64_t shape[4] = {7, 6, 1, 1}, blocks[4] = {8, 6, 1, 1}, cube[4] = {8, 6, 2, 1};
    const tern__ggml_type *fields = tern__ggml_type_named("HF_T2");
    const tern__ggml_type *bitmat = tern__ggml_type_named("BITMAT");
    uint64_t bytes = 0;
    assert_true(tern__ggml_tensor_bytes(fields, shape, &bytes));
    assert_int_equal(bytes, 7 * 2);
    assert_true(tern__ggml_tensor_bytes(fields, cube, &bytes));
    assert_int_equal(bytes, 2 * 8 * 2);
    assert_false(tern__ggml_tensor_bytes(bitmat, shape, &bytes));
    assert_true(tern__ggml_tensor_bytes(bitmat, blocks, &bytes));
    assert_int_equal(bytes, 2 * 6);
    // No number in a GGUF file means them.
    assert_null(tern__ggml_type_find(fields->id, 0));
    assert_null(tern__ggml_type_find(bitmat->id, 0));
    assert_null(tern__ggml_type_named("HF_T3"));
}

static void test_meanings(void **state) {
    (void)state;
    assert_string_equal(tern__ggml_type_find(36, 0)->name, "I2_S");
    assert_string_equal(tern__ggml_type_find(36, 1)->name, "IQ4_NL_4_4");
    assert_null(tern__ggml_type_find(36, 2));
    assert_null(tern__ggml_type_find(0, 1));
    assert_null(tern__ggml_type_find(4, 0));
    assert_null(tern__ggml_type_find(UINT32_MAX, 0));
    tern_tensor_info info = {.struct_size = sizeof info, .type = 99, .type_name = "unknown"};
    assert_int_equal(tern__ggml_type_of(&info)->dtype, TERN_DTYPE_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensor_bytes),
        cmocka_unit_test(test_types_of_other_files),
        cmocka_unit_test(test_meanings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
