// Files that lie: each gives one clear line and takes no more memory than its size justifies.
#include <dirent.h>
#include <stdlib.h>

#include <tern/tokenizer.h>

#include "runtime/model/files/archive.h"
#include "tests/harness/check.h"
#include "tests/harness/counted_context.h"
#include "tests/harness/data.h"
#include "tests/harness/gguf_writer.h"

static tern_status read_bytes(void *user, uint64_t offset, void *data, size_t size) {
    memcpy(data, (const uint8_t *)user + offset, size);
    return TERN_STATUS_OK;
}

// Opens |size| bytes and makes a tokenizer of them, through the map or through reads. Checks what
// holds for every input and returns what the archive gave.
static tern_status try_bytes(const uint8_t *bytes, size_t size, bool mapped) {
    // A copy of the exact size, so that the address sanitizer sees every read past the end.
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    tern_source source = tern_source_from_memory("input", copy, size);
    if (!mapped) {
        source.map = NULL;
        source.read_at = read_bytes;
    }
    size_t before = heap.live;
    heap.peak = heap.live;
    tern_archive *archive;
    tern_tokenizer *tokenizer = NULL;
    tern_status status = tern_archive_open(context, &source, &archive);
    assert_int_equal(status == TERN_STATUS_OK, archive != NULL);
    if (status == TERN_STATUS_OK) {
        tern_tokenizer_create(context, archive, NULL, &tokenizer);
    } else {
        assert_true(status == TERN_STATUS_CORRUPT_DATA || status == TERN_STATUS_INCOMPATIBLE ||
                    status == TERN_STATUS_UNSUPPORTED);
        assert_non_null(strstr(tern_last_error_message(), "input: "));
        assert_null(strchr(tern_last_error_message(), '\n'));
    }
    assert_true(heap.peak - before <= 16 * size + 8192);
    tern_tokenizer_destroy(tokenizer);
    tern_archive_destroy(archive);
    assert_int_equal(heap.live, before);
    free(copy);
    return status;
}

static void check_refused(const gguf_writer *w, tern_status expected, const char *part) {
    for (int mapped = 0; mapped < 2; mapped++) {
        CHECK_FAILS(try_bytes(w->data, w->size, mapped != 0), expected, part);
    }
}

// A small file with all there is: keys of several types, a vocabulary, three tensors.
static void put_small(gguf_writer *w) {
    static const char *const tokens[] = {"<unk>", "<s>", "</s>", "a", "b", "ab", "\xe2\x96\x81"};
    enum { TOKENS = sizeof tokens / sizeof tokens[0] };
    gguf_start(w, 3, 3, 7);
    gguf_key_string(w, "general.architecture", "bitnet");
    gguf_key_u32(w, "general.alignment", 32);
    gguf_key(w, "a.bool", TERN_VALUE_BOOL);
    gguf_int(w, 1, 1);
    gguf_key_string(w, "tokenizer.ggml.model", "llama");
    gguf_key_array(w, "tokenizer.ggml.tokens", TERN_VALUE_STRING, TOKENS);
    for (int i = 0; i < TOKENS; i++) {
        gguf_text(w, tokens[i], strlen(tokens[i]));
    }
    gguf_key_array(w, "tokenizer.ggml.scores", TERN_VALUE_F32, TOKENS);
    for (int i = 0; i < TOKENS; i++) {
        gguf_float(w, (float)-i);
    }
    gguf_key_array(w, "tokenizer.ggml.token_type", TERN_VALUE_I32, TOKENS);
    for (uint64_t i = 0; i < TOKENS; i++) {
        gguf_int(w, i == 0 ? 2 : i < 3 ? 3 : 1, 4);
    }
    gguf_tensor(w, "norm", 5, 1, 0, 0);
    gguf_tensor(w, "weights", 128, 2, 36, 32);
    gguf_tensor(w, "more", 256, 1, 35, 128);
    gguf_pad(w, 32);
    gguf_zeros(w, 128 + 66);
}

static void test_small_is_good(void **state) {
    (void)state;
    gguf_writer w = {0};
    put_small(&w);
    CHECK_OK(try_bytes(w.data, w.size, true));
    CHECK_OK(try_bytes(w.data, w.size, false));
    gguf_free(&w);
}

static void test_truncated_anywhere(void **state) {
    (void)state;
    gguf_writer w = {0};
    put_small(&w);
    for (size_t size = 0; size < w.size; size++) {
        assert_int_equal(try_bytes(w.data, size, size % 2 == 0), TERN_STATUS_CORRUPT_DATA);
    }
    gguf_free(&w);
}

static uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

// Whatever a byte becomes: an archive or a clear line.
static void test_corrupted_bytes(void **state) {
    (void)state;
    gguf_writer w = {0};
    put_small(&w);
    uint32_t random = 2463534242u;
    for (size_t i = 0; i < w.size; i++) {
        uint8_t saved = w.data[i];
        const uint8_t values[] = {0, 0xff, (uint8_t)(saved ^ 1), (uint8_t)(saved ^ 0x80),
                                  (uint8_t)next_random(&random)};
        for (size_t v = 0; v < sizeof values; v++) {
            w.data[i] = values[v];
            try_bytes(w.data, w.size, v % 2 == 0);
        }
        w.data[i] = saved;
    }
    gguf_free(&w);
}

static void test_corrupted_words(void **state) {
    (void)state;
    gguf_writer w = {0};
    put_small(&w);
    uint8_t *copy = malloc(w.size);
    uint32_t random = 88675123u;
    for (int round = 0; round < 4000; round++) {
        memcpy(copy, w.data, w.size);
        for (int hit = 0; hit < 3; hit++) {
            size_t at = next_random(&random) % w.size;
            size_t length = next_random(&random) % 8 + 1;
            for (size_t i = at; i < at + length && i < w.size; i++) {
                copy[i] = (uint8_t)(next_random(&random) % 3 ? 0xff : next_random(&random));
            }
        }
        try_bytes(copy, w.size, round % 2 == 0);
    }
    free(copy);
    gguf_free(&w);
}

static void test_versions(void **state) {
    (void)state;
    gguf_writer w = {0};
    gguf_start(&w, 2, 0, 0);
    CHECK_OK(try_bytes(w.data, w.size, true));
    gguf_start(&w, 1, 0, 0);
    check_refused(&w, TERN_STATUS_INCOMPATIBLE, "version 1 at offset 4, expected 2 or 3");
    gguf_start(&w, 4, 0, 0);
    check_refused(&w, TERN_STATUS_INCOMPATIBLE, "version 4");
    gguf_start(&w, 0x03000000, 0, 0);
    check_refused(&w, TERN_STATUS_INCOMPATIBLE, "big-endian");
    w.data[0] = 'g';
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "no magic 'GGUF'");
    w.size = 0;
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "the file is empty");
    gguf_free(&w);
}

static void test_counts_and_lengths(void **state) {
    (void)state;
    gguf_writer w = {0};
    gguf_start(&w, 3, UINT64_MAX, 0);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "the number of tensors at offset 8");
    gguf_start(&w, 3, 0, (uint64_t)1 << 60);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "the number of keys at offset 16");
    gguf_start(&w, 3, 0, 1);
    gguf_int(&w, UINT64_MAX, 8);
    gguf_zeros(&w, 32);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "a key at offset 32 takes 18446744073709551615");
    gguf_start(&w, 3, 0, 1);
    gguf_key_array(&w, "list", TERN_VALUE_U32, (uint64_t)1 << 62);
    gguf_zeros(&w, 32);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "an array's length at offset 44");
    gguf_start(&w, 3, 0, 1);
    gguf_key_array(&w, "list", TERN_VALUE_STRING, 5);
    gguf_zeros(&w, 39);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "holds at most 4");
    gguf_free(&w);
}

static void test_keys(void **state) {
    (void)state;
    gguf_writer w = {0};
    gguf_start(&w, 3, 0, 1);
    gguf_key_array(&w, "list", TERN_VALUE_ARRAY, 1);
    gguf_zeros(&w, 32);
    check_refused(&w, TERN_STATUS_UNSUPPORTED, "key 'list' at offset 24 is an array of arrays");
    gguf_start(&w, 3, 0, 1);
    gguf_key(&w, "odd", 13);
    gguf_zeros(&w, 32);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "key 'odd' at offset 24 has a value of type 13");
    gguf_start(&w, 3, 0, 1);
    gguf_key_array(&w, "list", 77, 1);
    gguf_zeros(&w, 32);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "type 77");
    gguf_start(&w, 3, 0, 1);
    gguf_key(&w, "flag", TERN_VALUE_BOOL);
    gguf_int(&w, 2, 1);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "a bool that is neither 0 nor 1 at offset 40");
    gguf_start(&w, 3, 0, 1);
    gguf_key_u32(&w, "", 0);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "a key at offset 24 has 0 bytes");
    gguf_start(&w, 3, 0, 1);
    gguf_key_u32(&w, "two\nlines", 0);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "the control byte 0x0a");
    gguf_start(&w, 3, 0, 3);
    gguf_key_u32(&w, "twice", 0);
    gguf_key_u32(&w, "once", 0);
    gguf_key_string(&w, "twice", "x");
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "key 'twice' appears twice, at offsets 24 and 65");
    for (uint32_t alignment = 0; alignment <= 48; alignment += 4) {
        gguf_start(&w, 3, 0, 1);
        gguf_key_u32(&w, "general.alignment", alignment);
        if (alignment == 8 || alignment == 16 || alignment == 32) {
            CHECK_OK(try_bytes(w.data, w.size, true));
        } else {
            check_refused(&w, TERN_STATUS_CORRUPT_DATA, "expected a power of two from 8 on");
        }
    }
    gguf_start(&w, 3, 0, 1);
    gguf_key_string(&w, "general.alignment", "32");
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "key 'general.alignment' is string");
    gguf_free(&w);
}

