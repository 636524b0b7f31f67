// Any bytes as a model file that is converted, its last byte saying how: what comes out is a model
// file, which converted alike is itself.
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <tern/convert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1 << 24 }; // bytes of a result

static const char *const types[] = {NULL,     "tq1_0", "tq2_0", "i2_s", "q2_0", "pq2_0",
                                    "ptq1_0", "f32",   "f16",   "bf16", "q8_0"};

typedef struct result {
    uint8_t *data;
    size_t size;
} result;

static tern_status write(void *user, const void *data, size_t size) {
    result *r = user;
    if (size > MOST - r->size) {
        return TERN_STATUS_IO;
    }
    uint8_t *grown = realloc(r->data, r->size + size + 1);
    if (!grown) {
        return TERN_STATUS_OUT_OF_MEMORY;
    }
    memcpy(grown + r->size, data, size);
    r->data = grown;
    r->size += size;
    return TERN_STATUS_OK;
}

static tern_convert_desc desc_of(uint8_t how) {
    tern_convert_desc desc = TERN_CONVERT_DESC_INIT;
    desc.type = types[how % (sizeof types / sizeof types[0])];
    desc.flags = how / 16 & (TERN_CONVERT_LOSSY | TERN_CONVERT_ABSMEAN);
    desc.scale = how / 64 & 1;
    return desc;
}

// False if |file| is none that can be opened. |*out_status| of the conversion, |*out| its result.
static bool convert(tern_context *context, const result *file, const tern_convert_desc *desc,
                    tern_status *out_status, result *out) {
    tern_source source = tern_source_from_memory("input", file->data, file->size);
    tern_sink sink = {.struct_size = sizeof sink, .user = out, .write = write};
    tern_archive *archive;
    *out = (result){NULL, 0};
    if (tern_archive_open(context, &source, &archive) != TERN_STATUS_OK) {
        return false;
    }
    *out_status = tern_convert(context, archive, desc, &sink);
    tern_archive_destroy(archive);
    return true;
}

// A sink for each file of a folder, of which nothing is kept.
static tern_status forget(void *user, const void *data, size_t size) {
    (void)user;
    (void)data;
    return size <= MOST ? TERN_STATUS_OK : TERN_STATUS_IO;
}

static tern_status open_file(void *user, const char *name, tern_sink *out_sink) {
    (void)user;
    if (strlen(name) == 0 || (strchr(name, '/') && strcmp(name, "1_Pooling/config.json") != 0)) {
        abort();
    }
    *out_sink = (tern_sink){.struct_size = sizeof *out_sink, .write = forget};
    return TERN_STATUS_OK;
}

static void convert_to_folder(tern_context *context, const result *file, uint32_t flags) {
    tern_source source = tern_source_from_memory("input", file->data, file->size);
    tern_convert_desc desc = TERN_CONVERT_DESC_INIT;
    tern_archive *archive;
    desc.flags = flags & TERN_CONVERT_LOSSY;
    if (tern_archive_open(context, &source, &archive) == TERN_STATUS_OK) {
        tern_convert_folder(context, archive, &desc, open_file, NULL);
    }
    tern_archive_destroy(archive);
}

static void check(tern_context *context, const result *once, tern_convert_desc desc) {
    tern_status status;
    result twice;
    desc.flags &= ~(uint32_t)(TERN_CONVERT_LOSSY | TERN_CONVERT_ABSMEAN);
    desc.scale = 0;
    if (!convert(context, once, &desc, &status, &twice) || status != TERN_STATUS_OK ||
        twice.size != once->size || memcmp(twice.data, once->data, twice.size) != 0) {
        abort();
    }
    free(twice.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static tern_context *context;
    if (size == 0 || (!context && tern_context_create(NULL, &context) != TERN_STATUS_OK)) {
        return 0;
    }
    result file = {malloc(size), size}; // the exact size, so that every read past the end is seen
    memcpy(file.data, data, size);
    tern_convert_desc desc = desc_of(data[size - 1]);
    tern_status status;
    result once;
    if (convert(context, &file, &desc, &status, &once)) {
        if (status == TERN_STATUS_OK) {
            check(context, &once, desc);
        }
        free(once.data);
        convert_to_folder(context, &file, desc.flags);
    }
    free(file.data);
    return 0;
}
