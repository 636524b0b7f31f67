// One tensor of a file becomes one matrix on a device: what it holds is asked of the device again.
#include "runtime/model/tensors/matrix.h"

#include <math.h>

#include "tests/harness/matrix_file.h"

// Types of blocks, each with a scale: one row of the table a type.
typedef struct blocks_case {
    uint32_t id;
    uint32_t group;
    uint32_t bytes;
    uint32_t below; // codes
} blocks_case;

static const blocks_case blocks_cases[] = {{34, 256, 54, 3}, {35, 256, 66, 3}, {41, 128, 18, 2},
                                           {42, 64, 18, 3},  {42, 128, 34, 3}, {142, 128, 34, 3},
                                           {143, 128, 28, 3}};

static void pack_block(const blocks_case *c, const uint8_t *in, uint16_t scale, uint8_t *out) {
    switch (c->id) {
    case 34:
        pack_tq1_0(in, scale, out);
        break;
    case 35:
        pack_tq2_0(in, scale, out);
        break;
    case 41:
        pack_q1_0(in, scale, out);
        break;
    case 143:
        pack_ptq1_0(in, scale, out);
        break;
    default:
        pack_q2_0(in, c->group, scale, out);
        break;
    }
}

// 2^e for small e, as float16 and float.
static uint16_t half_power(int e) {
    return (uint16_t)((15 + e) << 10);
}

// |step|: how fast the scales change: 0 never, 1 from row to row, 2 from group to group.
static void put_blocks(const blocks_case *c, uint32_t rows, uint32_t cols, int step,
                       float *scales) {
    uint32_t groups = cols / c->group;
    random_codes(rows * cols, c->below);
    for (uint32_t i = 0; c->below == 2 && i < rows * cols; i++) {
        codes[i] = (uint8_t)(2 * codes[i]);
    }
    for (uint32_t i = 0; i < rows * groups; i++) {
        int e = step == 0 ? 3 : (int)((step == 1 ? i / groups : i) % 7) - 4;
        codes[i * c->group] = 2; // no group is empty
        scales[i] = ldexpf(1.0f, e);
        pack_block(c, codes + i * c->group, half_power(e), raw + i * c->bytes);
    }
}

static void blocks_become_what_says_the_same(void **state) {
    (void)state;
    static const uint32_t shapes[][2] = {{4, 512}, {3, 768}, {5, 512}};
    static const tern_scale_kind kinds[] = {TERN_SCALE_TENSOR, TERN_SCALE_ROW, TERN_SCALE_GROUP};
    float scales[MAX_ROWS * MAX_GROUPS];
    for (size_t i = 0; i < sizeof blocks_cases / sizeof blocks_cases[0]; i++) {
        const blocks_case *c = &blocks_cases[i];
        for (uint32_t s = 0; s < 3 * 3; s++) {
            uint32_t rows = shapes[s / 3][0], cols = shapes[s / 3][1], groups = cols / c->group;
            file f;
            put_blocks(c, rows, cols, (int)(s % 3), scales);
            file_open(&f, c->id, rows, cols, (size_t)rows * groups * c->bytes, NULL);
            CHECK_OK(file_load(&f));
            check_ternary(&f, scales, groups);
            assert_int_equal(f.info.scale_kind, kinds[s % 3]);
            assert_int_equal(f.info.group_size, s % 3 == 2 ? c->group : 0);
            file_close(&f);
        }
    }
}

static void weights_of_two_make_a_dense_matrix(void **state) {
    (void)state;
    for (size_t i = 3; i < 6; i++) {
        const blocks_case *c = &blocks_cases[i];
        enum { ROWS = 5, COLS = 384 };
        float scales[ROWS * COLS / 64];
        put_blocks(c, ROWS, COLS, 2, scales);
        codes[ROWS * COLS - 1] = 3;
        uint32_t last = ROWS * COLS / c->group - 1;
        pack_block(c, codes + last * c->group, 0xbc01, raw + last * c->bytes); // -(1 + 2^-10)
        scales[last] = -1.0009765625f;
        file f;
        file_open(&f, c->id, ROWS, COLS, (size_t)(last + 1) * c->bytes, NULL);
        CHECK_OK(file_load(&f));
        assert_int_equal(f.info.dtype, TERN_DTYPE_Q8_0);
        uint8_t got[ROWS * COLS / 32 * 34];
        CHECK_OK(tern_weights_export(f.weights, 0, ROWS, got, NULL));
        for (uint32_t k = 0; k < ROWS * COLS; k++) {
            const uint8_t *block = got + k / 32 * 34;
            assert_int_equal((int8_t)block[2 + k % 32], codes[k] - 1);
            if (k / c->group == last) {
                assert_int_equal(block[0] | block[1] << 8, 0xbc01);
            }
        }
        file_close(&f);
    }
}

