// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_STATUS_H_
#define TERN_STATUS_H_

#include <tern/base.h>

/**
 * The outcome of every call that can fail. Each code answers a different question of the caller;
 * the text that says what, where and what to do is in tern_last_error_message().
 *
 * X(name, number, short text, when it is chosen rather than its neighbours)
 */
#define TERN_STATUS_LIST(X)                                                                        \
    X(OK, 0, "ok", "the call did what it says")                                                    \
    X(INVALID_ARGUMENT, 1, "invalid argument", "the caller's mistake: wrong on every device")      \
    X(OUT_OF_RANGE, 2, "out of range", "a limit of this object is passed: context, file, buffer")  \
    X(UNSUPPORTED, 3, "unsupported", "well formed, but this device or build never can")            \
    X(UNAVAILABLE, 4, "unavailable", "not here or not now: no driver, no device; try another")     \
    X(INCOMPATIBLE, 5, "incompatible", "wrong version of an ABI, a driver or a file")              \
    X(NOT_FOUND, 6, "not found", "a file, key, tensor or name does not exist")                     \
    X(IO, 7, "input/output error", "the system or a callback failed to read or write")             \
    X(CORRUPT_DATA, 8, "corrupt data", "bytes that contradict their format")                       \
    X(OUT_OF_MEMORY, 9, "out of memory", "host or device memory, or a budget, is exhausted")       \
    X(CANCELLED, 10, "cancelled", "a callback asked to stop")                                      \
    X(TIMEOUT, 11, "timeout", "not finished within the time given; still running")                 \
    X(DEVICE_LOST, 12, "device lost", "the device stopped; only destroying still works")           \
    X(INTERNAL, 13, "internal error", "our own mistake: please report it")

/** One of TERN_STATUS_*. Fixed width, because it crosses the plugin ABI. */
typedef int32_t tern_status;

enum {
#define TERN_STATUS_ENUM_(name, number, text, when) TERN_STATUS_##name = number,
    TERN_STATUS_LIST(TERN_STATUS_ENUM_)
#undef TERN_STATUS_ENUM_
};

TERN_BEGIN_DECLS

/** "TERN_STATUS_UNSUPPORTED"; "TERN_STATUS_?" for a number that is none. Static. */
TERN_API const char *tern_status_name(tern_status status);

/** A few words for people: "unsupported". Static. */
TERN_API const char *tern_status_text(tern_status status);

/**
 * What the last failing call on this thread reported, one line without a newline; "" if none failed
 * yet. Borrowed: valid until the next failing tern call on the same thread. A call that succeeds
 * leaves it alone. For people: fractions in it are written as the host's locale has them, the only
 * thing in the library that follows it.
 */
TERN_API const char *tern_last_error_message(void);

TERN_END_DECLS

#endif
