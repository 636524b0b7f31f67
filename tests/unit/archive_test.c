// The public accessors, the typed keys, and the meanings of type numbers.
#include "runtime/model/files/archive.h"

#include "runtime/model/tensors/ggml_types.h"
#include "tests/harness/check.h"
#include "tests/harness/counted_context.h"
#include "tests/harness/data.h"
#include "tests/harness/gguf_writer.h"

static void put_values(gguf_writer *w) {
    gguf_start(w, 3, 0, 15);
    gguf_key(w, "u8", TERN_VALUE_U8);
    gguf_int(w, 200, 1);
    gguf_key(w, "i8", TERN_VALUE_I8);
    gguf_int(w, 0x80, 1);
    gguf_key(w, "u16", TERN_VALUE_U16);
    gguf_int(w, 65535, 2);
    gguf_key(w, "i16", TERN_VALUE_I16);
    gguf_int(w, 0xfffe, 2);
    gguf_key_u32(w, "u32", 4000000000u);
    gguf_key(w, "i32", TERN_VALUE_I32);
    gguf_int(w, 7, 4);
    gguf_key(w, "f32", TERN_VALUE_F32);
    gguf_float(w, 1.5f);
    gguf_key(w, "bool", TERN_VALUE_BOOL);
    gguf_int(w, 1, 1);
    gguf_key_string(w, "string", "words");
    gguf_key(w, "zero", TERN_VALUE_STRING);
    gguf_text(w, "a\0b", 3);
    gguf_key(w, "u64", TERN_VALUE_U64);
    gguf_int(w, UINT64_MAX, 8);
    gguf_key(w, "i64", TERN_VALUE_I64);
    gguf_int(w, (uint64_t)INT64_MIN, 8);
    gguf_key(w, "f64", TERN_VALUE_F64);
    gguf_int(w, 0x3fd0000000000000u, 8); // 1/4
    gguf_key_array(w, "strings", TERN_VALUE_STRING, 3);
    gguf_text(w, "", 0);
    gguf_text(w, "two", 3);
    gguf_text(w, "\n\0", 2);
    gguf_key_array(w, "numbers", TERN_VALUE_I16, 2);
    gguf_int(w, 0xffff, 2);
    gguf_int(w, 300, 2);
}

static tern_value find(const tern_archive *archive, const char *key) {
    tern_value value = {.struct_size = sizeof value};
    CHECK_OK(tern_archive_find(archive, key, &value));
    assert_string_equal(value.key, key);
    return value;
}

static void test_values(void **state) {
    (void)state;
    gguf_writer w = {0};
    put_values(&w);
    tern_source source = gguf_source(&w);
    tern_archive *archive;
    CHECK_OK(tern_archive_open(context, &source, &archive));
    assert_int_equal(tern_archive_value_count(archive), 15);
    assert_int_equal(tern_archive_tensor_count(archive), 0);
    assert_int_equal(find(archive, "u8").u, 200);
    assert_int_equal(find(archive, "i8").i, -128);
    assert_int_equal(find(archive, "u16").u, 65535);
    assert_int_equal(find(archive, "i16").i, -2);
    assert_int_equal(find(archive, "u32").u, 4000000000u);
    assert_int_equal(find(archive, "i32").i, 7);
    assert_true(find(archive, "f32").f == 1.5);
    assert_int_equal(find(archive, "bool").u, 1);
    assert_string_equal(find(archive, "string").string, "words");
    assert_int_equal(find(archive, "string").count, 5);
    assert_int_equal(find(archive, "zero").count, 3);
    assert_memory_equal(find(archive, "zero").string, "a\0b", 4);
    assert_true(find(archive, "u64").u == UINT64_MAX);
    assert_true(find(archive, "i64").i == INT64_MIN);
    assert_true(find(archive, "f64").f == 0.25);
    tern_value value = {.struct_size = sizeof value};
    CHECK_OK(tern_archive_value(archive, 14, &value));
    assert_string_equal(value.key, "numbers");
    assert_int_equal(value.element, TERN_VALUE_I16);
    CHECK_FAILS(tern_archive_value(archive, 15, &value), TERN_STATUS_OUT_OF_RANGE, "15 of 15");
    assert_int_equal(tern_archive_find(archive, "u9", &value), TERN_STATUS_NOT_FOUND);
    value.struct_size = 8;
    CHECK_FAILS(tern_archive_find(archive, "u8", &value), TERN_STATUS_INVALID_ARGUMENT,
                "struct_size is 8");
    tern_archive_destroy(archive);
    gguf_free(&w);
}

