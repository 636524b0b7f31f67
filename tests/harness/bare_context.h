// A context without the backends that are built in, whose log is kept. For white-box tests.
#ifndef TERN_TESTS_HARNESS_BARE_CONTEXT_H_
#define TERN_TESTS_HARNESS_BARE_CONTEXT_H_

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/context.h"
#include "runtime/registry.h"
#include "tests/harness/heap.h"

typedef struct bare_log {
    char text[8192]; // lines "level message\n"
    size_t length;
} bare_log;

static inline void bare_log_write(void *user, tern_log_level level, const char *message) {
    bare_log *log = user;
    int written = snprintf(log->text + log->length, sizeof log->text - log->length, "%d %s\n",
                           (int)level, message);
    if (written > 0 && log->length + (size_t)written < sizeof log->text) {
        log->length += (size_t)written;
    }
}

// |log| may be NULL.
static inline tern_context *bare_context(uint32_t flags, bare_log *log) {
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.flags = flags;
    desc.log = log ? bare_log_write : NULL;
    desc.log_user = log;
    desc.log_level = TERN_LOG_INFO;
    tern_context *context = NULL;
    assert_int_equal(tern_context_create(&desc, &context), TERN_STATUS_OK);
    tern__registry_finish(context);
    return context;
}

#endif
