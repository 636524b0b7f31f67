// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_LOG_H_
#define TERN_LOG_H_

#include <tern/base.h>

/** How much a message matters. A context drops what is above its level before formatting it. */
typedef int32_t tern_log_level;

enum {
    TERN_LOG_ERROR = 1,   /**< a call failed; the same text as tern_last_error_message() */
    TERN_LOG_WARNING = 2, /**< it works, but not as the user may think */
    TERN_LOG_INFO = 3,    /**< choices made: devices, kernels, skips with their reasons */
    TERN_LOG_DEBUG = 4    /**< what a developer of a backend wants to see */
};

/**
 * Receives one message, a line without a newline, borrowed for the call. Called from any thread,
 * several at once; must not call back into the library.
 */
typedef void (*tern_log_fn)(void *user, tern_log_level level, const char *message);

TERN_BEGIN_DECLS

/** A ready-made tern_log_fn that writes "tern: level: message" to standard error. |user| is
 * ignored. */
TERN_API void tern_log_stderr(void *user, tern_log_level level, const char *message);

TERN_END_DECLS

#endif