static void test_elements(void **state) {
    (void)state;
    gguf_writer w = {0};
    put_values(&w);
    tern_source source = gguf_source(&w);
    tern_archive *archive;
    CHECK_OK(tern_archive_open(context, &source, &archive));
    tern_value value = {.struct_size = sizeof value};
    CHECK_OK(tern_archive_element(archive, "strings", 0, &value));
    assert_int_equal(value.count, 0);
    CHECK_OK(tern_archive_element(archive, "strings", 1, &value));
    assert_string_equal(value.string, "two");
    CHECK_OK(tern_archive_element(archive, "strings", 2, &value));
    assert_memory_equal(value.string, "\n\0", 3);
    CHECK_OK(tern_archive_element(archive, "numbers", 0, &value));
    assert_int_equal(value.i, -1);
    assert_int_equal(value.type, TERN_VALUE_I16);
    CHECK_OK(tern_archive_element(archive, "numbers", 1, &value));
    assert_int_equal(value.i, 300);
    CHECK_FAILS(tern_archive_element(archive, "numbers", 2, &value), TERN_STATUS_OUT_OF_RANGE,
                "element 2 of key 'numbers', which has 2");
    CHECK_FAILS(tern_archive_element(archive, "u8", 0, &value), TERN_STATUS_INVALID_ARGUMENT,
                "key 'u8' is no array but a u8");
    assert_int_equal(tern_archive_element(archive, "none", 0, &value), TERN_STATUS_NOT_FOUND);
    tern__array array;
    CHECK_FAILS(tern__archive_array(archive, "numbers", TERN_VALUE_F32, &array),
                TERN_STATUS_CORRUPT_DATA, "is an array of i16, expected an array of f32");
    CHECK_FAILS(tern__archive_array(archive, "string", TERN_VALUE_STRING, &array),
                TERN_STATUS_CORRUPT_DATA, "is string, expected an array of string");
    tern_archive_destroy(archive);
    gguf_free(&w);
}

static void test_typed_keys(void **state) {
    (void)state;
    gguf_writer w = {0};
    put_values(&w);
    tern_source source = gguf_source(&w);
    tern_archive *archive;
    CHECK_OK(tern_archive_open(context, &source, &archive));
    uint32_t u;
    CHECK_OK(tern__archive_u32(archive, "u8", 1, &u));
    assert_int_equal(u, 200);
    CHECK_OK(tern__archive_need_u32(archive, "i32", &u));
    assert_int_equal(u, 7);
    CHECK_OK(tern__archive_u32(archive, "missing", 42, &u));
    assert_int_equal(u, 42);
    CHECK_FAILS(tern__archive_u32(archive, "i8", 0, &u), TERN_STATUS_CORRUPT_DATA,
                "test.gguf: key 'i8' is -128, expected 0 to 4294967295");
    CHECK_FAILS(tern__archive_u32(archive, "u64", 0, &u), TERN_STATUS_CORRUPT_DATA,
                "18446744073709551615");
    CHECK_FAILS(tern__archive_u32(archive, "f32", 0, &u), TERN_STATUS_CORRUPT_DATA,
                "key 'f32' is f32, expected an integer");
    CHECK_FAILS(tern__archive_need_u32(archive, "missing", &u), TERN_STATUS_NOT_FOUND,
                "key 'missing' is missing");
    float f;
    CHECK_OK(tern__archive_need_f32(archive, "f64", &f));
    assert_true(f == 0.25f);
    CHECK_OK(tern__archive_f32(archive, "missing", 3.0f, &f));
    assert_true(f == 3.0f);
    CHECK_FAILS(tern__archive_f32(archive, "u8", 0, &f), TERN_STATUS_CORRUPT_DATA,
                "expected a float");
    bool flag;
    CHECK_OK(tern__archive_bool(archive, "bool", false, &flag));
    assert_true(flag);
    CHECK_FAILS(tern__archive_bool(archive, "u8", false, &flag), TERN_STATUS_CORRUPT_DATA,
                "expected a bool");
    const char *text;
    CHECK_OK(tern__archive_need_string(archive, "string", &text));
    assert_string_equal(text, "words");
    CHECK_FAILS(tern__archive_string(archive, "zero", "", &text), TERN_STATUS_CORRUPT_DATA,
                "a string with a zero byte");
    CHECK_FAILS(tern__archive_need_f32(archive, "missing", &f), TERN_STATUS_NOT_FOUND, "missing");
    CHECK_FAILS(tern__archive_need_string(archive, "missing", &text), TERN_STATUS_NOT_FOUND,
                "missing");
    tern_archive_destroy(archive);
    gguf_free(&w);
}

