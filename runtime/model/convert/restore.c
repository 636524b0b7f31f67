#include "runtime/model/convert/restore.h"

#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/tensors/i2s_probe.h"
#include "runtime/model/convert/kept.h"
#include "runtime/model/files/safetensors.h"
#include "runtime/model/files/sink.h"
#include "runtime/status.h"

enum { SIZE_BYTES = 8 };

// Sinks stay open until all is written, so that a failure leaves none of their files.
typedef struct outputs {
    tern_sink_open_fn open;
    void *user;
    tern_sink *sinks;
    size_t count;
} outputs;

// A file of which the header alone is there.
typedef struct header {
    const uint8_t *bytes;
    size_t size;
} header;

static tern_status read_header(void *user, uint64_t offset, void *data, size_t size) {
    const header *h = user;
    if (offset + size > h->size) {
        return TERN_STATUS_CORRUPT_DATA;
    }
    memcpy(data, h->bytes + offset, size);
    return TERN_STATUS_OK;
}

static tern_status open_output(tern__restore *r, outputs *out, const char *name) {
    tern_sink *sink = &out->sinks[out->count];
    tern__set_error("");
    tern_status status = out->open(out->user, name, sink);
    if (status != TERN_STATUS_OK) {
        return tern_last_error_message()[0]
                   ? status
                   : tern__fail(r->c.context, status, "%s: cannot be written", name);
    }
    out->count++;
    TERN_TRY(tern__sink_check(r->c.context, sink));
    r->c.sink = sink;
    return TERN_STATUS_OK;
}

static tern_status write_tensors(tern__restore *r, const char *name, const header *h,
                                 uint64_t size) {
    const tern_source source = {.struct_size = sizeof source,
                                .name = name,
                                .user = (void *)(uintptr_t)h,
                                .size = size,
                                .read_at = read_header};
    tern__safetensors file;
    TERN_TRY(tern__safetensors_read(r->c.context, &source, &file));
    tern_status status = tern__sink_write(r->c.context, r->c.sink, h->bytes, h->size);
    for (size_t i = 0; i < file.count && status == TERN_STATUS_OK; i++) {
        status = tern__restore_tensor(r, &file.tensors[i]);
    }
    tern__safetensors_finish(r->c.context, &file);
    return status;
}

static bool is_header(const tern_archive *archive, const tern__entry *entry) {
    const char *key = tern__gguf_string(archive->header, entry->key);
    return strncmp(key, TERN__KEPT_HEADER, strlen(TERN__KEPT_HEADER)) == 0 &&
           entry->type == TERN_VALUE_ARRAY && entry->element == TERN_VALUE_U8 &&
           entry->count > 2 * SIZE_BYTES;
}

// Of a folder's own file: nothing that leads out of it.
static bool is_file_name(const char *name) {
    size_t length = strlen(name), suffix = strlen(".safetensors");
    return length > suffix && !strpbrk(name, "/\\:") && name[0] != '.' &&
           strcmp(name + length - suffix, ".safetensors") == 0;
}

static tern_status write_headers(tern__restore *r, outputs *out) {
    const tern_archive *archive = r->c.archive;
    for (size_t i = 0; i < archive->entry_count; i++) {
        const tern__entry *entry = &archive->entries[i];
        if (!is_header(archive, entry)) {
            continue;
        }
        const char *key = tern__gguf_string(archive->header, entry->key);
        const char *name = key + strlen(TERN__KEPT_HEADER);
        const uint8_t *bytes = archive->header + entry->value;
        header h = {bytes + SIZE_BYTES, (size_t)entry->count - SIZE_BYTES};
        if (!is_file_name(name)) {
            return tern__fail(r->c.context, TERN_STATUS_CORRUPT_DATA,
                              "%s: key '%.100s' does not end in the name of a file",
                              tern__archive_name(archive), key);
        }
        TERN_TRY(open_output(r, out, name));
        TERN_TRY(write_tensors(r, name, &h, tern__load_u64(bytes)));
    }
    return TERN_STATUS_OK;
}

static tern_status write_file(tern__restore *r, outputs *out, const char *name) {
    char *data = NULL;
    size_t size = 0;
    tern_status status = tern__archive_file(r->c.archive, name, &data, &size);
    if (status != TERN_STATUS_OK) {
        return status == TERN_STATUS_NOT_FOUND ? TERN_STATUS_OK : status;
    }
    status = open_output(r, out, name);
    if (status == TERN_STATUS_OK) {
        status = tern__sink_write(r->c.context, r->c.sink, data, size);
    }
    tern__free(r->c.context, data);
    return status;
}

