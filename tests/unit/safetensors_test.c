// Safetensors by themselves: what the header may say and what it may not.
#include "runtime/model/files/safetensors.h"

#include "runtime/model/files/archive.h"
#include "tests/harness/check.h"
#include "tests/harness/counted_context.h"
#include "tests/harness/data.h"
#include "tests/harness/memory_files.h"
#include "tests/harness/safetensors_writer.h"

static safetensors_writer writer;

static int set_up(void **state) {
    memset(&writer, 0, sizeof writer);
    return counted_set_up(state);
}

// From a copy of the exact size, so that the address sanitizer sees every read past the end.
static tern_status open_bytes(const void *data, size_t size) {
    memory_files folder = {0};
    tern_archive *archive = NULL;
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    memory_files_put(&folder, "x.safetensors", copy, size);
    tern_files files = memory_files_of(&folder);
    size_t before = heap.live;
    heap.peak = heap.live;
    tern_status status = tern_archive_open_files(context, &files, "x.safetensors", &archive);
    assert_true(heap.peak - before <= 128 * size + 8192);
    tern_archive_destroy(archive);
    assert_int_equal(heap.live, before);
    free(copy);
    return status;
}

static void put_small(void) {
    static const float values[6] = {1, 2, 3, 4, 5, 6};
    safetensors_add(&writer, "a.weight", "F32", "[2,3]", values, sizeof values);
    safetensors_add(&writer, "b\\u00e9", "BF16", "[]", NULL, 2);
    safetensors_add(&writer, "c", "U8", "[3,1,1,1]", NULL, 3);
    strcat(writer.header, ",\"__metadata__\":{\"format\":\"pt\"}");
    safetensors_end(&writer);
}

static void test_read(void **state) {
    (void)state;
    put_small();
    tern_source source = tern_source_from_memory("x.safetensors", writer.file, writer.size);
    tern__safetensors file;
    CHECK_OK(tern__safetensors_read(context, &source, &file));
    assert_int_equal(file.count, 3);
    const tern__tensor *a = &file.tensors[0];
    assert_string_equal(a->name, "a.weight");
    assert_int_equal(a->rank, 2);
    assert_int_equal(a->shape[0], 3);
    assert_int_equal(a->shape[1], 2);
    assert_int_equal(a->size, 24);
    assert_memory_equal(writer.file + a->offset, writer.data, 24);
    assert_string_equal(file.tensors[1].name, "b\xc3\xa9");
    assert_int_equal(file.tensors[1].rank, 1);
    assert_int_equal(file.tensors[1].shape[0], 1);
    assert_string_equal(file.tensors[1].type->name, "BF16");
    assert_string_equal(file.tensors[2].type->name, "U8");
    tern__safetensors_finish(context, &file);
}

static void test_refused(void **state) {
    (void)state;
#define ENTRY(dtype, shape, offsets)                                                               \
    "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define TWO(first, second)                                                                         \
    "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" first "},"                          \
    "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" second "}}"
    static const struct {
        const char *header; // before 8 bytes of data
        tern_status status;
        const char *message;
    } cases[] = {
        {"[]", TERN_STATUS_CORRUPT_DATA, "the header is an array, expected an object"},
        {"{", TERN_STATUS_CORRUPT_DATA, "the text ends too early"},
        {"{\"a\":1}", TERN_STATUS_CORRUPT_DATA, "tensor 'a': it is described by no object"},
        {"{\"\":{}}", TERN_STATUS_CORRUPT_DATA, "a tensor's name is empty"},
        {"{\"a\\u0000\":{}}", TERN_STATUS_CORRUPT_DATA, "holds control bytes"},
        {ENTRY("3", "[8]", "[0,8]"), TERN_STATUS_CORRUPT_DATA, "'a': its dtype is no string"},
        {ENTRY("\"F4\"", "[8]", "[0,8]"), TERN_STATUS_UNSUPPORTED, "elements of type F4"},
        {ENTRY("\"U8\"", "8", "[0,8]"), TERN_STATUS_CORRUPT_DATA, "its shape is no array"},
        {ENTRY("\"U8\"", "[-8]", "[0,8]"), TERN_STATUS_CORRUPT_DATA, "a dimension is no integer"},
        {ENTRY("\"U8\"", "[8.5]", "[0,8]"), TERN_STATUS_CORRUPT_DATA, "a dimension is no integer"},
        {ENTRY("\"U8\"", "[0]", "[0,0]"), TERN_STATUS_CORRUPT_DATA, "a dimension is no integer"},
        {ENTRY("\"U8\"", "[1,2,2,2,1]", "[0,8]"), TERN_STATUS_UNSUPPORTED, "has 5 dimensions"},
        {ENTRY("\"U8\"", "[8]", "[0]"), TERN_STATUS_CORRUPT_DATA, "are no array of two"},
        {ENTRY("\"U8\"", "[8]", "[8,0]"), TERN_STATUS_CORRUPT_DATA, "no two rising integers"},
        {ENTRY("\"U8\"", "[8]", "[0,1e1]"), TERN_STATUS_CORRUPT_DATA, "no two rising integers"},
        {ENTRY("\"F32\"", "[8]", "[0,8]"), TERN_STATUS_CORRUPT_DATA, "do not suit its shape"},
        {ENTRY("\"U8\"", "[4294967296,4294967296]", "[0,0]"), TERN_STATUS_CORRUPT_DATA,
         "do not suit its shape"},
        {ENTRY("\"U8\"", "[16]", "[0,16]"), TERN_STATUS_CORRUPT_DATA, "ends at 16 of 8 bytes"},
        {ENTRY("\"U8\"", "[4]", "[0,4]"), TERN_STATUS_CORRUPT_DATA,
         "4 bytes behind the last tensor"},
        {ENTRY("\"U8\"", "[4]", "[4,8]"), TERN_STATUS_CORRUPT_DATA,
         "'a': there is a hole in front of its data"},
        {TWO("[0,4]", "[2,6]"), TERN_STATUS_CORRUPT_DATA, "'b': its data overlap another's"},
        {TWO("[0,4]", "[0,4]"), TERN_STATUS_CORRUPT_DATA, "its data overlap another's"},
        {"{\"a\":{},\"a\":{}}", TERN_STATUS_CORRUPT_DATA, "key 'a' appears twice"},
        {"{}", TERN_STATUS_CORRUPT_DATA, "8 bytes behind the last tensor, at offset 10"},
    };
    writer.data_size = 8;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        safetensors_join(&writer, cases[i].header);
        CHECK_FAILS(open_bytes(writer.file, writer.size), cases[i].status, cases[i].message);
        assert_non_null(strstr(tern_last_error_message(), "x.safetensors: "));
    }
}

