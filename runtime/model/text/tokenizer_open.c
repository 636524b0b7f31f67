// A tokenizer from a file of its own, told apart by what is in it.
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/source.h"
#include "runtime/model/text/vocabulary.h"
#include "runtime/status.h"

enum { MAX_FILE = 1 << 30 };

// A form that such files have.
typedef struct form {
    const char *name;
    bool (*is)(const char *data, size_t size);
    tern_status (*read)(tern__vocabulary *v, const char *data, size_t size);
} form;

// A first line of base64, a space and digits.
static bool is_tiktoken(const char *data, size_t size) {
    const char *end = memchr(data, '\n', size);
    const char *space = memchr(data, ' ', end ? (size_t)(end - data) : size);
    if (!space || space == data || (space - data) % 4 != 0) {
        return false;
    }
    for (const char *c = data; c < space; c++) {
        if (!((*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') ||
              *c == '+' || *c == '/' || *c == '=')) {
            return false;
        }
    }
    return space + 1 < data + size && space[1] >= '0' && space[1] <= '9';
}

static bool is_json(const char *data, size_t size) {
    size_t at = 0;
    while (at < size && (data[at] == ' ' || (data[at] >= '\t' && data[at] <= '\r'))) {
        at++;
    }
    return at < size && data[at] == '{';
}

// A protocol buffer whose first field is a piece, that begins with its text.
static bool is_sentencepiece(const char *data, size_t size) {
    return size > 2 && data[0] == '\n' && data[2] == '\n';
}

static const form forms[] = {
    {"tokenizer.json", is_json, tern__vocabulary_read_json},
    {"SentencePiece", is_sentencepiece, tern__vocabulary_read_sentencepiece},
    {"tiktoken", is_tiktoken, tern__vocabulary_read_tiktoken},
};

tern_status tern__vocabulary_read_file(tern__vocabulary *v, const char *data, size_t size) {
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (size > 0 && forms[i].is(data, size)) {
            return forms[i].read(v, data, size);
        }
    }
    return tern__fail(
        v->context, TERN_STATUS_UNSUPPORTED,
        "%s: not a tokenizer: expected GGUF, tokenizer.json, SentencePiece or tiktoken", v->file);
}

static tern_status read_whole(tern_context *context, const char *file, const char *data,
                              size_t size, const tern_tokenizer_desc *desc,
                              tern_tokenizer **out_tokenizer) {
    tern__vocabulary v;
    *out_tokenizer = NULL;
    tern__vocabulary_init(&v, context, file);
    v.pretokenizer = desc ? desc->pretokenizer : NULL;
    tern_status status = tern__vocabulary_read_file(&v, data, size);
    if (status == TERN_STATUS_OK) {
        status = tern__tokenizer_make(&v, out_tokenizer);
    }
    tern__vocabulary_finish(&v);
    return status;
}

static tern_status open_gguf(tern_context *context, const tern_source *source,
                             const tern_tokenizer_desc *desc, tern_tokenizer **out_tokenizer) {
    tern_archive *archive;
    TERN_TRY(tern_archive_open(context, source, &archive));
    tern_status status = tern_tokenizer_create(context, archive, desc, out_tokenizer);
    tern_archive_destroy(archive);
    return status;
}

static tern_status open_whole(tern_context *context, const tern_source *source,
                              const tern_tokenizer_desc *desc, tern_tokenizer **out_tokenizer) {
    const char *name = tern__source_name(source);
    if (source->size > MAX_FILE) {
        return tern__fail(context, TERN_STATUS_UNSUPPORTED,
                          "%s: a tokenizer of %llu bytes, at most 1 GiB is supported", name,
                          (unsigned long long)source->size);
    }
    size_t size = (size_t)source->size;
    char *data = tern__alloc(context, size);
    if (!data) {
        return tern__fail_memory(context, size, name);
    }
    tern_status status = tern__source_read(context, source, 0, data, size);
    if (status == TERN_STATUS_OK) {
        status = read_whole(context, name, data, size, desc, out_tokenizer);
    }
    tern__free(context, data);
    return status;
}

static tern_status look(tern_context *context, const tern_source *source, bool *out_is_gguf) {
    char magic[4] = {0};
    TERN_TRY(tern__source_check(context, source));
    if (source->size >= sizeof magic) {
        TERN_TRY(tern__source_read(context, source, 0, magic, sizeof magic));
    }
    *out_is_gguf = memcmp(magic, "GGUF", sizeof magic) == 0;
    return TERN_STATUS_OK;
}

tern_status tern_tokenizer_open(tern_context *context, const tern_source *source,
                                const tern_tokenizer_desc *desc, tern_tokenizer **out_tokenizer) {
    if (!context || !source || !out_tokenizer) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "tokenizer: context, source and out_tokenizer must not be NULL");
    }
    bool is_gguf;
    *out_tokenizer = NULL;
    TERN_TRY(tern__tokenizer_check_desc(context, desc));
    TERN_TRY(look(context, source, &is_gguf));
    return is_gguf ? open_gguf(context, source, desc, out_tokenizer)
                   : open_whole(context, source, desc, out_tokenizer);
}

static tern_status open_archive(tern_context *context, const char *path,
                                const tern_tokenizer_desc *desc, tern_tokenizer **out_tokenizer) {
    tern_archive *archive;
    TERN_TRY(tern_archive_open_path(context, path, &archive));
    tern_status status = tern_tokenizer_create(context, archive, desc, out_tokenizer);
    tern_archive_destroy(archive);
    return status;
}

tern_status tern_tokenizer_open_path(tern_context *context, const char *path,
                                     const tern_tokenizer_desc *desc,
                                     tern_tokenizer **out_tokenizer) {
    if (!context || !path || !out_tokenizer) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "tokenizer: context, path and out_tokenizer must not be NULL");
    }
    tern_source source;
    *out_tokenizer = NULL;
    TERN_TRY(tern__tokenizer_check_desc(context, desc));
    // What is no file may be a folder; if it is neither, the archive says so.
    if (tern_source_open_file(context, path, &source) != TERN_STATUS_OK) {
        return open_archive(context, path, desc, out_tokenizer);
    }
    bool is_gguf;
    tern_status status = look(context, &source, &is_gguf);
    if (status == TERN_STATUS_OK) {
        status = is_gguf ? open_archive(context, path, desc, out_tokenizer)
                         : open_whole(context, &source, desc, out_tokenizer);
    }
    tern_source_close(&source);
    return status;
}
