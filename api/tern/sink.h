// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_SINK_H_
#define TERN_SINK_H_

#include <tern/context.h>

/**
 * Where bytes go, as tern_source is where they come from. The host may fill the struct itself.
 *
 * Threads: one call uses it from one thread.
 */
typedef struct tern_sink {
    uint32_t struct_size; /**< sizeof(tern_sink) */
    uint32_t reserved;
    const char *name; /**< for messages; lives as long as the sink; may be NULL */
    void *user;
    /** Takes |size| bytes, after those of the calls before. IO or any other status on failure,
     * which the writer reports. Must not call the library. */
    tern_status (*write)(void *user, const void *data, size_t size);
    /** Ends it and frees |user|; only tern_sink_close calls this. With |keep| what was written is
     * kept, whole; else, or on failure, nothing of it is left. NULL slot: nothing to do. */
    tern_status (*close)(void *user, int32_t keep);
} tern_sink;

enum {
    TERN_SINK_REPLACE = 1u << 0 /**< a file that is there already gives way */
};

TERN_BEGIN_DECLS

/**
 * Writes the file |path|, by way of a temporary one beside it that takes its name when the sink is
 * closed to keep it: until then |path| is as it was. |flags|: TERN_SINK_*. INVALID_ARGUMENT if
 * |path| is a folder, or exists and may not be replaced; IO or NOT_FOUND with the system's reason;
 * OUT_OF_MEMORY. End with tern_sink_close.
 */
TERN_API tern_status tern_sink_open_file(tern_context *context, const char *path, uint32_t flags,
                                         tern_sink *out_sink);

/** Calls close, if any, returns what it returns, and clears the struct. Accepts a cleared one. Of
 * a file: IO when what was written could not be kept. */
TERN_API tern_status tern_sink_close(tern_sink *sink, int32_t keep);

TERN_END_DECLS

#endif