// A file with one tensor of 256 x 4 of type |id| and |bytes| bytes of data.
typedef struct one_tensor {
    uint32_t id;
    uint64_t cols;
    size_t bytes;
    const char *architecture; // NULL: no such key
    uint32_t file_type;       // 0: no such key
} one_tensor;

static tern_status open_one(const one_tensor *t, gguf_writer *w, tern_source *source,
                            tern_archive **out) {
    gguf_start(w, 2, 1, (t->architecture != NULL) + (t->file_type != 0));
    if (t->architecture) {
        gguf_key_string(w, "general.architecture", t->architecture);
    }
    if (t->file_type) {
        gguf_key_u32(w, "general.file_type", t->file_type);
    }
    gguf_tensor(w, "weights", t->cols, 4, t->id, 0);
    gguf_pad(w, 32);
    gguf_zeros(w, t->bytes);
    *source = gguf_source(w);
    return tern_archive_open(context, source, out);
}

static void check_meaning(one_tensor t, const char *expected) {
    gguf_writer w = {0};
    tern_source source;
    tern_archive *archive;
    tern_status status = open_one(&t, &w, &source, &archive);
    if (!expected) {
        CHECK_FAILS(status, TERN_STATUS_CORRUPT_DATA, "tensor 'weights'");
        assert_null(archive);
    } else {
        CHECK_OK(status);
        tern_tensor_info info = {.struct_size = sizeof info};
        CHECK_OK(tern_archive_tensor(archive, 0, &info));
        assert_string_equal(info.type_name, expected);
        assert_int_equal(info.type, t.id);
        bool usable = strcmp(expected, "I2_S") == 0 || strncmp(expected, "Q2_0", 4) == 0;
        assert_int_equal(info.supported, usable);
        tern_archive_destroy(archive);
    }
    gguf_free(&w);
}

static void test_type_numbers_told_apart(void **state) {
    (void)state;
    const size_t i2_s = 256 + 32;  // 1024 weights
    const size_t iq4_nl = 32 * 18; // the same
    check_meaning((one_tensor){36, 256, i2_s, NULL, 0}, "I2_S");
    check_meaning((one_tensor){36, 256, i2_s, "bitnet-b1.58", 40}, "I2_S");
    check_meaning((one_tensor){36, 256, i2_s, "llama", 40}, "I2_S");
    check_meaning((one_tensor){36, 256, iq4_nl, NULL, 0}, "IQ4_NL_4_4");
    check_meaning((one_tensor){36, 256, i2_s, "llama", 25}, NULL);
    check_meaning((one_tensor){36, 256, iq4_nl, "bitnet", 40}, NULL);
    check_meaning((one_tensor){36, 256, i2_s - 1, NULL, 0}, NULL);
    check_meaning((one_tensor){36, 64, 256, NULL, 0}, "IQ4_NL_4_4");
    // Neither size exactly: only one is small enough.
    check_meaning((one_tensor){36, 256, i2_s + 128, NULL, 0}, "I2_S");
    check_meaning((one_tensor){36, 256, iq4_nl + 128, NULL, 0}, NULL);
    check_meaning((one_tensor){37, 256, 1024, NULL, 0}, "I8_S");
    check_meaning((one_tensor){37, 256, iq4_nl, NULL, 0}, "IQ4_NL_4_8");
    check_meaning((one_tensor){38, 256, 256, NULL, 0}, "TL1");
    check_meaning((one_tensor){39, 256, 32 * 17, NULL, 0}, "MXFP4");
    check_meaning((one_tensor){39, 256, 256, NULL, 0}, "TL2");
    check_meaning((one_tensor){42, 2560, 160 * 18, NULL, 0}, "Q2_0");
    check_meaning((one_tensor){42, 256, 16 * 18, NULL, 0}, NULL); // the other one too, padded
    check_meaning((one_tensor){42, 2560, 80 * 34, NULL, 0}, "Q2_0_G128");
    check_meaning((one_tensor){99, 256, 100, NULL, 0}, "unknown");
}