static void test_truncated_anywhere(void **state) {
    (void)state;
    put_small();
    for (size_t size = 0; size < writer.size; size++) {
        CHECK_FAILS(open_bytes(writer.file, size), TERN_STATUS_CORRUPT_DATA, "x.safetensors: ");
    }
    CHECK_OK(open_bytes(writer.file, writer.size));
}

static void test_memory_runs_out(void **state) {
    (void)state;
    tern_status status = TERN_STATUS_OUT_OF_MEMORY;
    put_small();
    for (size_t fail = 1; status != TERN_STATUS_OK; fail++) {
        heap.fail_at = heap.calls + fail;
        status = open_bytes(writer.file, writer.size);
        heap.fail_at = 0;
        assert_true(status == TERN_STATUS_OK || status == TERN_STATUS_OUT_OF_MEMORY);
    }
}

static void test_one_source_is_not_enough(void **state) {
    (void)state;
    tern_archive *archive = NULL;
    put_small();
    tern_source source = tern_source_from_memory("x.safetensors", writer.file, writer.size);
    CHECK_FAILS(tern_archive_open(context, &source, &archive), TERN_STATUS_UNSUPPORTED,
                "x.safetensors: safetensors need config.json beside them");
}

// Counts, shapes (as the files have them) and offsets by another reader of JSON.
static void test_fixtures(void **state) {
    (void)state;
    static const struct {
        const char *file;
        uint64_t count;
        const char *name;
        uint64_t rows, cols, offset; // of a dimension less or more: 1, or passed over
    } cases[] = {
        {"hello", 2, "world", 5, 10, 536},
        {"syoyo-model", 2, "weight2", 16, 16, 656},
        {"marian-tiny-random", 86, "model.shared.weight", 58101, 2, 242516},
        {"phi-tiny-random", 33, "model.layers.1.self_attn.v_proj.weight", 32, 32, 319424},
        {"vits-tiny-random", 438, "text_encoder.project.weight", 16, 1, 342240},
        {"whisper-tiny-random", 50, "model.encoder.layers.0.self_attn_layer_norm.weight", 1, 4,
         871744},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[96], path[1024];
        tern_archive *archive = NULL;
        tern_tensor_info info = {sizeof info};
        snprintf(name, sizeof name, "data/safetensors-fixtures/%s.safetensors", cases[i].file);
        if (!data_path(name, path, sizeof path)) {
            skip();
        }
        CHECK_OK(tern_archive_open_path(context, path, &archive));
        assert_int_equal(tern_archive_tensor_count(archive), cases[i].count);
        CHECK_OK(tern__archive_find_tensor(archive, cases[i].name, &info));
        assert_int_equal(info.shape[0], cases[i].cols);
        assert_int_equal(info.shape[1], cases[i].rows);
        assert_int_equal(info.offset, cases[i].offset);
        tern_archive_destroy(archive);
    }
}

static void test_seeds(void **state) {
    (void)state;
    static const struct {
        const char *file;
        const char *message;
    } cases[] = {
        {"las7-tiny-trailing-bytes", "5 bytes behind the last tensor, at offset 32851"},
        {"safetensors_abuse_attempt_1", "a header of 1000 bytes, expected 80 at most"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[96], path[1024];
        tern_archive *archive = NULL;
        snprintf(name, sizeof name, "data/fuzz-seeds/%s.safetensors", cases[i].file);
        if (!data_path(name, path, sizeof path)) {
            skip();
        }
        CHECK_FAILS(tern_archive_open_path(context, path, &archive), TERN_STATUS_CORRUPT_DATA,
                    cases[i].message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read, set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_truncated_anywhere, set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_memory_runs_out, set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_one_source_is_not_enough, set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_fixtures, set_up, counted_tear_down),
        cmocka_unit_test_setup_teardown(test_seeds, set_up, counted_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
