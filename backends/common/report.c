#include "backends/common/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

tern_status tern_report_fail(const tern_host *host, tern_status status, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return host->fail(host, status, text);
}

void tern_report_log(const tern_host *host, tern_log_level level, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    host->log(host, level, text);
}

tern_status tern_report_no_memory(const tern_host *host, uint64_t bytes, const char *what) {
    return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY, "out of memory: %llu bytes for %s",
                            (unsigned long long)bytes, what);
}

void *tern_report_calloc(const tern_host *host, size_t count, size_t size) {
    if (size && count > SIZE_MAX / size) {
        return NULL;
    }
    size_t bytes = count * size;
    bytes = bytes > 0 ? bytes : 1;
    void *memory = host->allocate(host, bytes, 64);
    if (memory) {
        memset(memory, 0, bytes);
    }
    return memory;
}
