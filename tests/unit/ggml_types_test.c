#include "runtime/model/ggml_types.h"

#include <math.h>

#include "tests/harness/check.h"

// The codes of a test: element |i| of all.
static uint32_t code_of(uint32_t i) {
    return (i * 7 + i / 5 + i / 81) % 3;
}

static uint32_t t2_code(const uint8_t *row, uint32_t column) {
    return row[column / 4] >> (2 * (column % 4)) & 3u;
}

static void check_codes(const uint8_t *codes, uint32_t cols, uint32_t rows) {
    for (uint32_t r = 0; r < rows; r++) {
        for (uint32_t k = 0; k < cols; k++) {
            assert_int_equal(t2_code(codes + r * (cols / 4), k), code_of(r * cols + k));
        }
    }
}

static void put_f16(uint8_t *out, uint16_t bits) {
    out[0] = (uint8_t)bits;
    out[1] = (uint8_t)(bits >> 8);
}

static const tern__ggml_type *type_named(uint32_t id, const char *name) {
    tern_tensor_info info = {.struct_size = sizeof info, .type = id, .type_name = name};
    const tern__ggml_type *type = tern__ggml_type_of(&info);
    assert_string_equal(type->name, name);
    return type;
}

static void test_i2_s(void **state) {
    (void)state;
    enum { COLS = 384, ROWS = 3, BYTES = COLS * ROWS / 4 };
    uint8_t raw[BYTES] = {0};
    for (uint32_t i = 0; i < COLS * ROWS; i++) {
        uint32_t within = i % 128;
        raw[i / 128 * 32 + within % 32] |= (uint8_t)(code_of(i) << (6 - 2 * (within / 32)));
    }
    const tern__ggml_type *type = type_named(36, "I2_S");
    assert_int_equal(type->dtype, TERN_DTYPE_T2);
    assert_int_equal(type->scale_kind, TERN_SCALE_TENSOR);
    assert_int_equal(tern__ggml_row_bytes(type, COLS), COLS / 4);
    uint8_t codes[BYTES];
    tern__ggml_decode_rows(type, COLS, ROWS, raw, codes, NULL);
    check_codes(codes, COLS, ROWS);
    raw[0] |= 0xc0;
    tern__ggml_decode_rows(type, COLS, 1, raw, codes, NULL);
    assert_int_equal(t2_code(codes, 0), 3);
}

static void test_tq2_0(void **state) {
    (void)state;
    enum { COLS = 512, ROWS = 2, BLOCKS = COLS * ROWS / 256 };
    uint8_t raw[BLOCKS * 66] = {0};
    for (uint32_t i = 0; i < COLS * ROWS; i++) {
        uint32_t n = i % 256;
        raw[i / 256 * 66 + 32 * (n / 128) + n % 32] |=
            (uint8_t)(code_of(i) << (2 * (n % 128 / 32)));
    }
    const uint16_t halves[BLOCKS] = {0x3c00, 0x3800, 0xc000, 0x0001}; // 1, 1/2, -2, 2^-24
    for (int b = 0; b < BLOCKS; b++) {
        put_f16(raw + b * 66 + 64, halves[b]);
    }
    const tern__ggml_type *type = type_named(35, "TQ2_0");
    assert_int_equal(tern__ggml_row_bytes(type, COLS), 132);
    uint8_t codes[COLS * ROWS / 4];
    float scales[BLOCKS];
    tern__ggml_decode_rows(type, COLS, ROWS, raw, codes, scales);
    check_codes(codes, COLS, ROWS);
    assert_true(scales[0] == 1.0f && scales[1] == 0.5f && scales[2] == -2.0f);
    assert_true(scales[3] == 1.0f / 16777216.0f);
}

// The byte that holds |count| codes |step| apart, the first most significant, the rest zero.
static uint8_t tq1_byte(uint32_t first, uint32_t step, int count) {
    uint32_t value = 0;
    for (int n = 0; n < 5; n++) {
        value = value * 3 + (n < count ? code_of(first + step * (uint32_t)n) : 0);
    }
    return (uint8_t)((value * 256 + 242) / 243);
}

static void test_tq1_0(void **state) {
    (void)state;
    enum { COLS = 256, ROWS = 4 };
    uint8_t raw[ROWS * 54];
    for (uint32_t r = 0; r < ROWS; r++) {
        uint8_t *block = raw + r * 54;
        uint32_t start = r * 256;
        for (uint32_t m = 0; m < 32; m++) {
            block[m] = tq1_byte(start + m, 32, 5);
        }
        for (uint32_t m = 0; m < 16; m++) {
            block[32 + m] = tq1_byte(start + 160 + m, 16, 5);
        }
        for (uint32_t j = 0; j < 4; j++) {
            block[48 + j] = tq1_byte(start + 240 + j, 4, 4);
        }
        put_f16(block + 52, 0x4000); // 2
    }
    const tern__ggml_type *type = type_named(34, "TQ1_0");
    assert_int_equal(type->group_size, 256);
    assert_int_equal(tern__ggml_row_bytes(type, COLS), 54);
    uint8_t codes[COLS * ROWS / 4];
    float scales[ROWS];
    tern__ggml_decode_rows(type, COLS, ROWS, raw, codes, scales);
    check_codes(codes, COLS, ROWS);
    assert_true(scales[0] == 2.0f && scales[3] == 2.0f);
}

