// Matrices of floats: ternary by their values or by their mean, or what a smaller type holds.
#include <math.h>

#include "tests/harness/matrix_file.h"

// Values s * (code - 1) with an s for each |shard| columns and |row_shard| rows.
static void put_shards(uint32_t rows, uint32_t cols, uint32_t row_shard, uint32_t shard,
                       float *scales) {
    random_codes(rows * cols, 3);
    for (uint32_t i = 0; i < rows * cols; i++) {
        uint32_t r = i / cols, k = i % cols;
        float scale = 0.013f * (float)(1 + r / row_shard) + 0.1f * (float)(k / shard);
        float value = scale * ((float)codes[i] - 1.0f);
        scales[i] = scale;
        memcpy(raw + 4 * (size_t)i, &value, sizeof value);
    }
}

static void shards_keep_their_scales(void **state) {
    (void)state;
    static const struct {
        uint32_t rows, cols, row_shard, shard;
        tern_scale_kind kind;
        uint32_t group;
    } cases[] = {{6, 100, 6, 100, TERN_SCALE_TENSOR, 0},
                 {6, 100, 2, 100, TERN_SCALE_ROW, 0},
                 {6, 192, 6, 64, TERN_SCALE_GROUP, 64},
                 {6, 300, 3, 128, TERN_SCALE_GROUP, 128},
                 {4, 700, 1, 256, TERN_SCALE_GROUP, 256}};
    static float scales[MAX_ROWS * MAX_COLS];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t rows = cases[i].rows, cols = cases[i].cols;
        file f;
        put_shards(rows, cols, cases[i].row_shard, cases[i].shard, scales);
        file_open(&f, 0, rows, cols, (size_t)rows * cols * 4, NULL);
        f.part.may_be_ternary = true;
        CHECK_OK(file_load(&f));
        assert_int_equal(f.info.scale_kind, cases[i].kind);
        assert_int_equal(f.info.group_size, cases[i].group);
        check_ternary(&f, scales, cols);
        file_close(&f);
    }
    // A shard that begins within 64 columns leaves no ternary matrix.
    file f;
    put_shards(4, 192, 4, 96, scales);
    file_open(&f, 0, 4, 192, 4 * 192 * 4, NULL);
    f.part.may_be_ternary = true;
    CHECK_OK(file_load(&f));
    assert_int_equal(f.info.dtype, TERN_DTYPE_F32);
    file_close(&f);
}

static void the_mean_makes_weights_ternary(void **state) {
    (void)state;
    // mean |w| = 0.4225; codes as published for this matrix.
    static const float values[12] = {0.1f,   -0.7f, 0.35f, 0.02f, -0.4f, 0.9f,
                                     -0.05f, 0.6f,  0.3f,  0.3f,  -1.2f, -0.15f};
    static const uint8_t wanted[12] = {1, 0, 2, 1, 0, 2, 1, 2, 2, 2, 0, 1};
    memcpy(raw, values, sizeof values);
    memcpy(codes, wanted, sizeof wanted);
    file f;
    file_open(&f, 0, 3, 4, sizeof values, NULL);
    f.part.absmean = true;
    CHECK_OK(file_load(&f));
    double sum = 0.0;
    for (int i = 0; i < 12; i++) {
        sum += fabs((double)values[i]);
    }
    float scale = 1.0f / (1.0f / (float)(sum / 12.0));
    assert_true(fabsf(scale - 0.4225f) < 1e-6f);
    assert_int_equal(f.info.scale_kind, TERN_SCALE_TENSOR);
    check_ternary(&f, (const float[]){scale, scale, scale}, 1);
    file_close(&f);
    // A mean of its own for each expert: of the first two rows 0.5, of the last two 2.
    static const float bundle[8] = {1.0f, 0.1f, -0.7f, 0.2f, 4.0f, -0.4f, 2.8f, 0.8f};
    static const uint8_t bundled[8] = {2, 1, 0, 1, 2, 1, 2, 1};
    memcpy(raw, bundle, sizeof bundle);
    memcpy(codes, bundled, sizeof bundled);
    file_open(&f, 0, 4, 2, sizeof bundle, NULL);
    f.part.absmean = true;
    f.part.experts = 2;
    CHECK_OK(file_load(&f));
    assert_int_equal(f.info.scale_kind, TERN_SCALE_ROW);
    check_ternary(&f, (const float[]){0.5f, 0.5f, 2.0f, 2.0f}, 1);
    file_close(&f);
    // Halves go to zero, ones and what is more to one; no mean is less than 1e-5.
    static const float ties[4] = {0.5f, -0.5f, 2.5f, 0.5f}, little[4] = {8e-6f};
    static const uint8_t tied[4] = {1, 1, 2, 1}, one[4] = {2, 1, 1, 1};
    memcpy(raw, ties, sizeof ties);
    memcpy(codes, tied, sizeof tied);
    file_open(&f, 0, 1, 4, sizeof ties, NULL);
    f.part.absmean = true;
    CHECK_OK(file_load(&f));
    check_ternary(&f, (const float[]){1.0f}, 1);
    file_close(&f);
    memcpy(raw, little, sizeof little);
    memcpy(codes, one, sizeof one);
    file_open(&f, 0, 1, 4, sizeof little, NULL);
    f.part.absmean = true;
    CHECK_OK(file_load(&f));
    assert_true(fabsf(f.info.scale - 1e-5f) < 1e-11f);
    check_ternary(&f, (const float[]){1e-5f}, 1);
    file_close(&f);
    memcpy(raw, (const float[]){1.0f, INFINITY}, 8);
    file_open(&f, 0, 1, 4, sizeof little, NULL);
    f.part.absmean = true;
    CHECK_FAILS(file_load(&f), TERN_STATUS_CORRUPT_DATA, "row 0, column 1");
    file_close(&f);
}

