#include "runtime/model/files/source.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/harness/check.h"
#include "tests/harness/counted_context.h"

static void write_file(char *path, size_t capacity) {
    const char *folder = getenv("TERN_BUILD_DIR");
    snprintf(path, capacity, "%s/source_test.bin", folder ? folder : ".");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite("0123456789", 1, 10, file), 10);
    fclose(file);
}

static void test_file(void **state) {
    (void)state;
    char path[512];
    write_file(path, sizeof path);
    tern_source source;
    CHECK_OK(tern_source_open_file(context, path, &source));
    assert_int_equal(source.size, 10);
    assert_string_equal(source.name, path);
    char bytes[4] = {0};
    CHECK_OK(source.read_at(source.user, 6, bytes, 4));
    assert_memory_equal(bytes, "6789", 4);
    CHECK_OK(tern__source_read(context, &source, 3, bytes, 3));
    assert_memory_equal(bytes, "345", 3);
    if (tern__source_map(&source)) {
        assert_memory_equal(tern__source_map(&source), "0123456789", 10);
    }
    CHECK_FAILS(tern__source_read(context, &source, 8, bytes, 3), TERN_STATUS_CORRUPT_DATA,
                "ends at 10");
    CHECK_FAILS(tern__source_read(context, &source, UINT64_MAX, bytes, 3), TERN_STATUS_CORRUPT_DATA,
                "ends at 10");
    tern_source_close(&source);
    tern_source_close(&source);
    assert_null(source.read_at);
    remove(path);
}

static void count_errors(void *user, tern_log_level level, const char *message) {
    (void)message;
    *(unsigned *)user += level == TERN_LOG_ERROR;
}

// A file that has become shorter since it was opened, where it could not be mapped.
static void test_reads_that_fail(void **state) {
    (void)state;
    char path[512];
    unsigned errors = 0;
    tern_context *loud = NULL;
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    desc.log = count_errors;
    desc.log_user = &errors;
    CHECK_OK(tern_context_create(&desc, &loud));
    write_file(path, sizeof path);
    tern_source source;
    CHECK_OK(tern_source_open_file(loud, path, &source));
    source.map = NULL;
    assert_int_equal(truncate(path, 4), 0);
    char bytes[4];
    CHECK_FAILS(tern__source_read(loud, &source, 2, bytes, 4), TERN_STATUS_IO,
                ": reading 4 bytes at offset 2 failed: input/output error");
    assert_int_equal(errors, 1);
    tern_source_close(&source);
    tern_context_destroy(loud);
    remove(path);
}

static void test_files_that_cannot_be_opened(void **state) {
    (void)state;
    tern_source source;
    CHECK_FAILS(tern_source_open_file(context, "no/such/file.gguf", &source), TERN_STATUS_NOT_FOUND,
                "no/such/file.gguf: ");
    assert_null(source.close);
    CHECK_FAILS(tern_source_open_file(context, ".", &source), TERN_STATUS_IO, ".: ");
    CHECK_FAILS(tern_source_open_file(context, NULL, &source), TERN_STATUS_INVALID_ARGUMENT,
                "path is NULL");
    CHECK_FAILS(tern_source_open_file(context, "x", NULL), TERN_STATUS_INVALID_ARGUMENT,
                "out_source is NULL");
}

static void test_file_out_of_memory(void **state) {
    (void)state;
    char path[512];
    write_file(path, sizeof path);
    size_t blocks = heap.blocks;
    for (int n = 1;; n++) {
        tern_source source;
        heap.fail_at = heap.calls + (size_t)n;
        tern_status status = tern_source_open_file(context, path, &source);
        bool reached = heap.calls >= heap.fail_at;
        tern_source_close(&source);
        assert_int_equal(heap.blocks, blocks);
        if (!reached) {
            assert_int_equal(status, TERN_STATUS_OK);
            break;
        }
        assert_int_equal(status, TERN_STATUS_OUT_OF_MEMORY);
    }
    heap.fail_at = 0;
    remove(path);
}