// Whether the keys that the configuration gives are those of the network.
static tern_status check_made(const tern__restore *r, tern__builder *builder) {
    tern__hyper *hyper = tern__calloc(r->c.context, 1, sizeof *hyper);
    tern__tensor embedding = {.name = "token_embd.weight", .rank = 2};
    const uint64_t shape[4] = {r->made->hyper.width, r->made->hyper.vocabulary, 1, 1};
    memcpy(embedding.shape, shape, sizeof shape);
    embedding.type = tern__ggml_type_named("F32");
    embedding.source = r->c.archive->tensors[0].source;
    if (!hyper) {
        return tern__fail_memory(r->c.context, sizeof *hyper, "a configuration");
    }
    tern_status status = tern__build_tensor(builder, &embedding);
    status = status == TERN_STATUS_OK ? tern__build_finish(builder) : status;
    status = status == TERN_STATUS_OK ? tern__hyper_read(builder->archive, hyper) : status;
    status = status == TERN_STATUS_OK ? tern__export_compare(r->made, hyper) : status;
    tern__free(r->c.context, hyper);
    return status;
}

// Names of tensors follow from the configuration; the keys that it gives are not wanted.
static tern_status use_config(tern__restore *r, tern_archive *scratch, char *text, size_t size) {
    tern__builder builder = {.archive = scratch};
    tern__json_document document;
    TERN_TRY(tern__json_parse(r->c.context, "config.json", text, size, &document));
    tern_status status = tern__hf_config(&builder, "config.json", document.nodes, &r->model);
    tern__json_finish(r->c.context, &document);
    return status == TERN_STATUS_OK && r->made ? check_made(r, &builder) : status;
}

// Of what was made, for a parser that writes into it.
static tern_status copy_config(const tern__restore *r, char **out, size_t *out_size) {
    *out_size = r->made->config.size;
    *out = tern__alloc(r->c.context, *out_size + 1);
    if (!*out) {
        return tern__fail_memory(r->c.context, *out_size, "a configuration");
    }
    memcpy(*out, r->made->config.data, *out_size);
    (*out)[*out_size] = 0;
    return TERN_STATUS_OK;
}

static tern_status read_config(tern__restore *r) {
    char *text = NULL;
    size_t size = 0;
    tern_archive *scratch = tern__calloc(r->c.context, 1, sizeof *scratch);
    if (!scratch) {
        return tern__fail_memory(r->c.context, sizeof *scratch, "a configuration");
    }
    scratch->context = r->c.context;
    scratch->name = tern__archive_name(r->c.archive);
    tern_status status = r->made ? copy_config(r, &text, &size)
                                 : tern__archive_file(r->c.archive, "config.json", &text, &size);
    if (status == TERN_STATUS_OK) {
        status = use_config(r, scratch, text, size);
    }
    tern__free(r->c.context, text);
    tern__archive_clear(scratch);
    tern__free(r->c.context, scratch);
    return status;
}

static bool was_folder(const tern_archive *archive, size_t *out_files) {
    *out_files = 0;
    for (size_t i = 0; i < archive->entry_count; i++) {
        *out_files += is_header(archive, &archive->entries[i]);
    }
    return *out_files && tern__archive_entry(archive, "tern.file.config.json");
}

static tern_status check(tern__restore *r) {
    const tern_archive *archive = r->c.archive;
    const tern_convert_desc *desc = r->c.desc;
    const char *scale = NULL;
    if (desc->type || desc->scale || (desc->flags & ~(uint32_t)TERN_CONVERT_LOSSY)) {
        return tern__fail(r->c.context, TERN_STATUS_INVALID_ARGUMENT,
                          "convert: a folder has the types that it had, expected no other");
    }
    TERN_TRY(tern__archive_string(archive, TERN__KEPT_SCALE, "direct", &scale));
    r->inverse = strcmp(scale, "inverse") == 0;
    TERN_TRY(tern__i2s_check(r->c.context, "tern_convert_desc", desc->i2s_block));
    return tern__i2s_block(archive, desc->i2s_block, &r->c.i2s_block);
}