static void put_i2_s_scale(size_t codes_size, float scale) {
    memset(raw + codes_size, 0, 32);
    memcpy(raw + codes_size, &scale, sizeof scale);
}

static void put_i2_s(uint32_t rows, uint32_t cols, float scale) {
    random_codes(rows * cols, 3);
    for (uint32_t b = 0; b < rows * cols / 128; b++) {
        pack_planes(codes + b * 128, 32, 1, raw + b * 32);
    }
    put_i2_s_scale((size_t)rows * cols / 4, scale);
}

static void scales_beside_a_matrix(void **state) {
    (void)state;
    enum { ROWS = 6, COLS = 256, SIZE = ROWS * COLS / 4 + 32 };
    static const float f32[ROWS] = {2.0f, -0.5f, 3.0f, 1e-3f, 7.0f, 1.25f};
    static const uint16_t f16[1] = {0x4400}, bf16[1] = {0x4080}; // 4
    const side cases[] = {
        {0, ROWS, f32, sizeof f32, NULL},      {0, ROWS, f32, sizeof f32, "inverse"},
        {1, 1, f16, sizeof f16, "direct"},     {30, 1, bf16, sizeof bf16, NULL},
        {30, 1, bf16, sizeof bf16, "inverse"}, {0, 1, f32 + 2, 4, "inverse"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float scales[ROWS];
        bool inverse = cases[i].key && strcmp(cases[i].key, "inverse") == 0;
        for (uint32_t r = 0; r < ROWS; r++) {
            float value = cases[i].count > 1 ? f32[r] : cases[i].type ? 4.0f : 3.0f;
            scales[r] = 0.75f * (inverse ? 1.0f / value : value);
        }
        file f;
        put_i2_s(ROWS, COLS, 0.75f);
        file_open(&f, 36, ROWS, COLS, SIZE, &cases[i]);
        CHECK_OK(file_load(&f));
        assert_int_equal(f.info.scale_kind,
                         cases[i].count > 1 ? TERN_SCALE_ROW : TERN_SCALE_TENSOR);
        check_ternary(&f, scales, 1);
        file_close(&f);
    }
}

static void scales_multiply_those_of_blocks(void **state) {
    (void)state;
    enum { ROWS = 3, COLS = 256 };
    static const float f32[ROWS] = {2.0f, 2.0f, 4.0f};
    const side beside = {0, ROWS, f32, sizeof f32, NULL};
    float scales[ROWS];
    file f;
    put_blocks(&blocks_cases[0], ROWS, COLS, 0, scales);
    file_open(&f, 34, ROWS, COLS, ROWS * 54, &beside);
    CHECK_OK(file_load(&f));
    assert_int_equal(f.info.scale_kind, TERN_SCALE_ROW);
    check_ternary(&f, (const float[]){16.0f, 16.0f, 32.0f}, 1);
    file_close(&f);
}

static void malformed_scales_are_refused(void **state) {
    (void)state;
    enum { ROWS = 6, COLS = 128, SIZE = ROWS * COLS / 4 + 32 };
    static const float zero[] = {0.0f}, tiny[] = {1e-30f}, huge[] = {3e38f};
    static const float five[5] = {1, 1, 1, 1, 1}, bad[ROWS] = {1, 1, 1, NAN, 1, 1};
    static const uint16_t infinite[] = {0x7c00};
    static const int8_t byte[] = {1};
    static const struct {
        side beside;
        tern_status status;
        const char *part;
    } cases[] = {
        {{0, 1, zero, 4, NULL}, TERN_STATUS_CORRUPT_DATA, "'w.scale': value 0 is 0"},
        {{0, 1, tiny, 4, NULL}, TERN_STATUS_CORRUPT_DATA, "'w.scale': value 0 is 1e-30"},
        {{0, 1, huge, 4, "inverse"}, TERN_STATUS_CORRUPT_DATA, "'w.scale': value 0 is 3e+38"},
        {{0, ROWS, bad, sizeof bad, NULL}, TERN_STATUS_CORRUPT_DATA, "'w.scale': value 3 is"},
        {{1, 1, infinite, 2, NULL}, TERN_STATUS_CORRUPT_DATA, "'w.scale': value 0 is inf"},
        {{0, 5, five, 20, NULL}, TERN_STATUS_CORRUPT_DATA, "expected 1 or 6 values"},
        {{24, 1, byte, 1, NULL}, TERN_STATUS_CORRUPT_DATA, "'w.scale' is I8 of 1 bytes"},
        {{0, 1, five, 4, "upwards"}, TERN_STATUS_UNSUPPORTED, "'tern.scale' is 'upwards'"},
    };
    put_i2_s(ROWS, COLS, 1.0f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        file f;
        file_open(&f, 36, ROWS, COLS, SIZE, &cases[i].beside);
        CHECK_FAILS(file_load(&f), cases[i].status, cases[i].part);
        file_close(&f);
    }
    static const float two[] = {2.0f};
    const side beside = {0, 1, two, 4, NULL};
    file f;
    memset(raw, 0, sizeof raw);
    file_open(&f, 0, ROWS, COLS, ROWS * COLS * 4, &beside);
    CHECK_FAILS(file_load(&f), TERN_STATUS_UNSUPPORTED, "has a scale beside it");
    file_close(&f);
    file_open(&f, 0, ROWS, COLS, ROWS * COLS * 4, &beside);
    f.part.absmean = true; // which makes a scale of its own
    CHECK_FAILS(file_load(&f), TERN_STATUS_UNSUPPORTED, "has a scale beside it");
    file_close(&f);
}

// Types that GGUF does not have lie in one as bytes.
static void foreign_open(file *f, const char *type, uint32_t rows, uint32_t cols, uint32_t size,
                         const side *beside) {
    file_open(f, 24, 1, size, size, beside);
    f->part.type = tern__ggml_type_named(type);
    f->part.rows = rows;
    f->part.cols = cols;
}

static void rows_in_four_fields(void **state) {
    (void)state;
    static const uint32_t shapes[][2] = {{1, 1}, {4, 7}, {6, 100}, {9, 128}, {11, 33}, {12, 64}};
    static const float three[] = {3.0f};
    const side beside = {0, 1, three, 4, "inverse"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        uint32_t rows = shapes[i][0], cols = shapes[i][1], quarter = (rows + 3) / 4;
        float scales[MAX_ROWS];
        for (uint32_t r = 0; r < rows; r++) {
            scales[r] = 1.0f / 3.0f;
        }
        file f;
        random_codes(rows * cols, 3);
        pack_hf(codes, rows, cols, raw);
        foreign_open(&f, "HF_T2", rows, cols, quarter * cols, &beside);
        CHECK_OK(file_load(&f));
        assert_int_equal(f.info.scale_kind, TERN_SCALE_TENSOR);
        check_ternary(&f, scales, 1);
        file_close(&f);
    }
    // Two of 5 rows, which take two rows of bytes each.
    const float ones[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    file f;
    random_codes(10 * 33, 3);
    pack_hf(codes, 5, 33, raw);
    pack_hf(codes + 5 * 33, 5, 33, raw + 2 * 33);
    foreign_open(&f, "HF_T2", 10, 33, 4 * 33, NULL);
    f.part.experts = 2;
    CHECK_OK(file_load(&f));
    check_ternary(&f, ones, 1);
    file_close(&f);
    random_codes(6 * 33, 3);
    codes[5 * 33 + 32] = 3;
    pack_hf(codes, 6, 33, raw);
    foreign_open(&f, "HF_T2", 6, 33, 2 * 33, NULL);
    CHECK_FAILS(file_load(&f), TERN_STATUS_CORRUPT_DATA, "row 5, column 32: code 3");
    file_close(&f);
}

static void bitmat(void **state) {
    (void)state;
    // The vectors that BitMat's own tests have: -1, 0, 1 as 10, 00, 01.
    static const uint8_t known[] = {36, 73, 0x90, 6};
    static const uint8_t known_codes[] = {1, 2, 0, 1, 2, 0, 1, 2, 1, 1, 2, 0, 0, 2, 1, 1};
    const float scales[MAX_ROWS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    file f;
    memcpy(codes, known_codes, sizeof known_codes);
    memcpy(raw, known, sizeof known);
    foreign_open(&f, "BITMAT", 2, 8, sizeof known, NULL);
    CHECK_OK(file_load(&f));
    check_ternary(&f, scales, 1);
    file_close(&f);
    random_codes(7 * 100, 3);
    pack_bitmat(codes, 7 * 100, raw);
    foreign_open(&f, "BITMAT", 7, 100, 7 * 25, NULL);
    CHECK_OK(file_load(&f));
    check_ternary(&f, scales, 1);
    file_close(&f);
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_become_what_says_the_same),
        cmocka_unit_test(weights_of_two_make_a_dense_matrix),
        cmocka_unit_test(scales_beside_a_matrix),
        cmocka_unit_test(scales_multiply_those_of_blocks),
        cmocka_unit_test(malformed_scales_are_refused),
        cmocka_unit_test(rows_in_four_fields),
        cmocka_unit_test(bitmat),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
