// cmocka with its prerequisites, and what tests of calls that fail ask most.
#ifndef TERN_TESTS_HARNESS_CHECK_H_
#define TERN_TESTS_HARNESS_CHECK_H_

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <tern/status.h>

#define CHECK_OK(call)                                                                             \
    do {                                                                                           \
        tern_status check_status = (call);                                                         \
        if (check_status != TERN_STATUS_OK) {                                                      \
            fail_msg("%s: %s: %s", #call, tern_status_name(check_status),                          \
                     tern_last_error_message());                                                   \
        }                                                                                          \
    } while (0)

// |call| fails with |status| and one line that contains |part|.
#define CHECK_FAILS(call, status, part)                                                            \
    do {                                                                                           \
        tern_status check_status = (call);                                                         \
        const char *check_message = tern_last_error_message();                                     \
        if (check_status != (status) || !strstr(check_message, part) ||                            \
            strchr(check_message, '\n')) {                                                         \
            fail_msg("%s: %s '%s', expected %s '%s'", #call, tern_status_name(check_status),       \
                     check_message, tern_status_name(status), part);                               \
        }                                                                                          \
    } while (0)

#endif