// A file whose only tensor is described so, with |bytes| of data.
typedef struct described {
    uint32_t rank;
    uint64_t shape[4];
    uint32_t type;
    uint64_t offset;
    size_t bytes;
} described;

static void put_described(gguf_writer *w, described d) {
    gguf_start(w, 3, 1, 0);
    gguf_text(w, "w", 1);
    gguf_int(w, d.rank, 4);
    for (uint32_t i = 0; i < d.rank && i < 4; i++) {
        gguf_int(w, d.shape[i], 8);
    }
    gguf_int(w, d.type, 4);
    gguf_int(w, d.offset, 8);
    gguf_zeros(w, d.rank == 0 ? 8 : 0); // no file is too short for one dimension
    gguf_pad(w, 32);
    gguf_zeros(w, d.bytes);
}

static void test_tensor_descriptions(void **state) {
    (void)state;
    static const struct {
        described tensor;
        const char *message; // NULL: good
    } cases[] = {
        {{1, {8}, 0, 0, 32}, NULL},
        {{4, {2, 2, 2, 1}, 0, 0, 32}, NULL},
        {{0, {0}, 0, 0, 32}, "has rank 0 at offset 33, expected 1 to 4"},
        {{5, {1, 1, 1, 1}, 0, 0, 64}, "has rank 5"},
        {{UINT32_MAX, {1, 1, 1, 1}, 0, 0, 64}, "has rank 4294967295"},
        {{2, {8, 0}, 0, 0, 32}, "dimension 1 is 0"},
        {{1, {9}, 0, 0, 32}, "passes the end of the file"},
        {{1, {8}, 0, 16, 64}, "data offset 16 is not a multiple of 32"},
        {{1, {8}, 0, 32, 64}, NULL},
        {{1, {8}, 0, 96, 64}, "data offset 96 passes the"},
        {{1, {8}, 0, UINT64_MAX - 31, 64}, "passes the"},
        {{1, {(uint64_t)1 << 62}, 0, 0, 64}, "are too many or no whole blocks of 1"},
        {{4,
          {((uint64_t)1 << 48) - 1, ((uint64_t)1 << 48) - 1, ((uint64_t)1 << 48) - 1, 2},
          0,
          0,
          64},
         "are too many"},
        {{1, {100}, 8, 0, 500}, "no whole blocks of 32"},
        {{2, {128, 1}, 35, 0, 500}, "no whole blocks of 256"},
    };
    gguf_writer w = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        w.size = 0;
        put_described(&w, cases[i].tensor);
        if (cases[i].message) {
            check_refused(&w, TERN_STATUS_CORRUPT_DATA, cases[i].message);
        } else {
            CHECK_OK(try_bytes(w.data, w.size, true));
        }
    }
    gguf_free(&w);
}

static void put_two(gguf_writer *w, const char *second, uint64_t offset, uint32_t type) {
    gguf_start(w, 3, 2, 0);
    gguf_tensor(w, "first", 16, 1, 0, 32);
    gguf_tensor(w, second, 16, 1, type, offset);
    gguf_pad(w, 32);
    gguf_zeros(w, 160);
}

static void test_tensors_together(void **state) {
    (void)state;
    gguf_writer w = {0};
    put_two(&w, "second", 96, 0);
    CHECK_OK(try_bytes(w.data, w.size, true));
    put_two(&w, "second", 64, 0);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "tensor 'first' of 64 bytes at offset");
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "overlaps tensor 'second'");
    put_two(&w, "second", 0, 0);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "overlaps tensor 'first'");
    put_two(&w, "second", 32, 0);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "another tensor has the same data offset");
    put_two(&w, "second", 32, 99);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "another tensor has the same data offset");
    put_two(&w, "first", 96, 0);
    check_refused(&w, TERN_STATUS_CORRUPT_DATA, "tensor 'first' appears twice");
    gguf_free(&w);
}