// Every number of five trits, and every byte whatever it is.
static void test_tq1_0_bytes(void **state) {
    (void)state;
    const tern__ggml_type *type = type_named(34, "TQ1_0");
    for (uint32_t value = 0; value < 243; value++) {
        uint8_t raw[54] = {(uint8_t)((value * 256 + 242) / 243)};
        uint8_t codes[64];
        float scale;
        tern__ggml_decode_rows(type, 256, 1, raw, codes, &scale);
        uint32_t back = 0;
        for (uint32_t n = 0; n < 5; n++) {
            back = back * 3 + t2_code(codes, 32 * n);
        }
        assert_int_equal(back, value);
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint8_t raw[54];
        uint8_t codes[64];
        float scale;
        memset(raw, (int)byte, sizeof raw);
        tern__ggml_decode_rows(type, 256, 1, raw, codes, &scale);
        for (uint32_t k = 0; k < 256; k++) {
            assert_true(t2_code(codes, k) < 3);
        }
    }
}

static void test_dense_rows_are_copied(void **state) {
    (void)state;
    static const struct {
        uint32_t id;
        const char *name;
        tern_dtype dtype;
    } cases[] = {{0, "F32", TERN_DTYPE_F32},
                 {1, "F16", TERN_DTYPE_F16},
                 {8, "Q8_0", TERN_DTYPE_Q8_0},
                 {30, "BF16", TERN_DTYPE_BF16}};
    uint8_t raw[64 * 4 * 2];
    for (size_t i = 0; i < sizeof raw; i++) {
        raw[i] = (uint8_t)(i * 37 + 11);
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const tern__ggml_type *type = type_named(cases[i].id, cases[i].name);
        uint64_t row = tern__ggml_row_bytes(type, 64);
        assert_int_equal(type->dtype, cases[i].dtype);
        assert_int_equal(row, tern_dtype_row_bytes(type->dtype, 64));
        uint8_t out[sizeof raw];
        memset(out, 0, sizeof out);
        tern__ggml_decode_rows(type, 64, 2, raw, out, NULL);
        assert_memory_equal(out, raw, 2 * row);
    }
}

static void put_f32(uint8_t *row, uint32_t index, float value) {
    memcpy(row + 4 * (size_t)index, &value, sizeof value);
}

static void check_q8(const uint8_t *block, uint16_t d, uint32_t index, int q) {
    assert_int_equal(block[0] | block[1] << 8, d);
    assert_int_equal((int8_t)block[2 + index], q);
}

static void test_q8_rows(void **state) {
    (void)state;
    enum { COLS = 100 };
    const tern__ggml_type *f32 = type_named(0, "F32");
    uint8_t raw[4 * COLS] = {0}, out[4 * 34];
    memset(out, 0x77, sizeof out);
    put_f32(raw, 0, 127.0f); // a step of 1: halves go to the even neighbour
    put_f32(raw, 1, -2.5f);
    put_f32(raw, 2, 3.5f);
    put_f32(raw, 3, -127.0f);
    put_f32(raw, 4, 0.5f);
    put_f32(raw, 32, -1.0f); // the step is rounded before it divides
    put_f32(raw, 33, 0.5f);
    put_f32(raw, 64, 0x1p-60f); // nothing: a step of 0
    put_f32(raw, 96, 2e-6f);    // a step that float16 has only roughly: 127 is the most
    assert_int_equal(tern__ggml_q8_row(f32, COLS, raw, out), COLS);
    static const int first[] = {127, -2, 4, -127, 0};
    for (uint32_t i = 0; i < 5; i++) {
        check_q8(out, 0x3c00, i, first[i]);
    }
    check_q8(out + 34, 0x2008, 0, -127); // 1/127 = 0x1.020408p-7
    check_q8(out + 34, 0x2008, 1, 64);   // 0.5 / 0x1.02p-7 = 63.504, though 127 / 2 is a tie
    check_q8(out + 68, 0, 0, 0);
    check_q8(out + 102, 0, 0, 0);  // 2e-6 / 127 < 2^-25
    check_q8(out + 102, 0, 31, 0); // past the last column
    put_f32(raw, 96, 1.4f * 127.0f * 0x1p-24f);
    assert_int_equal(tern__ggml_q8_row(f32, COLS, raw, out), COLS);
    check_q8(out + 102, 1, 0, 127);
    put_f32(raw, 96, 1e30f);
    assert_int_equal(tern__ggml_q8_row(f32, COLS, raw, out), COLS);
    check_q8(out + 102, 0x7bff, 0, 127);
    put_f32(raw, 97, NAN);
    assert_int_equal(tern__ggml_q8_row(f32, COLS, raw, out), 97);
    put_f32(raw, 97, -INFINITY);
    assert_int_equal(tern__ggml_q8_row(f32, COLS, raw, out), 97);
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
    assert_false(tern__ggml_tensor_bytes(fields, cube, &bytes));
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
        cmocka_unit_test(test_i2_s),
        cmocka_unit_test(test_tq2_0),
        cmocka_unit_test(test_tq1_0),
        cmocka_unit_test(test_tq1_0_bytes),
        cmocka_unit_test(test_dense_rows_are_copied),
        cmocka_unit_test(test_q8_rows),
        cmocka_unit_test(test_tensor_bytes),
        cmocka_unit_test(test_types_of_other_files),
        cmocka_unit_test(test_meanings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
