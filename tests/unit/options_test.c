#include "tests/harness/bare_context.h"

#include "runtime/host.h"
#include "runtime/log.h"
#include "runtime/options.h"

static void forget_environment(void) {
    tern_option_info info = {.struct_size = sizeof info};
    for (uint32_t i = 0; tern_option_describe(i, &info) == TERN_STATUS_OK; i++) {
        unsetenv(info.name);
    }
}

static void the_table_is_public(void **state) {
    (void)state;
    tern_option_info info = {.struct_size = sizeof info};
    assert_int_equal(tern_option_describe(0, &info), TERN_STATUS_OK);
    assert_string_equal(info.name, "TERN_BACKEND");
    assert_int_equal(tern_option_describe(TERN__OPTION_COUNT - 1, &info), TERN_STATUS_OK);
    assert_int_equal(tern_option_describe(TERN__OPTION_COUNT, &info), TERN_STATUS_NOT_FOUND);
}

// NULL: not set. The application's value goes before the environment's, and "" hides it.
typedef struct value_case {
    const char *env;
    const char *set;
    uint32_t flags;
    const char *text;
    uint32_t count;
    bool given;
} value_case;

static void values_in_force(void **state) {
    (void)state;
    static const value_case cases[] = {
        {NULL, NULL, 0, "0", 0, false},
        {"", NULL, 0, "0", 0, false},
        {"3", NULL, 0, "3", 3, true},
        {"0", NULL, 0, "0", 0, true},
        {"3", "5", 0, "5", 5, true},
        {"3", "", 0, "0", 0, false},
        {NULL, "1024", 0, "1024", 1024, true},
        {"3", NULL, TERN_CONTEXT_IGNORE_ENV, "0", 0, false},
        {"junk", NULL, TERN_CONTEXT_IGNORE_ENV, "0", 0, false},
        {"3", "5", TERN_CONTEXT_IGNORE_ENV, "5", 5, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const value_case *c = &cases[i];
        forget_environment();
        if (c->env) {
            setenv("TERN_THREADS", c->env, 1);
        }
        tern_context *context = bare_context(c->flags, NULL);
        if (c->set) {
            assert_int_equal(tern_context_set_option(context, "TERN_THREADS", c->set),
                             TERN_STATUS_OK);
        }
        assert_string_equal(tern_context_option(context, "TERN_THREADS"), c->text);
        assert_int_equal(tern__option_count(context, TERN__OPTION_THREADS), c->count);
        assert_int_equal(tern__option_given(context, TERN__OPTION_THREADS), c->given);
        tern_context_destroy(context);
    }
    forget_environment();
}

static const struct {
    const char *name;
    const char *value;
    const char *message;
} bad[] = {
    {"TERN_CPU_MASK", "mmx",
     "TERN_CPU_MASK \"mmx\": expected one of "
     "scalar|avx2|avxvnni|vnni256|avx512vnni|avx512vbmi|amx|neon|dotprod|i8mm"},
    {"TERN_THREADS", "many", "TERN_THREADS \"many\": expected a number from 0 to 1024"},
    {"TERN_THREADS", "1025", "TERN_THREADS \"1025\": expected a number from 0 to 1024"},
    {"TERN_THREADS", "-1", "TERN_THREADS \"-1\": expected a number from 0 to 1024"},
    {"TERN_THREADS", "99999999999999999999",
     "TERN_THREADS \"99999999999999999999\": expected a number from 0 to 1024"},
    {"TERN_LOG", "loud", "TERN_LOG \"loud\": expected one of error|warning|info|debug"},
    {"TERN_LOG", "war", "TERN_LOG \"war\": expected one of error|warning|info|debug"},
    {"TERN_NUMERICS", "fast", "TERN_NUMERICS \"fast\": expected one of auto|exact"},
    {"TERN_VULKAN_VALIDATION", "2", "TERN_VULKAN_VALIDATION \"2\": expected one of 0|1"},
};

static void values_that_do_not_parse(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        forget_environment();
        tern_context *context = bare_context(0, NULL);
        assert_int_equal(tern_context_set_option(context, bad[i].name, bad[i].value),
                         TERN_STATUS_INVALID_ARGUMENT);
        assert_string_equal(tern_last_error_message(), bad[i].message);
        tern_context_destroy(context);

        setenv(bad[i].name, bad[i].value, 1);
        assert_int_equal(tern_context_create(NULL, &context), TERN_STATUS_INVALID_ARGUMENT);
        assert_null(context);
        assert_string_equal(tern_last_error_message(), bad[i].message);
    }
    forget_environment();
}

