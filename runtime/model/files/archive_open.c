// Opening archives: one source, or the files of a folder.
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/gguf.h"
#include "runtime/model/files/hf.h"
#include "runtime/model/files/safetensors.h"
#include "runtime/model/files/source.h"
#include "runtime/platform/platform.h"
#include "runtime/status.h"

struct tern__folder {
    tern_context *context;
    char *path;
};

enum { MAX_EXTRA_FILE = 1 << 30 };

tern_status tern__gguf_open(tern_context *context, const tern_source *source,
                            tern_archive **out_archive) {
    tern_archive *archive = tern__calloc(context, 1, sizeof *archive);
    if (!archive) {
        return tern__fail_memory(context, sizeof *archive, "an archive");
    }
    archive->context = context;
    archive->source = source;
    archive->name = tern__source_name(source);
    tern_status status = tern__gguf_read(archive);
    if (status != TERN_STATUS_OK) {
        tern_archive_destroy(archive);
        return status;
    }
    *out_archive = archive;
    return TERN_STATUS_OK;
}

tern_status tern_archive_open(tern_context *context, const tern_source *source,
                              tern_archive **out_archive) {
    if (!context || !out_archive) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "archive: %s is NULL",
                          context ? "out_archive" : "context");
    }
    *out_archive = NULL;
    TERN_TRY(tern__source_check(context, source));
    if (tern__safetensors_is(context, source)) {
        return tern__fail(context, TERN_STATUS_UNSUPPORTED,
                          "%s: safetensors need config.json beside them: open the folder with "
                          "tern_archive_open_path or _files",
                          tern__source_name(source));
    }
    tern_archive *archive = NULL;
    TERN_TRY(tern__gguf_open(context, source, &archive));
    tern_status status = tern__gguf_check_whole(archive);
    if (status != TERN_STATUS_OK) {
        tern_archive_destroy(archive);
        return status;
    }
    *out_archive = archive;
    return TERN_STATUS_OK;
}

static void destroy_folder(tern__folder *folder) {
    if (folder) {
        tern_context *context = folder->context;
        tern__free(context, folder->path);
        tern__free(context, folder);
    }
}

void tern__archive_clear(tern_archive *archive) {
    tern_context *context = archive->context;
    for (size_t i = 0; i < archive->entry_count; i++) {
        tern__free(context, archive->entries[i].strings);
    }
    for (size_t i = 0; i < archive->stack_count; i++) {
        tern__free(context, archive->stacks[i]);
    }
    tern__free(context, archive->stacks);
    tern__free(context, archive->names);
    tern__free(context, archive->tensors);
    tern__free(context, archive->keys);
    tern__free(context, archive->entries);
    tern__free(context, archive->header);
    archive->names = archive->keys = NULL;
    archive->tensors = NULL;
    archive->stacks = NULL;
    archive->stack_count = 0;
    archive->entries = NULL;
    archive->header = NULL;
    archive->tensor_count = archive->entry_count = 0;
}

void tern_archive_destroy(tern_archive *archive) {
    if (!archive) {
        return;
    }
    tern_context *context = archive->context;
    for (size_t i = 0; i < archive->part_count; i++) {
        tern_archive_destroy(archive->parts[i]);
    }
    for (size_t i = 0; i < archive->source_count; i++) {
        tern_source_close(archive->sources[i]);
        tern__free(context, archive->sources[i]);
    }
    tern__free(context, archive->parts);
    tern__free(context, archive->sources);
    tern__archive_clear(archive);
    destroy_folder(archive->folder);
    tern__free(context, archive);
}

static bool is_separator(char c) {
    bool windows = tern__path_separator() == ';';
    return c == '/' || (windows && (c == '\\' || c == ':'));
}

// What goes between the name of a folder and that of a file.
static const char *separator_of(const char *folder) {
    size_t length = strlen(folder);
    return length == 0 || is_separator(folder[length - 1]) ? "" : "/";
}

void tern__archive_path(const tern_archive *archive, const char *name, char *out, size_t capacity) {
    const char *folder = archive->files.name ? archive->files.name : "";
    snprintf(out, capacity, "%s%s%s", folder, separator_of(folder), name);
}

static tern_status report_open(const tern_archive *archive, tern_status status, const char *name,
                               const char *why, const char *message) {
    char path[TERN__MESSAGE_CAPACITY / 2];
    tern__archive_path(archive, name, path, sizeof path);
    if (status == TERN_STATUS_NOT_FOUND) {
        return tern__fail(archive->context, status, "%s: no such file, which is %s", path, why);
    }
    return message[0] ? tern__fail(archive->context, status, "%s", message)
                      : tern__fail(archive->context, status, "%s: cannot be opened", path);
}

