#ifndef TERN_RUNTIME_LOG_H_
#define TERN_RUNTIME_LOG_H_

#include <tern/context.h>

#include "runtime/status.h"

// Formats and passes on a message if |level| is wanted.
void tern__log(tern_context *context, tern_log_level level, const char *format, ...)
    TERN__PRINTF(3, 4);

#endif
