// Byte-level BPE against the ids that others published with their vocabularies.
#include <stdbool.h>
#include <stdlib.h>

#include <tern/tokenizer.h>

#include "tests/harness/check.h"
#include "tests/harness/data.h"
#include "tests/harness/gguf_writer.h"

enum { MAX_IDS = 8192 };

static tern_context *context;

static int set_up(void **state) {
    (void)state;
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    return tern_context_create(&desc, &context);
}

static int tear_down(void **state) {
    (void)state;
    tern_context_destroy(context);
    return 0;
}

static char *read_data(const char *name, size_t *out_size) {
    char path[512];
    if (!data_path(name, path, sizeof path)) {
        print_message("skipped: no %s\n", name);
        skip();
    }
    FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(size + 1);
    assert_int_equal(fread(text, 1, size, file), size);
    fclose(file);
    text[size] = '\0';
    *out_size = size;
    return text;
}

static tern_tokenizer *open_data(const char *name) {
    char path[512];
    if (!data_path(name, path, sizeof path)) {
        print_message("skipped: no %s\n", name);
        skip();
    }
    tern_source source;
    tern_tokenizer *tokenizer;
    CHECK_OK(tern_source_open_file(context, path, &source));
    CHECK_OK(tern_tokenizer_open(context, &source, &tokenizer));
    tern_source_close(&source);
    return tokenizer;
}

static void check_ids(const tern_tokenizer *tokenizer, const char *text, size_t size,
                      uint32_t flags, const int32_t *expected, size_t count) {
    static int32_t ids[MAX_IDS];
    size_t got;
    CHECK_OK(tern_tokenizer_encode(tokenizer, text, size, flags, ids, MAX_IDS, &got));
    for (size_t i = 0; i < got && i < count; i++) {
        if (ids[i] != expected[i]) {
            fail_msg("'%.*s': id %zu is %d, expected %d", (int)size, text, i, ids[i], expected[i]);
        }
    }
    assert_int_equal(got, count);
}

// Numbers of |text| up to |end|, separated by anything else.
static size_t parse_ids(const char *text, const char *end, int32_t *out, size_t capacity) {
    size_t count = 0;
    while (text < end && count < capacity) {
        if (*text >= '0' && *text <= '9') {
            char *next;
            out[count++] = (int32_t)strtol(text, &next, 10);
            text = next;
        } else {
            text++;
        }
    }
    return count;
}

// The cases that llama.cpp publishes with its vocabularies.
static void check_pair(const char *vocabulary, const char *pair) {
    static const char marker[] = "\n__ggml_vocab_test__\n";
    char name[128];
    size_t size;
    tern_tokenizer *tokenizer = open_data(vocabulary);
    snprintf(name, sizeof name, "data/tokenizers/ggml-vocab-%s.gguf.inp", pair);
    char *input = read_data(name, &size);
    snprintf(name, sizeof name, "data/tokenizers/ggml-vocab-%s.gguf.out", pair);
    char *output = read_data(name, &size);
    char *line = output;
    int cases = 0;
    for (char *text = input; text && *line; cases++) {
        char *end = strstr(text, marker);
        char *line_end = strchr(line, '\n');
        int32_t expected[1024];
        size_t count = parse_ids(line, line_end, expected, 1024);
        check_ids(tokenizer, text, end ? (size_t)(end - text) : strlen(text), 0, expected, count);
        text = end ? end + sizeof marker - 1 : NULL;
        line = line_end + 1;
    }
    assert_true(cases > 40);
    free(input);
    free(output);
    tern_tokenizer_destroy(tokenizer);
}

static void test_gpt2(void **state) {
    (void)state;
    check_pair("data/tokenizers/ggml-vocab-gpt-2.gguf", "gpt-2");
}

static void test_falcon(void **state) {
    (void)state;
    check_pair("data/tokenizers/ggml-vocab-falcon.gguf", "falcon");
}

static void test_deepseek_llm(void **state) {
    (void)state;
    check_pair("data/tokenizers/ggml-vocab-deepseek-llm.gguf", "deepseek-llm");
}

static void test_llama3(void **state) {
    (void)state;
    check_pair("data/llama3/tokenizer.model", "llama-bpe");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gpt2),
        cmocka_unit_test(test_falcon),
        cmocka_unit_test(test_deepseek_llm),
        cmocka_unit_test(test_llama3),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