static void test_i2s_scale(void **state) {
    (void)state;
    static const struct {
        uint32_t bits;
        bool good;
    } cases[] = {{0x3f000000, true},  {0xbf000000, true},  {0, false},
                 {0x80000000, false}, {0x7fc00000, false}, {0x7f800000, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gguf_writer w = {0};
        gguf_start(&w, 3, 1, 0);
        gguf_tensor(&w, "blk.0.attn_q.weight", 128, 2, 36, 0);
        gguf_pad(&w, 32);
        gguf_zeros(&w, 64);
        gguf_int(&w, cases[i].bits, 4);
        gguf_zeros(&w, 28);
        tern_source source = gguf_source(&w);
        tern_archive *archive;
        CHECK_OK(tern_archive_open(context, &source, &archive));
        tern_tensor_info info;
        CHECK_OK(tern__archive_find_tensor(archive, "blk.0.attn_q.weight", &info));
        float scale = 0.0f;
        if (cases[i].good) {
            CHECK_OK(tern__archive_i2s_scale(archive, &info, &scale));
            assert_memory_equal(&scale, &cases[i].bits, 4);
        } else {
            CHECK_FAILS(tern__archive_i2s_scale(archive, &info, &scale), TERN_STATUS_CORRUPT_DATA,
                        "tensor 'blk.0.attn_q.weight': its scale is");
        }
        tern_archive_destroy(archive);
        gguf_free(&w);
    }
}

static void test_tensors(void **state) {
    (void)state;
    gguf_writer w = {0};
    gguf_start(&w, 3, 2, 1);
    gguf_key_u32(&w, "general.alignment", 64);
    gguf_tensor(&w, "second", 4, 2, 0, 64);
    gguf_tensor(&w, "first", 2, 3, 1, 0);
    gguf_pad(&w, 64);
    size_t data = w.size;
    for (int i = 0; i < 96; i++) {
        gguf_int(&w, (uint64_t)i, 1);
    }
    tern_source source = gguf_source(&w);
    tern_archive *archive;
    CHECK_OK(tern_archive_open(context, &source, &archive));
    assert_string_equal(tern__archive_name(archive), "test.gguf");
    assert_ptr_equal(tern__archive_context(archive), context);
    tern_tensor_info info = {.struct_size = sizeof info};
    CHECK_OK(tern_archive_tensor(archive, 0, &info));
    assert_string_equal(info.name, "second");
    assert_int_equal(info.offset, data + 64);
    assert_int_equal(info.size, 32);
    assert_int_equal(info.shape[0], 4);
    assert_int_equal(info.shape[1], 2);
    assert_int_equal(info.shape[3], 1);
    CHECK_FAILS(tern_archive_tensor(archive, 2, &info), TERN_STATUS_OUT_OF_RANGE, "2 of 2");
    CHECK_OK(tern__archive_find_tensor(archive, "first", &info));
    assert_int_equal(info.size, 12);
    assert_int_equal(tern__archive_find_tensor(archive, "third", &info), TERN_STATUS_NOT_FOUND);
    uint8_t bytes[2];
    CHECK_OK(tern__archive_read(archive, &info, 10, bytes, 2));
    assert_int_equal(bytes[0], 10);
    CHECK_FAILS(tern__archive_read(archive, &info, 11, bytes, 2), TERN_STATUS_OUT_OF_RANGE,
                "tensor 'first': 2 bytes at offset 11 pass its end at 12");
    tern_archive_destroy(archive);
    gguf_free(&w);
}

// A real file, through the map and through reads: the same.
static void test_real_model(void **state) {
    (void)state;
    char path[512];
    if (!data_path("models/stories3m-i2_s.gguf", path, sizeof path)) {
        print_message("skipped: no models/stories3m-i2_s.gguf\n");
        skip();
    }
    tern_source source;
    CHECK_OK(tern_source_open_file(context, path, &source));
    tern_source unmapped = source;
    unmapped.map = NULL;
    tern_archive *a;
    tern_archive *b;
    CHECK_OK(tern_archive_open(context, &source, &a));
    CHECK_OK(tern_archive_open(context, &unmapped, &b));
    assert_int_equal(tern_archive_tensor_count(a), 90);
    tern_tensor_info info;
    CHECK_OK(tern__archive_find_tensor(b, "blk.7.ffn_down.weight", &info));
    assert_string_equal(info.type_name, "I2_S");
    float scale_a;
    float scale_b;
    CHECK_OK(tern__archive_i2s_scale(a, &info, &scale_a));
    CHECK_OK(tern__archive_i2s_scale(b, &info, &scale_b));
    assert_true(scale_a == scale_b);
    const char *name;
    CHECK_OK(tern__archive_need_string(b, "general.architecture", &name));
    assert_string_equal(name, "bitnet");
    tern_archive_destroy(a);
    tern_archive_destroy(b);
    tern_source_close(&source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),     cmocka_unit_test(test_elements),
        cmocka_unit_test(test_typed_keys), cmocka_unit_test(test_type_numbers_told_apart),
        cmocka_unit_test(test_i2s_scale),  cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_real_model),
    };
    return cmocka_run_group_tests(tests, counted_set_up, counted_tear_down);
}