static void test_memory(void **state) {
    (void)state;
    tern_source source = tern_source_from_memory("bytes", "abcdef", 6);
    CHECK_OK(tern__source_check(context, &source));
    char bytes[3];
    CHECK_OK(source.read_at(source.user, 3, bytes, 3));
    assert_memory_equal(bytes, "def", 3);
    CHECK_OK(tern__source_read(context, &source, 0, bytes, 3));
    assert_memory_equal(bytes, "abc", 3);
    CHECK_FAILS(tern__source_read(context, &source, 4, bytes, 3), TERN_STATUS_CORRUPT_DATA,
                "bytes: ends at 6, but 3 bytes at offset 4 are needed");
    tern_source empty = tern_source_from_memory(NULL, NULL, 0);
    CHECK_OK(tern__source_check(context, &empty));
    CHECK_OK(tern__source_read(context, &empty, 0, bytes, 0));
    assert_string_equal(tern__source_name(&empty), "source");
}

static tern_status fail_to_read(void *user, uint64_t offset, void *data, size_t size) {
    (void)offset;
    (void)data;
    (void)size;
    return *(tern_status *)user;
}

static const void *no_map(void *user) {
    (void)user;
    return NULL;
}

static void test_host_callbacks(void **state) {
    (void)state;
    tern_status status = TERN_STATUS_CANCELLED;
    tern_source source = {.struct_size = sizeof source,
                          .name = "pak://model",
                          .user = &status,
                          .size = 100,
                          .read_at = fail_to_read,
                          .map = no_map};
    char bytes[8];
    CHECK_OK(tern__source_check(context, &source));
    CHECK_FAILS(tern__source_read(context, &source, 16, bytes, 8), TERN_STATUS_CANCELLED,
                "pak://model: reading 8 bytes at offset 16 failed: cancelled");
    source.read_at = NULL;
    CHECK_FAILS(tern__source_check(context, &source), TERN_STATUS_INVALID_ARGUMENT,
                "neither read_at nor a map");
    source.read_at = fail_to_read;
    source.reserved = 1;
    CHECK_FAILS(tern__source_check(context, &source), TERN_STATUS_INVALID_ARGUMENT,
                "tern_source: reserved is 1, must be 0");
    source.struct_size = 4;
    CHECK_FAILS(tern__source_check(context, &source), TERN_STATUS_INVALID_ARGUMENT,
                "struct_size is 4");
    CHECK_FAILS(tern__source_check(context, NULL), TERN_STATUS_INVALID_ARGUMENT, "source is NULL");
}

#ifdef __linux__
// Bytes of mapped files that this process has in memory.
static size_t resident_files(void) {
    size_t all = 0, resident = 0, shared = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu %zu %zu", &all, &resident, &shared), 3);
    fclose(file);
    return shared * (size_t)sysconf(_SC_PAGESIZE);
}

// What is copied out of a file does not also stay in memory as the file.
static void test_reading_leaves_nothing_behind(void **state) {
    (void)state;
    enum { CHUNK = 1 << 20, CHUNKS = 64 };
    char path[512];
    write_file(path, sizeof path);
    assert_int_equal(truncate(path, CHUNKS * CHUNK), 0);
    tern_source source;
    CHECK_OK(tern_source_open_file(context, path, &source));
    char *data = malloc(CHUNK);
    assert_non_null(data);
    size_t before = resident_files();
    for (uint64_t i = 0; i < CHUNKS; i++) {
        CHECK_OK(tern__source_read(context, &source, i * CHUNK, data, CHUNK));
    }
    assert_true(resident_files() < before + (size_t)8 * CHUNK);
    free(data);
    tern_source_close(&source);
    unlink(path);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_reads_that_fail),
        cmocka_unit_test(test_files_that_cannot_be_opened),
        cmocka_unit_test(test_file_out_of_memory),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_host_callbacks),
#ifdef __linux__
        cmocka_unit_test(test_reading_leaves_nothing_behind),
#endif
    };
    return cmocka_run_group_tests(tests, counted_set_up, counted_tear_down);
}