// Without a message.
static tern_status open_quietly(const tern_archive *archive, const char *name,
                                tern_source *out_source, char message[TERN__MESSAGE_CAPACITY]) {
    tern__quiet quiet;
    *out_source = (tern_source){0};
    if (!archive->files.open) {
        message[0] = 0;
        return TERN_STATUS_NOT_FOUND;
    }
    tern__quiet_begin(&quiet);
    tern_status status = archive->files.open(archive->files.user, name, out_source);
    if (status == TERN_STATUS_OK) {
        status = tern__source_check(archive->context, out_source);
        if (status != TERN_STATUS_OK) {
            tern_source_close(out_source);
        }
    }
    tern__quiet_end_with(&quiet, status, message);
    return status;
}

tern_status tern__archive_open_part(tern_archive *archive, const char *name, const char *why,
                                    const tern_source **out_source) {
    tern_context *context = archive->context;
    size_t count = archive->source_count;
    size_t capacity = count;
    void *sources = archive->sources;
    tern_source *source = tern__calloc(context, 1, sizeof *source);
    if (!source || !tern__grow(context, &sources, &capacity, count + 1, sizeof source)) {
        tern__free(context, source);
        return tern__fail_memory(context, sizeof *source, name);
    }
    archive->sources = sources;
    char message[TERN__MESSAGE_CAPACITY];
    tern_status status = open_quietly(archive, name, source, message);
    if (status != TERN_STATUS_OK) {
        tern__free(context, source);
        return report_open(archive, status, name, why, message);
    }
    archive->sources[archive->source_count++] = source;
    *out_source = source;
    return TERN_STATUS_OK;
}

static tern_status read_all(const tern_archive *archive, const tern_source *source, char **out_data,
                            size_t *out_size) {
    if (source->size > MAX_EXTRA_FILE) {
        return tern__fail(archive->context, TERN_STATUS_UNSUPPORTED,
                          "%s: %llu bytes, expected %d at most", tern__source_name(source),
                          (unsigned long long)source->size, MAX_EXTRA_FILE);
    }
    size_t size = (size_t)source->size;
    char *data = tern__alloc(archive->context, size + 1);
    if (!data) {
        return tern__fail_memory(archive->context, size + 1, tern__source_name(source));
    }
    tern_status status = tern__source_read(archive->context, source, 0, data, size);
    if (status != TERN_STATUS_OK) {
        tern__free(archive->context, data);
        return status;
    }
    data[size] = 0;
    *out_data = data;
    *out_size = size;
    return TERN_STATUS_OK;
}

tern_status tern__archive_has(const tern_archive *archive, const char *name, bool *out) {
    char message[TERN__MESSAGE_CAPACITY];
    tern_source source;
    tern_status status = open_quietly(archive, name, &source, message);
    *out = status == TERN_STATUS_OK;
    if (status == TERN_STATUS_OK) {
        tern_source_close(&source);
    }
    return *out || status == TERN_STATUS_NOT_FOUND
               ? TERN_STATUS_OK
               : report_open(archive, status, name, "", message);
}

// A file that a conversion kept: its bytes are a key's value.
static tern_status read_kept(const tern_archive *archive, const tern__entry *entry, char **out_data,
                             size_t *out_size) {
    bool text = entry->type == TERN_VALUE_STRING;
    const char *bytes = text ? tern__gguf_string(archive->header, entry->value)
                             : (const char *)archive->header + entry->value;
    size_t size =
        text ? tern__gguf_string_size(archive->header, entry->value) : (size_t)entry->count;
    char *data = tern__alloc(archive->context, size + 1);
    if (!data) {
        return tern__fail_memory(archive->context, size + 1, archive->name);
    }
    memcpy(data, bytes, size);
    data[size] = 0;
    *out_data = data;
    *out_size = size;
    return TERN_STATUS_OK;
}

bool tern__archive_kept_key(const char *name, char *out, size_t capacity) {
    bool words = strcmp(name, "tokenizer.json") == 0;
    int length = words ? snprintf(out, capacity, "tokenizer.huggingface.json")
                       : snprintf(out, capacity, "tern.file.%s", name);
    return length > 0 && (size_t)length < capacity;
}

static const tern__entry *find_kept(const tern_archive *archive, const char *name) {
    char key[128];
    const tern__entry *entry = archive->keys && tern__archive_kept_key(name, key, sizeof key)
                                   ? tern__archive_entry(archive, key)
                                   : NULL;
    bool bytes = entry && entry->type == TERN_VALUE_ARRAY && entry->element == TERN_VALUE_U8;
    return bytes || (entry && entry->type == TERN_VALUE_STRING) ? entry : NULL;
}

