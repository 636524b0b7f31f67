// Reporting a failure once, where it is found.
#ifndef TERN_RUNTIME_STATUS_H_
#define TERN_RUNTIME_STATUS_H_

#include <tern/context.h>

#ifdef __GNUC__
#define TERN__PRINTF(text, args) __attribute__((format(printf, text, args)))
#else
#define TERN__PRINTF(text, args)
#endif

// Sets the thread's error message, logs it at ERROR (|context| may be NULL: not logged), returns
// |status|.
tern_status tern__fail(tern_context *context, tern_status status, const char *format, ...)
    TERN__PRINTF(3, 4);

// "out of memory: N bytes for WHAT".
tern_status tern__fail_memory(tern_context *context, uint64_t bytes, const char *what);

// Sets the message without logging; for a caller that tries several things and reports once.
void tern__set_error(const char *message);

// The only macro that hides a return.
#define TERN_TRY(expression)                                                                       \
    do {                                                                                           \
        tern_status try_status = (expression);                                                     \
        if (try_status != TERN_STATUS_OK) {                                                        \
            return try_status;                                                                     \
        }                                                                                          \
    } while (0)

#endif
