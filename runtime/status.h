// Reporting a failure once, where it is found.
#ifndef TERN_RUNTIME_STATUS_H_
#define TERN_RUNTIME_STATUS_H_

#include <stdbool.h>

#include <tern/context.h>

#if defined(__MINGW32__)
#define TERN__PRINTF(text, args) __attribute__((format(gnu_printf, text, args)))
#elif defined(__GNUC__)
#define TERN__PRINTF(text, args) __attribute__((format(printf, text, args)))
#else
#define TERN__PRINTF(text, args)
#endif

#define TERN__MESSAGE_CAPACITY 512

// Sets the thread's error message, logs it at ERROR (|context| may be NULL: not logged), returns
// |status|.
tern_status tern__fail(tern_context *context, tern_status status, const char *format, ...)
    TERN__PRINTF(3, 4);

// Whether the thread's latest failure had |status| and was not asked for yet: a backend that fails
// without a word leaves an older message.
bool tern__was_reported(tern_status status);

// "out of memory: N bytes for WHAT".
tern_status tern__fail_memory(tern_context *context, uint64_t bytes, const char *what);

// Sets the message without logging; for a caller that tries several things and reports once.
void tern__set_error(const char *message);

// Control characters become blanks: names come from files and drivers, lines go to terminals.
void tern__clean_line(char *text);

// A stretch in which this thread's failures are expected: errors are logged as DEBUG, the message
// is "" at first, and at the end is again what it was before.
typedef struct tern__quiet {
    char message[TERN__MESSAGE_CAPACITY];
} tern__quiet;
void tern__quiet_begin(tern__quiet *quiet);
void tern__quiet_end(const tern__quiet *quiet);
// The same at its end with |status|: after a failure, what was said goes to |message|, the status's
// own words if nothing was.
void tern__quiet_end_with(const tern__quiet *quiet, tern_status status,
                          char message[TERN__MESSAGE_CAPACITY]);
bool tern__is_quiet(void);

// INVALID_ARGUMENT if a caller's struct_size |got| is less than the |wanted| of these headers.
tern_status tern__check_size(tern_context *context, const char *what, uint32_t got, size_t wanted);
// INVALID_ARGUMENT if a caller's reserved member holds anything: a later version may give it a
// meaning.
tern_status tern__check_reserved(tern_context *context, const char *what, uint32_t got);

// The only macro that hides a return.
#define TERN_TRY(expression)                                                                       \
    do {                                                                                           \
        tern_status try_status = (expression);                                                     \
        if (try_status != TERN_STATUS_OK) {                                                        \
            return try_status;                                                                     \
        }                                                                                          \
    } while (0)

#endif
