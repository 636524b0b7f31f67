// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_CONTEXT_H_
#define TERN_CONTEXT_H_

#include <tern/allocator.h>
#include <tern/log.h>
#include <tern/status.h>

/**
 * A context holds everything that is not a device: allocator, log, options, and the registry of
 * backends. No state exists outside it (but for each thread's last error message), so two contexts
 * never disturb each other.
 *
 * Ownership: destroyed by its creator after every object made from it.
 * Threads:   any thread, several at once; creation and destruction excepted.
 */
typedef struct tern_context tern_context;

/** Runs fn(user, task) for every task in [0, tasks), in any order, on any threads, and returns when
 * all are done. */
typedef void (*tern_parallel_for_fn)(void *host_user, uint32_t tasks,
                                     void (*fn)(void *user, uint32_t task), void *user);

enum {
    /** The environment is not read at all: neither TERN_BACKEND nor any other variable. */
    TERN_CONTEXT_IGNORE_ENV = 1u << 0,
    /** Shared libraries found in plugin_path, and in TERN_PLUGIN_PATH unless the process is
     * privileged, are loaded as backends. Off by default: a game may not want code from the
     * environment. */
    TERN_CONTEXT_ALLOW_PLUGINS = 1u << 1
};

/** How a context is made. Zero is a sensible value of every member. */
typedef struct tern_context_desc {
    uint32_t struct_size;            /**< sizeof(tern_context_desc) */
    uint32_t flags;                  /**< TERN_CONTEXT_* */
    const tern_allocator *allocator; /**< NULL: the C library's */
    tern_log_fn log;                 /**< NULL: nothing is logged */
    void *log_user;
    tern_log_level log_level; /**< 0: TERN_LOG_WARNING; TERN_LOG overrides it */
    uint32_t
        threads; /**< worker threads of CPU backends; 0: one per core; TERN_THREADS overrides it */
    const char *plugin_path; /**< folders, separated as in PATH; NULL: none */
    tern_parallel_for_fn
        parallel_for; /**< the host's own thread pool; NULL: backends make threads */
    void *parallel_user;
} tern_context_desc;

#define TERN_CONTEXT_DESC_INIT                                                                     \
    { sizeof(tern_context_desc), 0, NULL, NULL, NULL, 0, 0, NULL, NULL, NULL }

/** What became of a backend. */
typedef uint32_t tern_backend_state;

enum {
    TERN_BACKEND_READY = 1,       /**< it has devices */
    TERN_BACKEND_UNAVAILABLE = 2, /**< loaded, but no device: |reason| says why */
    TERN_BACKEND_REJECTED = 3     /**< a plugin that was not accepted: |reason| says why */
};

/** One backend of a context, loaded or not. Plain data. */
typedef struct tern_backend_info {
    uint32_t struct_size; /**< set by the caller */
    tern_backend_state state;
    uint32_t abi; /**< of its table; 0 if it never gave one */
    uint32_t device_count;
    char name[64]; /**< what TERN_BACKEND matches; a rejected plugin: its file name */
    char description[128];
    char path[512]; /**< of a plugin; "" when built in */
    char reason[256];
} tern_backend_info;

/** One row of the table of environment variables. Strings are static. */
typedef struct tern_option_info {
    uint32_t struct_size; /**< set by the caller */
    uint32_t reserved;
    const char *name;
    const char *default_text;
    const char *help;
} tern_option_info;

TERN_BEGIN_DECLS

/**
 * Makes a context. |desc| NULL means all defaults. No driver is touched yet: a backend starts when
 * it is first listed or tried. Fails with INVALID_ARGUMENT (a bad value in |desc| or in the
 * environment) or OUT_OF_MEMORY. A plugin that cannot be used is recorded, not an error.
 */
TERN_API tern_status tern_context_create(const tern_context_desc *desc, tern_context **out_context);

/** Accepts NULL. Every device, model and source made from the context must be gone. */
TERN_API void tern_context_destroy(tern_context *context);

/** The value in force of the option |name| ("TERN_THREADS"): set, environment, or default; NULL if
 * unknown. */
TERN_API const char *tern_context_option(tern_context *context, const char *name);

/** Sets an option as its environment variable would, and before it. NOT_FOUND for an unknown name,
 *  INVALID_ARGUMENT for a value that does not parse; the message says what is expected. */
TERN_API tern_status tern_context_set_option(tern_context *context, const char *name,
                                             const char *value);

/** The table of options, from index 0; NOT_FOUND past its end. */
TERN_API tern_status tern_option_describe(uint32_t index, tern_option_info *out_info);

/** Loads one plugin by file name, whatever TERN_CONTEXT_ALLOW_PLUGINS says. INCOMPATIBLE, NOT_FOUND
 * or the plugin's own status when it is rejected; the attempt is listed either way. */
TERN_API tern_status tern_context_load_plugin(tern_context *context, const char *path);

/** How many backends the context knows, rejected plugins included. */
TERN_API uint32_t tern_context_backend_count(tern_context *context);

/** Describes backend |index|, starting it if need be. OUT_OF_RANGE past the end. */
TERN_API tern_status tern_context_backend_describe(tern_context *context, uint32_t index,
                                                   tern_backend_info *out_info);

TERN_END_DECLS

#endif
