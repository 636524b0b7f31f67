#include "runtime/model/files/sink.h"

#include <string.h>

#include "runtime/allocator.h"
#include "runtime/platform/platform.h"
#include "runtime/status.h"

enum { BUFFER_BYTES = 1 << 16 };

typedef struct file_sink {
    tern_context *context;
    tern__output output;
    bool replace;
    char *path;
    size_t used; // of |buffer|: rows are small
    unsigned char buffer[BUFFER_BYTES];
} file_sink;

static tern_status failed(tern_context *context, const char *path, const char *what, int code) {
    char reason[128];
    tern__file_error(code, reason, sizeof reason);
    return tern__fail(context, tern__file_error_status(code), "%s: %s: %s", path, what, reason);
}

static tern_status write_through(file_sink *self, const void *data, size_t size) {
    int code = size > 0 ? tern__output_write(&self->output, data, size) : 0;
    return code ? failed(self->context, self->path, "cannot be written", code) : TERN_STATUS_OK;
}

static tern_status flush(file_sink *self) {
    size_t size = self->used;
    self->used = 0;
    return write_through(self, self->buffer, size);
}

static tern_status write_file(void *user, const void *data, size_t size) {
    file_sink *self = user;
    if (size > sizeof self->buffer - self->used) {
        TERN_TRY(flush(self));
    }
    if (size > sizeof self->buffer) {
        return write_through(self, data, size);
    }
    memcpy(self->buffer + self->used, data, size);
    self->used += size;
    return TERN_STATUS_OK;
}

static void free_sink(file_sink *self) {
    tern__free(self->context, self->path);
    tern__free(self->context, self);
}

static tern_status close_file(void *user, int32_t keep) {
    file_sink *self = user;
    tern_status status = keep ? flush(self) : TERN_STATUS_OK;
    bool kept = keep && status == TERN_STATUS_OK;
    int code = tern__output_close(&self->output, self->path, kept, self->replace);
    if (code && status == TERN_STATUS_OK) {
        status = failed(self->context, self->path, "cannot be kept", code);
    }
    free_sink(self);
    return status;
}

static bool stop(void *user, const char *name) {
    (void)user;
    (void)name;
    return false;
}

// A folder would refuse the name only when all is written.
static tern_status open_output(file_sink *self) {
    if (tern__folder_list(self->path, stop, NULL)) {
        return tern__fail(self->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: is a folder, expected the name of a file", self->path);
    }
    if (!self->replace && tern__path_exists(self->path)) {
        return tern__fail(self->context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: is there already; --force (TERN_SINK_REPLACE) replaces it",
                          self->path);
    }
    int code = tern__output_open(self->path, &self->output);
    return code ? failed(self->context, self->path, "cannot be written", code) : TERN_STATUS_OK;
}

tern_status tern_sink_open_file(tern_context *context, const char *path, uint32_t flags,
                                tern_sink *out_sink) {
    if (!context || !path || !out_sink) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "sink: %s is NULL",
                          !context ? "context"
                          : !path  ? "path"
                                   : "out_sink");
    }
    memset(out_sink, 0, sizeof *out_sink);
    if (!path[0]) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "sink: the file's name is empty");
    }
    if (flags & ~(uint32_t)TERN_SINK_REPLACE) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "sink: flags 0x%x, expected TERN_SINK_*", (unsigned)flags);
    }
    file_sink *self = tern__calloc(context, 1, sizeof *self);
    char *name = tern__strdup(context, path);
    if (!self || !name) {
        tern__free(context, self);
        tern__free(context, name);
        return tern__fail_memory(context, sizeof *self + strlen(path), path);
    }
    self->context = context;
    self->path = name;
    self->replace = (flags & TERN_SINK_REPLACE) != 0;
    tern_status status = open_output(self);
    if (status != TERN_STATUS_OK) {
        free_sink(self);
        return status;
    }
    *out_sink = (tern_sink){.struct_size = sizeof *out_sink,
                            .name = name,
                            .user = self,
                            .write = write_file,
                            .close = close_file};
    return TERN_STATUS_OK;
}

tern_status tern_sink_close(tern_sink *sink, int32_t keep) {
    tern_status status = TERN_STATUS_OK;
    if (sink) {
        status = sink->close ? sink->close(sink->user, keep) : TERN_STATUS_OK;
        memset(sink, 0, sizeof *sink);
    }
    return status;
}

const char *tern__sink_name(const tern_sink *sink) {
    return sink->name ? sink->name : "sink";
}

tern_status tern__sink_check(tern_context *context, const tern_sink *sink) {
    if (!sink || !sink->write) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT, "sink%s is NULL",
                          sink ? ".write" : "");
    }
    TERN_TRY(tern__check_size(context, "tern_sink", sink->struct_size, sizeof *sink));
    return tern__check_reserved(context, "tern_sink", sink->reserved);
}

tern_status tern__sink_write(tern_context *context, const tern_sink *sink, const void *data,
                             size_t size) {
    tern__set_error("");
    tern_status status = size > 0 ? sink->write(sink->user, data, size) : TERN_STATUS_OK;
    if (status != TERN_STATUS_OK && !tern_last_error_message()[0]) {
        return tern__fail(context, status, "%s: writing %zu bytes failed: %s",
                          tern__sink_name(sink), size, tern_status_text(status));
    }
    return status;
}
