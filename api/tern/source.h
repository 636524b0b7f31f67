// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_SOURCE_H_
#define TERN_SOURCE_H_

#include <tern/context.h>

/**
 * Where the bytes of a model come from: a file, memory, or a host's virtual file system. The host
 * may fill the struct itself; models read through it while they load and not afterwards.
 *
 * Threads: one load uses it from one thread at a time.
 */
typedef struct tern_source {
    uint32_t struct_size; /**< sizeof(tern_source) */
    uint32_t reserved;
    const char *name; /**< for messages; lives as long as the source */
    void *user;
    uint64_t size; /**< bytes in all */
    /** Reads exactly |size| bytes at |offset|; the caller has checked the range. IO or any other
     * status on failure, which the reader reports. Must not call the library. */
    tern_status (*read_at)(void *user, uint64_t offset, void *data, size_t size);
    /** The whole content in memory, for as long as the source is open; NULL slot or NULL: use
     * read_at. */
    const void *(*map)(void *user);
    void (*close)(void *user); /**< NULL slot: nothing to do */
} tern_source;

/**
 * A folder whose files are opened by name: what a model of several files needs. The host may fill
 * the struct itself, to read from a package of its own.
 *
 * Threads: one thread at a time.
 */
typedef struct tern_files {
    uint32_t struct_size; /**< sizeof(tern_files) */
    uint32_t reserved;
    const char *name; /**< of the folder, for messages; may be NULL */
    void *user;
    /** Opens the file |name|, which holds no separator; the library closes it by its close slot.
     * NOT_FOUND if there is none. May call tern_source_open_file and nothing else of the library.
     */
    tern_status (*open)(void *user, const char *name, tern_source *out_source);
} tern_files;

TERN_BEGIN_DECLS

/** Opens a file. NOT_FOUND, IO (a folder, no permission), OUT_OF_MEMORY. Close with
 * tern_source_close. */
TERN_API tern_status tern_source_open_file(tern_context *context, const char *path,
                                           tern_source *out_source);

/** Wraps |size| bytes, which stay the caller's and must outlive the source. |name| as in
 * tern_source. */
TERN_API tern_source tern_source_from_memory(const char *name, const void *data, uint64_t size);

/** Calls close, if any, and clears the struct. Accepts a cleared one. */
TERN_API void tern_source_close(tern_source *source);

TERN_END_DECLS

#endif
