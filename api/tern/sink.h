// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_SINK_H_
#define TERN_SINK_H_

#include <tern/base.h>
#include <tern/status.h>

/**
 * Where bytes go, as tern_source is where they come from. The host fills the struct.
 *
 * Threads: one call uses it from one thread.
 */
typedef struct tern_sink {
    uint32_t struct_size; /**< sizeof(tern_sink) */
    uint32_t reserved;
    const char *name; /**< for messages */
    void *user;
    /** Takes |size| bytes, after those of the calls before. IO or any other status on failure,
     * which the writer reports. Must not call the library. */
    tern_status (*write)(void *user, const void *data, size_t size);
} tern_sink;

#endif