static tern_status fail_later(void *user, uint64_t offset, void *data, size_t size) {
    gguf_writer *w = user;
    if (offset + size > 65536) {
        return TERN_STATUS_IO;
    }
    memcpy(data, w->data + offset, size);
    return TERN_STATUS_OK;
}

static void test_reads_that_fail(void **state) {
    (void)state;
    gguf_writer w = {0};
    gguf_start(&w, 3, 0, 1);
    gguf_key_array(&w, "long", TERN_VALUE_U8, 100000);
    gguf_zeros(&w, 100000);
    tern_source source = gguf_source(&w);
    source.map = NULL;
    source.read_at = fail_later;
    source.user = &w;
    tern_archive *archive;
    CHECK_FAILS(tern_archive_open(context, &source, &archive), TERN_STATUS_IO,
                "test.gguf: reading ");
    assert_null(archive);
    gguf_free(&w);
}

// Every allocation on the way fails once: no leak, and the right status.
static void test_out_of_memory(void **state) {
    (void)state;
    gguf_writer w = {0};
    put_small(&w);
    tern_source source = gguf_source(&w);
    size_t blocks = heap.blocks;
    bool reached = true;
    for (size_t n = 1; reached; n++) {
        heap.fail_at = heap.calls + n;
        tern_archive *archive = NULL;
        tern_tokenizer *tokenizer = NULL;
        tern_status status = tern_archive_open(context, &source, &archive);
        if (status == TERN_STATUS_OK) {
            status = tern_tokenizer_create(context, archive, NULL, &tokenizer);
        }
        int32_t ids[16];
        size_t count;
        if (status == TERN_STATUS_OK) {
            status = tern_tokenizer_encode(tokenizer, "ab<s>", 5, TERN_TOKENIZE_SPECIAL, ids, 16,
                                           &count);
        }
        reached = heap.calls >= heap.fail_at;
        assert_int_equal(status, reached ? TERN_STATUS_OUT_OF_MEMORY : TERN_STATUS_OK);
        if (reached) {
            assert_non_null(strstr(tern_last_error_message(), "out of memory"));
        }
        tern_tokenizer_destroy(tokenizer);
        tern_archive_destroy(archive);
        assert_int_equal(heap.blocks, blocks);
        assert_true(n > 12 || reached);
    }
    heap.fail_at = 0;
    gguf_free(&w);
}

static void try_file(const char *path, const char *name) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(size ? size : 1);
    assert_int_equal(fread(bytes, 1, size, file), size);
    fclose(file);
    tern_status status = try_bytes(bytes, size, true);
    assert_int_equal(try_bytes(bytes, size, false), status);
    if (strncmp(name, "vocab-", 6) == 0 || strncmp(name, "valid-", 6) == 0) {
        assert_int_equal(status, TERN_STATUS_OK);
    }
    free(bytes);
}

static void try_folder(const char *folder) {
    char path[512];
    char probe[512];
    snprintf(probe, sizeof probe, "%s/%s", folder,
             strstr(folder, "seeds") ? "valid-small.gguf" : "las7-empty.gguf");
    if (!data_path(probe, path, sizeof path)) {
        print_message("skipped: no %s\n", folder);
        skip();
    }
    *strrchr(path, '/') = '\0';
    DIR *entries = opendir(path);
    assert_non_null(entries);
    int files = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot && (strcmp(dot, ".gguf") == 0 || strcmp(dot, ".bin") == 0)) {
            char file[1024];
            snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
            try_file(file, entry->d_name);
            files++;
        }
    }
    closedir(entries);
    assert_true(files > 5);
}

static void test_fuzz_seeds(void **state) {
    (void)state;
    try_folder("data/fuzz-seeds/gridcore-gguf_open");
}

static void test_fixtures(void **state) {
    (void)state;
    try_folder("data/gguf-fixtures");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_is_good),
        cmocka_unit_test(test_truncated_anywhere),
        cmocka_unit_test(test_corrupted_bytes),
        cmocka_unit_test(test_corrupted_words),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_counts_and_lengths),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_tensor_descriptions),
        cmocka_unit_test(test_tensors_together),
        cmocka_unit_test(test_reads_that_fail),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_fuzz_seeds),
        cmocka_unit_test(test_fixtures),
    };
    return cmocka_run_group_tests(tests, counted_set_up, counted_tear_down);
}