tern_status tern__archive_file(const tern_archive *archive, const char *name, char **out_data,
                               size_t *out_size) {
    const tern__entry *kept = find_kept(archive, name);
    if (kept) {
        return read_kept(archive, kept, out_data, out_size);
    }
    char message[TERN__MESSAGE_CAPACITY];
    tern_source source;
    *out_data = NULL;
    *out_size = 0;
    tern_status status = open_quietly(archive, name, &source, message);
    if (status == TERN_STATUS_NOT_FOUND) {
        return status;
    }
    if (status != TERN_STATUS_OK) {
        return report_open(archive, status, name, "", message);
    }
    status = read_all(archive, &source, out_data, out_size);
    tern_source_close(&source);
    return status;
}

// An archive with nothing in it but where its files come from. Takes |folder| over, always.
static tern_status start(tern_context *context, const tern_files *files, tern__folder *folder,
                         tern_archive **out_archive) {
    tern_archive *archive = tern__calloc(context, 1, sizeof *archive);
    if (!archive) {
        destroy_folder(folder);
        return tern__fail_memory(context, sizeof *archive, "an archive");
    }
    archive->context = context;
    archive->files = *files;
    archive->folder = folder;
    *out_archive = archive;
    return TERN_STATUS_OK;
}

static bool ends_in(const char *name, const char *ending) {
    size_t length = strlen(name), size = strlen(ending);
    return length >= size && strcmp(name + length - size, ending) == 0;
}

static tern_status open_all(tern_archive *archive, const char *name) {
    if (!name[0] || strcmp(name, "config.json") == 0) {
        return tern__hf_open(archive, NULL);
    }
    if (ends_in(name, ".safetensors") || ends_in(name, ".safetensors.index.json")) {
        return tern__hf_open(archive, name);
    }
    TERN_TRY(tern__archive_open_part(archive, name, "the model", &archive->source));
    archive->name = tern__source_name(archive->source);
    TERN_TRY(tern__gguf_read(archive));
    return tern__gguf_join(archive, name);
}

static tern_status open_files(tern_context *context, const tern_files *files, tern__folder *folder,
                              const char *name, tern_archive **out_archive) {
    tern_archive *archive = NULL;
    TERN_TRY(start(context, files, folder, &archive));
    tern_status status = open_all(archive, name);
    if (status != TERN_STATUS_OK) {
        tern_archive_destroy(archive);
        return status;
    }
    *out_archive = archive;
    return TERN_STATUS_OK;
}

static tern_status check_out(tern_context *context, const void *input, const char *input_name,
                             tern_archive **out_archive) {
    if (!context || !input || !out_archive) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "archive: %s is NULL",
                          !context ? "context"
                          : !input ? input_name
                                   : "out_archive");
    }
    *out_archive = NULL;
    return TERN_STATUS_OK;
}

tern_status tern_archive_open_files(tern_context *context, const tern_files *files,
                                    const char *name, tern_archive **out_archive) {
    TERN_TRY(check_out(context, files, "files", out_archive));
    TERN_TRY(check_out(context, name, "name", out_archive));
    TERN_TRY(tern__check_size(context, "tern_files", files->struct_size, sizeof *files));
    TERN_TRY(tern__check_reserved(context, "tern_files", files->reserved));
    if (!files->open) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "tern_files: open is NULL");
    }
    return open_files(context, files, NULL, name, out_archive);
}

// |path| up to and with its last separator.
static size_t folder_length(const char *path) {
    size_t length = strlen(path);
    while (length > 0 && !is_separator(path[length - 1])) {
        length--;
    }
    return length;
}

static bool stop(void *user, const char *name) {
    (void)user;
    (void)name;
    return false;
}

static tern_status open_in_folder(void *user, const char *name, tern_source *out_source) {
    const tern__folder *folder = user;
    char path[TERN__PATH_CAPACITY * 4];
    const char *between = separator_of(folder->path);
    if (snprintf(path, sizeof path, "%s%s%s", folder->path, between, name) >= (int)sizeof path) {
        return tern__fail(folder->context, TERN_STATUS_NOT_FOUND, "%s: the path is too long", name);
    }
    return tern_source_open_file(folder->context, path, out_source);
}

tern_status tern_archive_open_path(tern_context *context, const char *path,
                                   tern_archive **out_archive) {
    TERN_TRY(check_out(context, path, "path", out_archive));
    if (!path[0]) {
        return tern__fail(context, TERN_STATUS_NOT_FOUND, "archive: the model's name is empty");
    }
    bool whole = tern__folder_list(path, stop, NULL);
    size_t length = whole ? strlen(path) : folder_length(path);
    tern__folder *folder = tern__calloc(context, 1, sizeof *folder);
    char *copy = tern__strdup(context, path);
    if (!folder || !copy) {
        tern__free(context, folder);
        tern__free(context, copy);
        return tern__fail_memory(context, sizeof *folder + strlen(path), path);
    }
    copy[length] = 0;
    *folder = (tern__folder){context, copy};
    tern_files files = {
        .struct_size = sizeof files, .name = copy, .user = folder, .open = open_in_folder};
    return open_files(context, &files, folder, path + length, out_archive);
}
