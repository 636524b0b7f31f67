#include "runtime/model/tensors/ggml_decode.h"

#include <math.h>

#include "tests/harness/check.h"
#include "tests/harness/rng.h"

static const tern__ggml_type *type_named(uint32_t id, const char *name) {
    tern_tensor_info info = {.struct_size = sizeof info, .type = id, .type_name = name};
    const tern__ggml_type *type = tern__ggml_type_of(&info);
    assert_string_equal(type->name, name);
    return type;
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

// Weight |i| of a block by the published formulas, in double.
static double half(const uint8_t *p) {
    int e = p[1] >> 2 & 31, m = (p[1] & 3) << 8 | p[0];
    double size = e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
    return p[1] & 0x80 ? -size : size;
}

static double q4_0_weight(const uint8_t *b, int i) {
    return half(b) * ((i < 16 ? b[2 + i] & 15 : b[2 + i - 16] >> 4) - 8);
}

static double q8_0_weight(const uint8_t *b, int i) {
    return half(b) * (int8_t)b[2 + i];
}

// Eight 6-bit scales, then eight 6-bit minima, as one stream of four-byte rows: bytes 0 to 3 have
// the lower parts' scales, 4 to 7 their minima, 8 to 11 the low halves of the upper parts' both.
static int q45_factor(const uint8_t *s, int part, int is_min) {
    if (part < 4) {
        return s[part + 4 * is_min] % 64;
    }
    int low = is_min ? s[part + 4] / 16 : s[part + 4] % 16;
    return low + s[part - 4 + 4 * is_min] / 64 * 16;
}

static double q45_weight(const uint8_t *b, int i, int five) {
    int part = i / 32, at = i % 32;
    const uint8_t *halves = b + 16 + 32 * five + part / 2 * 32;
    int q = part % 2 ? halves[at] / 16 : halves[at] % 16;
    q += five && (b[16 + at] & 1 << part) ? 16 : 0;
    return half(b) * q45_factor(b + 4, part, 0) * q - half(b + 2) * q45_factor(b + 4, part, 1);
}

static double q4_k_weight(const uint8_t *b, int i) {
    return q45_weight(b, i, 0);
}

static double q5_k_weight(const uint8_t *b, int i) {
    return q45_weight(b, i, 1);
}

static double q6_k_weight(const uint8_t *b, int i) {
    int half_index = i / 128, quarter = i % 128 / 32, at = i % 32;
    int low = b[64 * half_index + 32 * (quarter % 2) + at];
    low = quarter < 2 ? low % 16 : low / 16;
    int high = b[128 + 32 * half_index + at] / (1 << 2 * quarter) % 4;
    return half(b + 208) * (int8_t)b[192 + i / 16] * (low + 16 * high - 32);
}

static const struct {
    uint32_t id;
    const char *name;
    tern_dtype dtype;
    int block, bytes, halves; // byte offsets of float16 numbers: the first, or one at 208
    double (*weight)(const uint8_t *, int);
} dense[] = {{2, "Q4_0", TERN_DTYPE_Q8_0, 32, 18, 0, q4_0_weight},
             {8, "Q8_0", TERN_DTYPE_Q8_0, 32, 34, 0, q8_0_weight},
             {12, "Q4_K", TERN_DTYPE_F16, 256, 144, 0, q4_k_weight},
             {13, "Q5_K", TERN_DTYPE_F16, 256, 176, 0, q5_k_weight},
             {14, "Q6_K", TERN_DTYPE_F16, 256, 210, 208, q6_k_weight}};

enum { DENSE_COLS = 512, DENSE_COUNT = sizeof dense / sizeof dense[0] };

// Random blocks whose numbers d are from 2^-14 to 2^-4.
static void put_dense(rng *r, size_t kind, uint8_t *raw) {
    for (int i = 0; i < DENSE_COLS / dense[kind].block * dense[kind].bytes; i++) {
        raw[i] = (uint8_t)rng_u32(r);
    }
    for (int b = 0; b < DENSE_COLS / dense[kind].block; b++) {
        uint8_t *at = raw + b * dense[kind].bytes + dense[kind].halves;
        at[1] = (uint8_t)(at[1] % 4 + 4 * rng_below(r, 10));
        at[3] = dense[kind].block == 256 && dense[kind].halves == 0 ? (uint8_t)(at[3] % 40) : at[3];
    }
}

static void test_dense_values(void **state) {
    (void)state;
    rng random = rng_make(5);
    for (int trial = 0; trial < 20 * DENSE_COUNT; trial++) {
        size_t kind = (size_t)trial % DENSE_COUNT;
        uint8_t raw[DENSE_COLS * 34 / 32];
        float values[DENSE_COLS];
        const tern__ggml_type *type = type_named(dense[kind].id, dense[kind].name);
        put_dense(&random, kind, raw);
        tern__ggml_values(type, 0, DENSE_COLS, raw, values);
        for (int k = 0; k < DENSE_COLS; k++) {
            const uint8_t *block = raw + k / dense[kind].block * dense[kind].bytes;
            assert_true(values[k] == (float)dense[kind].weight(block, k % dense[kind].block));
        }
        float some[3];
        tern__ggml_values(type, 256, 3, raw, some);
        assert_memory_equal(some, values + 256, sizeof some);
    }
}

static void test_dense_rows(void **state) {
    (void)state;
    rng random = rng_make(6);
    for (size_t kind = 0; kind < DENSE_COUNT; kind++) {
        uint8_t raw[DENSE_COLS * 34 / 32], out[DENSE_COLS * 2];
        const tern__ggml_type *type = type_named(dense[kind].id, dense[kind].name);
        put_dense(&random, kind, raw);
        assert_int_equal(type->dtype, dense[kind].dtype);
        tern__ggml_dense_rows(type, DENSE_COLS, 1, raw, out);
        for (int k = 0; k < DENSE_COLS; k++) {
            const uint8_t *block = raw + k / dense[kind].block * dense[kind].bytes;
            float value = (float)dense[kind].weight(block, k % dense[kind].block);
            double got = type->dtype == TERN_DTYPE_F16 ? half(out + 2 * k)
                                                       : q8_0_weight(out + k / 32 * 34, k % 32);
            assert_true(got == (type->dtype == TERN_DTYPE_F16 ? half_rounded(value) : value));
        }
    }
    // An infinite scale is still seen as such.
    uint8_t raw[144] = {0x00, 0x7c, 0, 0, 1}, out[512];
    raw[16] = 1;
    tern__ggml_dense_rows(type_named(12, "Q4_K"), 256, 1, raw, out);
    assert_int_equal(out[1] & 0x7c, 0x7c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_q8_rows),
        cmocka_unit_test(test_dense_values),
        cmocka_unit_test(test_dense_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