static tern_status make(tern__restore *r) {
    if (!r->c.archive->source) {
        return tern__fail(r->c.context, TERN_STATUS_UNSUPPORTED,
                          "%s: is a folder of safetensors already",
                          tern__archive_name(r->c.archive));
    }
    TERN_TRY(tern__export_config(r->made, &r->c));
    TERN_TRY(read_config(r));
    TERN_TRY(tern__export_header(r->made, &r->model));
    return tern__export_tokens(r->made);
}

static tern_status write_made(tern__restore *r, outputs *out, const char *name,
                              const tern__writer *w) {
    if (w->size == 0) {
        return TERN_STATUS_OK;
    }
    TERN_TRY(open_output(r, out, name));
    return tern__sink_write(r->c.context, r->c.sink, w->data, w->size);
}

static bool is_kept(const tern_archive *archive, const char *name) {
    char key[128];
    return tern__archive_kept_key(name, key, sizeof key) && tern__archive_entry(archive, key);
}

// The tokens, where no file that says them was kept, and what says the rest.
static tern_status write_made_files(tern__restore *r, outputs *out) {
    const tern__export *made = r->made;
    const tern_archive *archive = r->c.archive;
    header h = {made->header.data, made->header.size};
    TERN_TRY(open_output(r, out, "model.safetensors"));
    TERN_TRY(write_tensors(r, "model.safetensors", &h, made->size));
    if (is_kept(archive, "tokenizer.json")) {
        TERN_TRY(write_file(r, out, "tokenizer.json"));
    } else if (made->token_file) {
        TERN_TRY(write_made(r, out, made->token_file, &made->tokens));
    }
    TERN_TRY(write_made(r, out, "tokenizer_config.json", &made->token_settings));
    TERN_TRY(write_made(r, out, "generation_config.json", &made->generation));
    TERN_TRY(write_made(r, out, TERN__HF_POOLING, &made->pooling));
    return write_made(r, out, "config.json", &made->config);
}

static tern_status write_all(tern__restore *r, outputs *out) {
    const char *name;
    for (uint64_t i = 0; i < tern_archive_tensor_count(r->c.archive); i++) {
        r->c.total += r->c.archive->tensors[i].size;
    }
    if (r->made) {
        return write_made_files(r, out);
    }
    TERN_TRY(write_headers(r, out));
    for (size_t i = 0; (name = tern__kept_file(i)) != NULL; i++) {
        TERN_TRY(write_file(r, out, name));
    }
    return TERN_STATUS_OK;
}

static tern_status close_all(outputs *out, tern_status status) {
    for (size_t i = 0; i < out->count; i++) {
        tern_status closed = tern_sink_close(&out->sinks[i], status == TERN_STATUS_OK);
        status = status == TERN_STATUS_OK ? closed : status;
    }
    return status;
}

static tern_status restore_files(tern__restore *r, outputs *out, size_t headers) {
    size_t files = headers + 1;
    while (tern__kept_file(files - headers - 1)) {
        files++;
    }
    out->sinks = tern__calloc(r->c.context, files, sizeof *out->sinks);
    if (!out->sinks) {
        return tern__fail_memory(r->c.context, files * sizeof *out->sinks, "a folder's files");
    }
    tern_status status = close_all(out, write_all(r, out));
    tern__free(r->c.context, out->sinks);
    return status;
}

tern_status tern_convert_folder(tern_context *context, const tern_archive *archive,
                                const tern_convert_desc *desc, tern_sink_open_fn open, void *user) {
    const tern_convert_desc defaults = TERN_CONVERT_DESC_INIT;
    if (!context || !archive || !open) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "convert: %s is NULL",
                          !context   ? "context"
                          : !archive ? "archive"
                                     : "open");
    }
    tern__restore r = {.c = {.context = context, .archive = archive}};
    outputs out = {.open = open, .user = user};
    tern__export made = {0};
    size_t headers = 0;
    r.c.desc = desc ? desc : &defaults;
    TERN_TRY(
        tern__check_size(context, "tern_convert_desc", r.c.desc->struct_size, sizeof *r.c.desc));
    TERN_TRY(check(&r));
    r.made = was_folder(archive, &headers) ? NULL : &made;
    tern_status status = r.made ? make(&r) : read_config(&r);
    status = status == TERN_STATUS_OK ? restore_files(&r, &out, headers) : status;
    tern__export_finish(&made);
    return status;
}
