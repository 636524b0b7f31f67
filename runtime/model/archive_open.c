// Opening archives: one source, or the files of a folder.
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/gguf.h"
#include "runtime/model/source.h"
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
    tern__free(context, archive->names);
    tern__free(context, archive->tensors);
    tern__free(context, archive->keys);
    tern__free(context, archive->entries);
    tern__free(context, archive->header);
    archive->names = archive->keys = NULL;
    archive->tensors = NULL;
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

// Of the folder, with what goes between it and a file's name.
static const char *prefix(const tern_files *files, const char **out_separator) {
    const char *name = files->name ? files->name : "";
    size_t length = strlen(name);
    *out_separator = length == 0 || name[length - 1] == '/' || name[length - 1] == '\\' ? "" : "/";
    return name;
}

static tern_status report_open(const tern_archive *archive, tern_status status, const char *name,
                               const char *why, const char *message) {
    const char *separator;
    const char *folder = prefix(&archive->files, &separator);
    if (status == TERN_STATUS_NOT_FOUND) {
        return tern__fail(archive->context, status, "%s%s%s: no such file, which is %s", folder,
                          separator, name, why);
    }
    return tern__fail(archive->context, status, "%s%s%s%s", message[0] ? "" : folder,
                      message[0] ? "" : separator, message[0] ? message : name,
                      message[0] ? "" : ": cannot be opened");
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

tern_status tern__archive_file(const tern_archive *archive, const char *name, char **out_data,
                               size_t *out_size) {
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

static tern_status open_all(tern_archive *archive, const char *name) {
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
    bool windows = tern__path_separator() == ';';
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] != '/' &&
           !(windows && (path[length - 1] == '\\' || path[length - 1] == ':'))) {
        length--;
    }
    return length;
}

static tern_status open_in_folder(void *user, const char *name, tern_source *out_source) {
    const tern__folder *folder = user;
    char path[TERN__PATH_CAPACITY * 4];
    if (snprintf(path, sizeof path, "%s%s", folder->path, name) >= (int)sizeof path) {
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
    size_t length = folder_length(path);
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
