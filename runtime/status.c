#include "runtime/status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/log.h"
#include "runtime/platform/platform.h"

static TERN__THREAD_LOCAL char last_message[TERN__MESSAGE_CAPACITY];
static TERN__THREAD_LOCAL unsigned quiet_depth;
static TERN__THREAD_LOCAL tern_status last_status;

const char *tern_status_name(tern_status status) {
    switch (status) {
#define STATUS_NAME(name, number, text, when)                                                      \
    case number:                                                                                   \
        return "TERN_STATUS_" #name;
        TERN_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    default:
        return "TERN_STATUS_?";
    }
}

const char *tern_status_text(tern_status status) {
    switch (status) {
#define STATUS_TEXT(name, number, text, when)                                                      \
    case number:                                                                                   \
        return text;
        TERN_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    default:
        return "unknown status";
    }
}

const char *tern_last_error_message(void) {
    return last_message;
}

void tern__clean_line(char *text) {
    for (char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = ' ';
        }
    }
}

void tern__set_error(const char *message) {
    char copy[TERN__MESSAGE_CAPACITY];
    snprintf(copy, sizeof copy, "%s", message); // |message| may be the buffer itself
    tern__clean_line(copy);
    memcpy(last_message, copy, sizeof copy);
}

tern_status tern__fail(tern_context *context, tern_status status, const char *format, ...) {
    char text[TERN__MESSAGE_CAPACITY];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tern__set_error(text);
    last_status = status;
    tern__log(context, TERN_LOG_ERROR, "%s", last_message);
    return status;
}

bool tern__was_reported(tern_status status) {
    bool reported = status == last_status;
    last_status = TERN_STATUS_OK;
    return reported;
}

tern_status tern__fail_memory(tern_context *context, uint64_t bytes, const char *what) {
    return tern__fail(context, TERN_STATUS_OUT_OF_MEMORY, "out of memory: %" PRIu64 " bytes for %s",
                      bytes, what);
}

// No more than the text: an evaluation is quiet too, and most often there is none.
static void copy_message(char *to, const char *from) {
    memcpy(to, from, strlen(from) + 1);
}

void tern__quiet_begin(tern__quiet *quiet) {
    copy_message(quiet->message, last_message);
    last_message[0] = '\0';
    quiet_depth++;
}

void tern__quiet_end(const tern__quiet *quiet) {
    copy_message(last_message, quiet->message);
    last_status = TERN_STATUS_OK; // its text is gone
    quiet_depth--;
}

void tern__quiet_end_with(const tern__quiet *quiet, tern_status status,
                          char message[TERN__MESSAGE_CAPACITY]) {
    const char *said = status == TERN_STATUS_OK ? ""
                       : last_message[0]        ? last_message
                                                : tern_status_text(status);
    copy_message(message, said);
    tern__quiet_end(quiet);
}

bool tern__is_quiet(void) {
    return quiet_depth > 0;
}

tern_status tern__check_size(tern_context *context, const char *what, uint32_t got, size_t wanted) {
    if (got < wanted) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: struct_size is %" PRIu32 ", expected at least %zu", what, got,
                          wanted);
    }
    return TERN_STATUS_OK;
}

tern_status tern__check_reserved(tern_context *context, const char *what, uint32_t got) {
    if (got) {
        return tern__fail(context, TERN_STATUS_INVALID_ARGUMENT,
                          "%s: reserved is %" PRIu32 ", must be 0", what, got);
    }
    return TERN_STATUS_OK;
}