static void names_that_do_not_exist(void **state) {
    (void)state;
    tern_context *context = bare_context(0, NULL);
    assert_null(tern_context_option(context, "TERN_TYPO"));
    assert_null(tern_context_option(context, "THREADS"));
    assert_int_equal(tern_context_set_option(context, "TERN_TYPO", "1"), TERN_STATUS_NOT_FOUND);
    assert_string_equal(tern_last_error_message(), "option TERN_TYPO does not exist");
    tern_context_destroy(context);
}

static void a_text_read_before_stays_valid(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    tern_context_set_option(context, "TERN_BACKEND", "first");
    const char *first = tern_context_option(context, "TERN_BACKEND");
    tern_context_set_option(context, "TERN_BACKEND", "second");
    assert_string_equal(first, "first");
    assert_string_equal(tern_context_option(context, "TERN_BACKEND"), "second");
    tern_context_destroy(context);
}

static void the_log_level(void **state) {
    (void)state;
    bare_log log = {{0}, 0};
    setenv("TERN_LOG", "error", 1);
    tern_context *context = bare_context(0, &log);
    tern__log(context, TERN_LOG_WARNING, "dropped");
    tern_context_set_option(context, "TERN_LOG", "warning");
    tern__log(context, TERN_LOG_WARNING, "kept");
    tern__log(context, TERN_LOG_INFO, "dropped");
    tern_context_set_option(context, "TERN_LOG", "");
    tern__log(context, TERN_LOG_INFO, "kept at the context's own level");
    tern__log(context, TERN_LOG_DEBUG, "dropped");
    assert_string_equal(log.text, "2 kept\n3 kept at the context's own level\n");
    tern_context_destroy(context);
    forget_environment();
}

static void what_a_backend_sees(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    tern_host host = tern__host_make(context);
    assert_string_equal(host.option(&host, "TERN_CPU_MASK"), "");
    assert_null(host.option(&host, "TERN_TYPO"));
    assert_true(host.thread_count(&host) >= 1);
    tern_context_set_option(context, "TERN_THREADS", "3");
    assert_int_equal(host.thread_count(&host), 3);
    assert_null(host.parallel_for);
    assert_null(host.op_info(&host, 0xffffu));
    void *memory = host.allocate(&host, 10, 4096);
    assert_int_equal((uintptr_t)memory % 4096, 0);
    host.release(&host, memory);
    host.release(&host, NULL);
    // The application's allocator was promised no other alignment.
    static const size_t wrong[] = {0, 3, 96, 8192, (size_t)2 << 20, SIZE_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(host.allocate(&host, 10, wrong[i]));
    }
    assert_int_equal((host.fail)(&host, TERN_STATUS_IO, "theirs"), TERN_STATUS_IO);
    assert_string_equal(tern_last_error_message(), "theirs");
    tern_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_public),
        cmocka_unit_test(values_in_force),
        cmocka_unit_test(values_that_do_not_parse),
        cmocka_unit_test(names_that_do_not_exist),
        cmocka_unit_test(a_text_read_before_stays_valid),
        cmocka_unit_test(the_log_level),
        cmocka_unit_test(what_a_backend_sees),
    };
    forget_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