static float number(tern_dtype dtype, const uint8_t *bytes) {
    float value = 0.0f;
    if (dtype != TERN_DTYPE_F16) {
        bool half = dtype == TERN_DTYPE_BF16;
        memcpy((uint8_t *)&value + (half ? 2 : 0), bytes, half ? 2 : 4); // little-endian
        return value;
    }
    int bits = bytes[0] | bytes[1] << 8, exponent = bits >> 10 & 31, rest = bits & 1023;
    value = exponent ? ldexpf((float)(1024 + rest), exponent - 25) : ldexpf((float)rest, -24);
    return bits >> 15 ? -value : value;
}

// The smallest type that all values have, whatever it is that they are stored as.
static void floats_are_held_in_half(void **state) {
    (void)state;
    enum { ROWS = 3, COLS = 7 };
    static const struct {
        float last;
        tern_dtype dtype;
    } cases[] = {{0.5f, TERN_DTYPE_F16},
                 {0x1p-30f, TERN_DTYPE_BF16}, // which float16 has not
                 {0x1p-60f, TERN_DTYPE_F16},  // which is flushed
                 {0x1.001p-30f, TERN_DTYPE_F32},
                 {0.1f, TERN_DTYPE_F32}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float values[ROWS * COLS];
        uint8_t got[ROWS * COLS * 4 + 4 * ROWS];
        file f;
        for (int k = 0; k < ROWS * COLS; k++) {
            values[k] = (float)(k - 9) / 8.0f;
        }
        values[ROWS * COLS - 1] = cases[i].last;
        memcpy(raw, values, sizeof values);
        file_open(&f, 0, ROWS, COLS, sizeof values, NULL);
        f.part.may_be_half = true;
        CHECK_OK(file_load(&f));
        assert_int_equal(f.info.dtype, cases[i].dtype);
        values[ROWS * COLS - 1] = cases[i].last == 0x1p-60f ? 0.0f : cases[i].last;
        CHECK_OK(tern_weights_export(f.weights, 0, ROWS, got, NULL));
        uint32_t size = f.info.dtype == TERN_DTYPE_F32 ? 4 : 2;
        for (uint32_t k = 0; k < ROWS * COLS; k++) {
            uint32_t row_bytes = (COLS * size + 3) / 4 * 4;
            const uint8_t *bytes = got + k / COLS * row_bytes + k % COLS * size;
            assert_true(number(f.info.dtype, bytes) == values[k]);
        }
        file_close(&f);
    }
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_keep_their_scales),
        cmocka_unit_test(the_mean_makes_weights_ternary),
        cmocka_unit_test(floats_are_held_in_half),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
