// Failing and logging with a format, through the host's table.
#ifndef TERN_BACKENDS_COMMON_REPORT_H_
#define TERN_BACKENDS_COMMON_REPORT_H_

#include <tern/backend.h>

#if defined(__MINGW32__)
#define TERN_PRINTF(text, args) __attribute__((format(gnu_printf, text, args)))
#elif defined(__GNUC__)
#define TERN_PRINTF(text, args) __attribute__((format(printf, text, args)))
#else
#define TERN_PRINTF(text, args)
#endif

// Reports through host->fail and returns |status|.
tern_status tern_report_fail(const tern_host *host, tern_status status, const char *format, ...)
    TERN_PRINTF(3, 4);

void tern_report_log(const tern_host *host, tern_log_level level, const char *format, ...)
    TERN_PRINTF(3, 4);

// OUT_OF_MEMORY: "out of memory: |bytes| bytes for |what|".
tern_status tern_report_no_memory(const tern_host *host, uint64_t bytes, const char *what);

// Zeroed memory from the host, or NULL.
void *tern_report_calloc(const tern_host *host, size_t count, size_t size);

// The only macro that hides a return.
#define TERN_TRY(expression)                                                                       \
    do {                                                                                           \
        tern_status try_status = (expression);                                                     \
        if (try_status != TERN_STATUS_OK) {                                                        \
            return try_status;                                                                     \
        }                                                                                          \
    } while (0)

#endif
