#include "tests/harness/bare_context.h"

#include <pthread.h>

#include "tests/harness/stub_backend.h"

static stub_config good_config = {.device_count = 1};
STUB_BACKEND(good, "good", 0, good_config)

static stub_config poor_config = {.instance_status = TERN_STATUS_OUT_OF_MEMORY};
STUB_BACKEND(poor, "poor", 0, poor_config)

static stub_config silent_config = {.instance_status = TERN_STATUS_UNAVAILABLE};
STUB_BACKEND(silent, "reference", TERN_BACKEND_REFERENCE, silent_config)

static const tern_backend *no_table(uint32_t min_abi, uint32_t max_abi) {
    (void)min_abi;
    (void)max_abi;
    return NULL;
}

// A table to spoil.
static tern_backend spoilt;

static const tern_backend *spoilt_query(uint32_t min_abi, uint32_t max_abi) {
    (void)min_abi;
    (void)max_abi;
    return &spoilt;
}

static void assert_refused(tern_context *context, const char *message) {
    uint32_t count = tern_context_backend_count(context);
    assert_int_equal(tern_context_register(context, spoilt_query), TERN_STATUS_INCOMPATIBLE);
    assert_string_equal(tern_last_error_message(), message);
    assert_int_equal(tern_context_backend_count(context), count);
}

static void tables_that_are_refused(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    static const char name_message[] =
        "backend: its name is not a lower-case word of at most 63 letters";
    static const char *const names[] = {
        NULL,    "",    "auto",
        "Upper", "1st", "a,b",
        "a:b",   "a b", "a234567890123456789012345678901234567890123456789012345678901234",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        spoilt = good_backend;
        spoilt.name = names[i];
        assert_refused(context, name_message);
    }
    spoilt = good_backend;
    spoilt.ops = NULL;
    assert_refused(context, "backend: its table has no ops");
    spoilt = good_backend;
    spoilt.flags = TERN_BACKEND_REFERENCE;
    assert_refused(context, "backend: its flags say that it is the reference backend, its name "
                            "does not");
    spoilt = good_backend;
    spoilt.struct_size = 16;
    char message[128];
    snprintf(message, sizeof message,
             "backend: its table has a struct_size of 16, expected at least %zu",
             sizeof(tern_backend));
    assert_refused(context, message);
    spoilt.struct_size = 0;
    snprintf(message, sizeof message,
             "backend: its table has a struct_size of 0, expected at least %zu",
             sizeof(tern_backend));
    assert_refused(context, message);
    static const tern_backend_ops empty_ops = {0};
    spoilt = good_backend;
    spoilt.ops = &empty_ops;
    snprintf(message, sizeof message,
             "backend: its ops have a struct_size of 0, expected at least %zu",
             sizeof(tern_backend_ops));
    assert_refused(context, message);
    spoilt = good_backend;
    spoilt.abi = 0;
    assert_refused(context, "backend: its table speaks ABI 0, asked was 1 to 1");
    assert_int_equal(tern_context_register(context, no_table), TERN_STATUS_INCOMPATIBLE);
    tern_context_destroy(context);
}

// Every slot that is required, by its offset, so that none is forgotten in the check.
static void each_required_slot_is_missed(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    size_t first = offsetof(tern_backend_ops, instance_create);
    size_t last = offsetof(tern_backend_ops, wait);
    for (size_t offset = first; offset <= last; offset += sizeof(void (*)(void))) {
        tern_backend_ops ops = good_ops;
        memset((char *)&ops + offset, 0, sizeof(void (*)(void)));
        spoilt = good_backend;
        spoilt.ops = &ops;
        assert_int_equal(tern_context_register(context, spoilt_query), TERN_STATUS_INCOMPATIBLE);
        assert_non_null(strstr(tern_last_error_message(), "backend good lacks the required slot "));
    }
    tern_context_destroy(context);
}

static void names_are_taken_once(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    assert_int_equal(tern_context_register(context, good_query), TERN_STATUS_OK);
    assert_int_equal(tern_context_register(context, good_query), TERN_STATUS_INCOMPATIBLE);
    assert_string_equal(tern_last_error_message(),
                        "backend: the name good is taken by a backend that is built in");
    assert_int_equal(tern_context_backend_count(context), 1);
    tern_context_destroy(context);
}

static void finding(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    assert_null(tern__registry_reference(context));
    tern_context_register(context, good_query);
    tern_context_register(context, silent_query);
    assert_string_equal(tern__registry_find(context, "good")->name, "good");
    assert_null(tern__registry_find(context, "goo"));
    assert_string_equal(tern__registry_reference(context)->name, "reference");
    assert_null(tern__registry_at(context, 2));
    tern_backend_info info = {.struct_size = sizeof info};
    assert_int_equal(tern_context_backend_describe(context, 2, &info), TERN_STATUS_OUT_OF_RANGE);
    assert_string_equal(tern_last_error_message(), "backend 2 does not exist, there are 2");
    tern_context_destroy(context);
}

static void a_failing_start_is_described(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    tern_context_register(context, silent_query);
    tern_backend_info info = {.struct_size = sizeof info};
    assert_int_equal(tern_context_backend_describe(context, 0, &info), TERN_STATUS_OK);
    assert_int_equal(info.state, TERN_BACKEND_UNAVAILABLE);
    assert_string_equal(info.reason, "unavailable");
    assert_string_equal(info.description, "a stub for tests");
    tern_context_destroy(context);
}

static void out_of_memory_is_tried_again(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    tern_context_register(context, poor_query);
    tern__entry *entry = tern__registry_find(context, "poor");
    assert_int_equal(tern__entry_start(entry), TERN_STATUS_OUT_OF_MEMORY);
    poor_config = (stub_config){.device_count = 1};
    assert_int_equal(tern__entry_start(entry), TERN_STATUS_OK);
    assert_int_equal(entry->state, TERN_BACKEND_READY);
    tern_context_destroy(context);
}

static int starts;

static tern_status count_start(const tern_host *host, tern_backend_instance **out_instance) {
    starts++; // under the entry's lock, or the thread sanitizer would say so
    host->log(host, TERN_LOG_INFO, host->option(host, "TERN_THREADS"));
    return stub_instance_create(host, &good_config, out_instance);
}

static const tern_backend_ops counting_ops =
    STUB_OPS(sizeof(tern_backend_ops), count_start, stub_compile);

static const tern_backend counting_backend = {
    .struct_size = sizeof(tern_backend),
    .abi = TERN_ABI_VERSION,
    .name = "counting",
    .ops = &counting_ops,
};

static const tern_backend *counting_query(uint32_t min_abi, uint32_t max_abi) {
    (void)min_abi;
    (void)max_abi;
    return &counting_backend;
}

static void *start(void *user) {
    assert_int_equal(tern__entry_start(user), TERN_STATUS_OK);
    return NULL;
}

static void it_starts_once_for_many_threads(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    pthread_t threads[4];
    tern_context_register(context, counting_query);
    assert_int_equal(starts, 0);
    tern__entry *entry = tern__registry_find(context, "counting");
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, start, entry), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(starts, 1);
    tern_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_that_are_refused),
        cmocka_unit_test(each_required_slot_is_missed),
        cmocka_unit_test(names_are_taken_once),
        cmocka_unit_test(finding),
        cmocka_unit_test(a_failing_start_is_described),
        cmocka_unit_test(out_of_memory_is_tried_again),
        cmocka_unit_test(it_starts_once_for_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
