// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_CANCEL_H_
#define TERN_CANCEL_H_

#include <tern/context.h>

/**
 * A word between two threads: one works, another asks it to stop. Descriptors name it as
 * |cancelled_by|; a call that finds it requested, at its start or while it runs, returns CANCELLED.
 * It stays requested until it is reset, so that a request that comes early is not lost; any number
 * of calls may share one.
 *
 * How soon: `cpu` and `reference` look between the ops of a step, `cpu` also between the parts of
 * one that it shares out; on other backends the call returns within some milliseconds, while what
 * the device was given, one step at most, runs to its end. A call that waits for another session's
 * step on the same model or device notices when it has its turn. Steps of up to 8 rows of a
 * recurrent network are not cut: there a call stops between two of them.
 *
 * Ownership: destroy after the calls that were given it have returned.
 * Threads:   any, several at once.
 */
typedef struct tern_cancel tern_cancel;

TERN_BEGIN_DECLS

/** Not requested. OUT_OF_MEMORY. */
TERN_API tern_status tern_cancel_create(tern_context *context, tern_cancel **out_cancel);

/** Accepts NULL. */
TERN_API void tern_cancel_destroy(tern_cancel *cancel);

/** Asks whoever works to stop. Takes no lock: a signal handler may call it. Accepts NULL. */
TERN_API void tern_cancel_request(tern_cancel *cancel);

/** Takes the request back, for the next call. Accepts NULL. */
TERN_API void tern_cancel_reset(tern_cancel *cancel);

/** Non-zero if it is requested; 0 for NULL. */
TERN_API int32_t tern_cancel_requested(const tern_cancel *cancel);

TERN_END_DECLS

#endif
