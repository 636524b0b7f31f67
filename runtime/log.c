#include "runtime/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "runtime/context.h"

void tern_log_stderr(void *user, tern_log_level level, const char *message) {
    static const char *const names[] = {"?", "error", "warning", "info", "debug"};
    const char *name = level >= TERN_LOG_ERROR && level <= TERN_LOG_DEBUG ? names[level] : "?";
    (void)user;
    fprintf(stderr, "tern: %s: %s\n", name, message);
}

void tern__log(tern_context *context, tern_log_level level, const char *format, ...) {
    if (level == TERN_LOG_ERROR && tern__is_quiet()) {
        level = TERN_LOG_DEBUG;
    }
    if (!context || !context->log || level > tern__atomic_load(&context->log_level)) {
        return;
    }
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    context->log(context->log_user, level, text);
}
