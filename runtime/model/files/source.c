#include "runtime/model/files/source.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/context.h"
#include "runtime/status.h"

typedef struct file_source {
    tern_context *context;
    tern__file file;
    char *path;
} file_source;

// Not reported here: whoever reads knows what for.
static tern_status read_file(void *user, uint64_t offset, void *data, size_t size) {
    file_source *self = user;
    return tern__file_read(&self->file, offset, data, size) ? TERN_STATUS_OK : TERN_STATUS_IO;
}

static const void *map_file(void *user) {
    file_source *self = user;
    return self->file.map;
}

static void close_file(void *user) {
    file_source *self = user;
    tern_context *context = self->context;
    tern__file_close(&self->file);
    tern__free(context, self->path);
    tern__free(context, self);
}

tern_status tern_source_open_file(tern_context *context, const char *path,
                                  tern_source *out_source) {
    if (!out_source) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "source: out_source is NULL");
    }
    memset(out_source, 0, sizeof *out_source);
    if (!context || !path) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "source: %s is NULL",
                          context ? "path" : "context");
    }
    if (!path[0]) {
        return tern__fail(context, TERN_STATUS_NOT_FOUND, "source: the file's name is empty");
    }
    file_source *self = tern__calloc(context, 1, sizeof *self);
    char *name = tern__strdup(context, path);
    if (!self || !name) {
        tern__free(context, self);
        tern__free(context, name);
        return tern__fail_memory(context, sizeof *self + strlen(path), path);
    }
    int code = tern__file_open(path, &self->file);
    if (code != 0) {
        char reason[128];
        tern__file_error(code, reason, sizeof reason);
        tern__free(context, self);
        tern__free(context, name);
        return tern__fail(context, tern__file_error_status(code), "%s: %s", path, reason);
    }
    self->context = context;
    self->path = name;
    *out_source = (tern_source){.struct_size = sizeof *out_source,
                                .name = name,
                                .user = self,
                                .size = self->file.size,
                                .read_at = read_file,
                                .map = map_file,
                                .close = close_file};
    return TERN_STATUS_OK;
}

// The user pointer of a memory source is the content itself, so that nothing is allocated.
static const void *map_memory(void *user) {
    return user;
}

static tern_status read_memory(void *user, uint64_t offset, void *data, size_t size) {
    memcpy(data, (const uint8_t *)user + offset, size);
    return TERN_STATUS_OK;
}

tern_source tern_source_from_memory(const char *name, const void *data, uint64_t size) {
    return (tern_source){.struct_size = sizeof(tern_source),
                         .name = name,
                         .user = (void *)(uintptr_t)data,
                         .size = size,
                         .read_at = read_memory,
                         .map = map_memory};
}

void tern_source_close(tern_source *source) {
    if (!source) {
        return;
    }
    if (source->close) {
        source->close(source->user);
    }
    memset(source, 0, sizeof *source);
}

const char *tern__source_name(const tern_source *source) {
    return source->name ? source->name : "source";
}

const uint8_t *tern__source_map(const tern_source *source) {
    return source->map ? source->map(source->user) : NULL;
}

tern_status tern__source_check(tern_context *context, const tern_source *source) {
    if (!source) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "source is NULL");
    }
    TERN_TRY(tern__check_size(context, "tern_source", source->struct_size, sizeof *source));
    TERN_TRY(tern__check_reserved(context, "tern_source", source->reserved));
    if (source->size > 0 && !source->read_at && !tern__source_map(source)) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "%s: neither read_at nor a map",
                          tern__source_name(source));
    }
    return TERN_STATUS_OK;
}

tern_status tern__source_read(tern_context *context, const tern_source *source, uint64_t offset,
                              void *data, size_t size) {
    if (size > source->size || offset > source->size - size) {
        return tern__fail(context, TERN_STATUS_CORRUPT_DATA,
                          "%s: ends at %llu, but %zu bytes at offset %llu are needed",
                          tern__source_name(source), (unsigned long long)source->size, size,
                          (unsigned long long)offset);
    }
    if (size == 0) {
        return TERN_STATUS_OK;
    }
    // Of a mapped file every page that is touched stays in memory beside the copy, and one that was
    // cut short meanwhile ends the process: reading is better where there is a choice.
    if (!source->read_at) {
        memcpy(data, tern__source_map(source) + offset, size);
        return TERN_STATUS_OK;
    }
    tern_status status = source->read_at(source->user, offset, data, size);
    if (status != TERN_STATUS_OK) {
        return tern__fail(context, status, "%s: reading %zu bytes at offset %llu failed: %s",
                          tern__source_name(source), size, (unsigned long long)offset,
                          tern_status_text(status));
    }
    return TERN_STATUS_OK;
}
