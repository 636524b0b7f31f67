// Vocabularies and token ids that others published, from the test data; a test is skipped, by name,
// without what it asks for.
#ifndef TERN_TESTS_HARNESS_PUBLISHED_H_
#define TERN_TESTS_HARNESS_PUBLISHED_H_

#include <stdlib.h>

#include <tern/tokenizer.h>

#include "tests/harness/check.h"
#include "tests/harness/counted_context.h"
#include "tests/harness/data.h"

enum { PUBLISHED_IDS = 8192 };

static inline void published_path(const char *name, char path[512]) {
    if (!data_path(name, path, 512)) {
        print_message("skipped: no %s\n", name);
        skip();
    }
}

// The whole of a file, NUL-terminated.
static inline char *published_read(const char *name, size_t *out_size) {
    char path[512];
    published_path(name, path);
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

static inline tern_tokenizer *published_tokenizer_with(const char *name,
                                                       const tern_tokenizer_desc *desc) {
    char path[512];
    tern_source source;
    tern_tokenizer *tokenizer;
    published_path(name, path);
    CHECK_OK(tern_source_open_file(context, path, &source));
    CHECK_OK(tern_tokenizer_open(context, &source, desc, &tokenizer));
    tern_source_close(&source);
    return tokenizer;
}

static inline tern_tokenizer *published_tokenizer(const char *name) {
    return published_tokenizer_with(name, NULL);
}

static inline void published_check_ids(const tern_tokenizer *tokenizer, const char *text,
                                       size_t size, uint32_t flags, const int32_t *expected,
                                       size_t count) {
    static int32_t ids[PUBLISHED_IDS];
    size_t got;
    CHECK_OK(tern_tokenizer_encode(tokenizer, text, size, flags, ids, PUBLISHED_IDS, &got));
    for (size_t i = 0; i < got && i < count; i++) {
        if (ids[i] != expected[i]) {
            fail_msg("'%.*s': id %zu is %d, expected %d", (int)size, text, i, ids[i], expected[i]);
        }
    }
    assert_int_equal(got, count);
}

// Numbers of |text| up to |end|, separated by anything else.
static inline size_t published_parse_ids(const char *text, const char *end, int32_t *out,
                                         size_t capacity) {
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

// The cases that llama.cpp publishes with a vocabulary: "llama-spm" and its like.
static inline void published_check_pair(const tern_tokenizer *tokenizer, const char *pair) {
    static const char marker[] = "\n__ggml_vocab_test__\n";
    char name[128];
    size_t size;
    snprintf(name, sizeof name, "data/tokenizers/ggml-vocab-%s.gguf.inp", pair);
    char *input = published_read(name, &size);
    snprintf(name, sizeof name, "data/tokenizers/ggml-vocab-%s.gguf.out", pair);
    char *output = published_read(name, &size);
    char *line = output;
    int cases = 0;
    for (char *text = input; text && *line; cases++) {
        char *end = strstr(text, marker);
        char *line_end = strchr(line, '\n');
        int32_t expected[1024];
        size_t count = published_parse_ids(line, line_end, expected, 1024);
        published_check_ids(tokenizer, text, end ? (size_t)(end - text) : strlen(text), 0, expected,
                            count);
        text = end ? end + sizeof marker - 1 : NULL;
        line = line_end + 1;
    }
    assert_true(cases > 40);
    free(input);
    free(output);
}

#endif
