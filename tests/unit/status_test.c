#include "tests/harness/bare_context.h"

#include <pthread.h>

#include "runtime/log.h"
#include "runtime/status.h"

static void names_and_texts(void **state) {
    (void)state;
    assert_string_equal(tern_status_name(TERN_STATUS_OK), "TERN_STATUS_OK");
    assert_string_equal(tern_status_name(TERN_STATUS_INTERNAL), "TERN_STATUS_INTERNAL");
    assert_string_equal(tern_status_name(14), "TERN_STATUS_?");
    assert_string_equal(tern_status_name(-1), "TERN_STATUS_?");
    assert_string_equal(tern_status_text(TERN_STATUS_IO), "input/output error");
    assert_string_equal(tern_status_text(99), "unknown status");
}

static void *fail_elsewhere(void *user) {
    (void)user;
    assert_string_equal(tern_last_error_message(), "");
    tern__fail(NULL, TERN_STATUS_IO, "elsewhere");
    return NULL;
}

static void each_thread_has_its_message(void **state) {
    (void)state;
    pthread_t thread;
    assert_int_equal(tern__fail(NULL, TERN_STATUS_NOT_FOUND, "here: %d", 7), TERN_STATUS_NOT_FOUND);
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
    assert_string_equal(tern_last_error_message(), "here: 7");
}

static void a_message_is_one_line_and_bounded(void **state) {
    (void)state;
    char text[2000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    tern__fail(NULL, TERN_STATUS_IO, "%s", text);
    assert_int_equal(strlen(tern_last_error_message()), TERN__MESSAGE_CAPACITY - 1);
    tern__fail(NULL, TERN_STATUS_IO, "two\nlines\r");
    assert_string_equal(tern_last_error_message(), "two lines ");
    tern__fail(NULL, TERN_STATUS_IO, "a \x1b[31mname\x7f of a file: \xc3\xa4");
    assert_string_equal(tern_last_error_message(), "a  [31mname  of a file: \xc3\xa4");
}

static void a_message_may_be_made_from_the_last(void **state) {
    (void)state;
    tern__set_error("inner");
    tern__fail(NULL, TERN_STATUS_IO, "outer: %s", tern_last_error_message());
    assert_string_equal(tern_last_error_message(), "outer: inner");
    tern__set_error(tern_last_error_message());
    assert_string_equal(tern_last_error_message(), "outer: inner");
}

static void a_success_leaves_the_message(void **state) {
    (void)state;
    tern__set_error("from before");
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    tern_context_destroy(context);
    assert_string_equal(tern_last_error_message(), "from before");
}

static void errors_are_logged_once_and_quietly_as_debug(void **state) {
    (void)state;
    bare_log log = {{0}, 0};
    tern__quiet quiet;
    tern__quiet inner;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, &log);
    tern__fail(context, TERN_STATUS_IO, "loud");
    tern__quiet_begin(&quiet);
    tern__quiet_begin(&inner);
    assert_string_equal(tern_last_error_message(), "");
    tern__quiet_end(&inner);
    tern__fail(context, TERN_STATUS_IO, "hidden below the level");
    assert_int_equal(tern_context_set_option(context, "TERN_LOG", "debug"), TERN_STATUS_OK);
    tern__fail(context, TERN_STATUS_IO, "quiet");
    tern__quiet_end(&quiet);
    assert_string_equal(log.text, "1 loud\n4 quiet\n");
    assert_string_equal(tern_last_error_message(), "loud");
    tern_context_destroy(context);
}

static void struct_sizes_are_checked(void **state) {
    (void)state;
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    tern_context *context = (tern_context *)&desc;
    desc.struct_size -= 1;
    assert_int_equal(tern_context_create(&desc, &context), TERN_STATUS_INVALID_ARGUMENT);
    assert_null(context);
    char expected[128];
    snprintf(expected, sizeof expected,
             "tern_context_desc: struct_size is %zu, expected at least %zu", sizeof desc - 1,
             sizeof desc);
    assert_string_equal(tern_last_error_message(), expected);
    desc.struct_size = sizeof desc + 8; // of a later version
    assert_int_equal(tern_context_create(&desc, &context), TERN_STATUS_OK);
    tern_backend_info info = {0};
    assert_int_equal(tern_context_backend_describe(context, 0, &info),
                     TERN_STATUS_INVALID_ARGUMENT);
    tern_context_destroy(context);
}

// The text that a stretch ends with, and the one from before it.
static void quiet_stretches_hand_over_what_was_said(void **state) {
    (void)state;
    bare_log log = {{0}, 0};
    char message[TERN__MESSAGE_CAPACITY] = "left over";
    tern__quiet quiet;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, &log);
    tern__fail(context, TERN_STATUS_IO, "before");
    tern__quiet_begin(&quiet);
    tern__fail(context, TERN_STATUS_IO, "mended since");
    tern__quiet_end_with(&quiet, TERN_STATUS_OK, message);
    assert_string_equal(message, "");
    tern__quiet_begin(&quiet);
    tern__quiet_end_with(&quiet, TERN_STATUS_IO, message);
    assert_string_equal(message, tern_status_text(TERN_STATUS_IO));
    tern__quiet_begin(&quiet);
    tern__fail(context, TERN_STATUS_IO, "within");
    tern__quiet_end_with(&quiet, TERN_STATUS_IO, message);
    assert_string_equal(message, "within");
    assert_string_equal(tern_last_error_message(), "before");
    tern_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_texts),
        cmocka_unit_test(each_thread_has_its_message),
        cmocka_unit_test(a_message_is_one_line_and_bounded),
        cmocka_unit_test(a_message_may_be_made_from_the_last),
        cmocka_unit_test(a_success_leaves_the_message),
        cmocka_unit_test(errors_are_logged_once_and_quietly_as_debug),
        cmocka_unit_test(quiet_stretches_hand_over_what_was_said),
        cmocka_unit_test(struct_sizes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
