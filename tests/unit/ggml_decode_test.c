#include "runtime/model/tensors/ggml_decode.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_i2_s),
        cmocka_unit_test(test_tq2_0),
        cmocka_unit_test(test_tq1_0),
        cmocka_unit_test(test_tq1_0_bytes),
        cmocka_unit_test(test_dense_rows_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
