// Plugins right and wrong: what is said of each, and that a wrong one disturbs no other.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <tern/tern.h>

#define STUB(name) STUB_FOLDER "/" name STUB_SUFFIX

// What becomes of each stub. |message| is a part of the reason.
typedef struct expectation {
    const char *path;
    const char *name;
    tern_backend_state state;
    tern_status status; // of loading it alone
    const char *message;
} expectation;

static const expectation expectations[] = {
    {STUB("bad_name"), "bad_name" STUB_SUFFIX, TERN_BACKEND_REJECTED, TERN_STATUS_INCOMPATIBLE,
     "its name is not a lower-case word of at most 63 letters"},
    {STUB("cut_short"), "cut_short" STUB_SUFFIX, TERN_BACKEND_REJECTED, TERN_STATUS_INCOMPATIBLE,
     "the file is cut short"},
    {STUB("fails_probe"), "fails-probe", TERN_BACKEND_UNAVAILABLE, TERN_STATUS_UNAVAILABLE,
     "no driver in the slot"},
    {STUB("good"), "good", TERN_BACKEND_READY, TERN_STATUS_OK, ""},
    {STUB("missing_slot"), "missing_slot" STUB_SUFFIX, TERN_BACKEND_REJECTED,
     TERN_STATUS_INCOMPATIBLE, "backend missing-slot lacks the required slot compile"},
    {STUB("nameless"), "nameless", TERN_BACKEND_READY, TERN_STATUS_OK, ""},
    {STUB("new_abi"), "new_abi" STUB_SUFFIX, TERN_BACKEND_REJECTED, TERN_STATUS_INCOMPATIBLE,
     "its table speaks ABI 2, asked was 1 to 1"},
    {STUB("no_device"), "no-device", TERN_BACKEND_UNAVAILABLE, TERN_STATUS_UNAVAILABLE,
     "it has no devices"},
    {STUB("no_symbol"), "no_symbol" STUB_SUFFIX, TERN_BACKEND_REJECTED, TERN_STATUS_INCOMPATIBLE,
     "exports no symbol tern_backend_query"},
    {STUB("not_a_library"), "not_a_library" STUB_SUFFIX, TERN_BACKEND_REJECTED,
     TERN_STATUS_INCOMPATIBLE, "cannot be loaded: "},
    {STUB("old_abi"), "old_abi" STUB_SUFFIX, TERN_BACKEND_REJECTED, TERN_STATUS_INCOMPATIBLE,
     "speaks no ABI that this library does (1 to 1)"},
    {STUB("short_table"), "short_table" STUB_SUFFIX, TERN_BACKEND_REJECTED,
     TERN_STATUS_INCOMPATIBLE, "backend short-table lacks the required slot submit"},
    {STUB("too_many"), "too-many", TERN_BACKEND_UNAVAILABLE, TERN_STATUS_UNAVAILABLE,
     "it claims 4294967295 devices, at most 1024 are believed"},
};
#define EXPECTATIONS (sizeof expectations / sizeof *expectations)

static tern_context *make_context(uint32_t flags, const char *plugin_path) {
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.flags = flags;
    desc.plugin_path = plugin_path;
    tern_context *context = NULL;
    assert_int_equal(tern_context_create(&desc, &context), TERN_STATUS_OK);
    return context;
}

// The backend from |path|, or 0.
static int find(tern_context *context, const char *path, tern_backend_info *out_info) {
    uint32_t count = tern_context_backend_count(context);
    for (uint32_t i = 0; i < count; i++) {
        *out_info = (tern_backend_info){.struct_size = sizeof *out_info};
        assert_int_equal(tern_context_backend_describe(context, i, out_info), TERN_STATUS_OK);
        if (strcmp(out_info->path, path) == 0) {
            return 1;
        }
    }
    return 0;
}

static void assert_listed(tern_context *context, const expectation *expected) {
    tern_backend_info info;
    assert_true(find(context, expected->path, &info));
    assert_string_equal(info.name, expected->name);
    assert_int_equal(info.state, expected->state);
    assert_non_null(strstr(info.reason, expected->message));
    assert_int_equal(info.device_count, expected->state == TERN_BACKEND_READY ? 1 : 0);
    assert_int_equal(info.abi, expected->state == TERN_BACKEND_REJECTED ? 0 : 1);
}

static void use_good(tern_context *context) {
    tern_device_desc desc = TERN_DEVICE_DESC_INIT;
    tern_device *device = NULL;
    tern_buffer *buffer = NULL;
    uint32_t word = 42;
    desc.backends = "good";
    assert_int_equal(tern_device_open(context, &desc, &device), TERN_STATUS_OK);
    tern_device_info info = {.struct_size = sizeof info};
    assert_int_equal(tern_device_describe(device, &info), TERN_STATUS_OK);
    assert_string_equal(info.backend, "good");
    assert_string_equal(info.name, "good device");
    assert_int_equal(tern_buffer_create(device, sizeof word, &buffer), TERN_STATUS_OK);
    assert_int_equal(tern_buffer_upload(buffer, 0, &word, sizeof word), TERN_STATUS_OK);
    word = 0;
    assert_int_equal(tern_buffer_download(buffer, 0, &word, sizeof word), TERN_STATUS_OK);
    assert_int_equal(word, 42);
    tern_buffer_destroy(buffer);
    tern_device_close(device);
}

static void a_folder_of_all_kinds(void **state) {
    (void)state;
    tern_context *context =
        make_context(TERN_CONTEXT_ALLOW_PLUGINS | TERN_CONTEXT_IGNORE_ENV, STUB_FOLDER);
    for (size_t i = 0; i < EXPECTATIONS; i++) {
        assert_listed(context, &expectations[i]);
    }
    tern_backend_info info;
    assert_true(find(context, STUB("good_again"), &info));
    assert_int_equal(info.state, TERN_BACKEND_REJECTED);
    assert_non_null(strstr(info.reason, "the name good is taken by " STUB("good")));
    assert_false(find(context, STUB_FOLDER "/notes.txt", &info));
    use_good(context);
    tern_context_destroy(context);
}

static void each_alone(void **state) {
    (void)state;
    for (size_t i = 0; i < EXPECTATIONS; i++) {
        const expectation *expected = &expectations[i];
        tern_context *context = make_context(TERN_CONTEXT_IGNORE_ENV, NULL);
        assert_int_equal(tern_context_load_plugin(context, expected->path), expected->status);
        if (expected->status != TERN_STATUS_OK) {
            const char *message = tern_last_error_message();
            assert_non_null(strstr(message, expected->message));
            assert_int_equal(strncmp(message, expected->path, strlen(expected->path)), 0);
        }
        assert_listed(context, expected);
        tern_context_destroy(context);
    }
}

static void one_that_does_not_exist(void **state) {
    (void)state;
    tern_context *context = make_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    tern_backend_info info;
    assert_int_equal(tern_context_load_plugin(context, STUB("nowhere")), TERN_STATUS_NOT_FOUND);
    assert_string_equal(tern_last_error_message(), STUB("nowhere") ": No such file or directory");
    assert_true(find(context, STUB("nowhere"), &info));
    assert_int_equal(info.state, TERN_BACKEND_REJECTED);
    tern_context_destroy(context);
}

static void one_loaded_twice(void **state) {
    (void)state;
    tern_context *context = make_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    assert_int_equal(tern_context_load_plugin(context, STUB("good")), TERN_STATUS_OK);
    assert_int_equal(tern_context_load_plugin(context, STUB("good")), TERN_STATUS_INCOMPATIBLE);
    assert_string_equal(tern_last_error_message(),
                        STUB("good") ": the name good is taken by " STUB("good"));
    use_good(context);
    tern_context_destroy(context);
}

// TERN_PLUGIN_PATH counts only where the application allows plugins and reads the environment.
static void the_environment(void **state) {
    (void)state;
    static const struct {
        uint32_t flags;
        int found;
    } cases[] = {
        {TERN_CONTEXT_ALLOW_PLUGINS, 1},
        {0, 0},
        {TERN_CONTEXT_ALLOW_PLUGINS | TERN_CONTEXT_IGNORE_ENV, 0},
    };
    setenv("TERN_PLUGIN_PATH", "/nonexistent::" STUB_FOLDER, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tern_context *context = make_context(cases[i].flags, NULL);
        tern_backend_info info;
        assert_int_equal(find(context, STUB("good"), &info), cases[i].found);
        assert_int_equal(find(context, STUB("old_abi"), &info), cases[i].found);
        if (cases[i].found) {
            use_good(context);
        }
        tern_context_destroy(context);
    }
    unsetenv("TERN_PLUGIN_PATH");
}

// Set by the application it is as good as in the environment, and scanned once.
static void the_option(void **state) {
    (void)state;
    tern_context *context =
        make_context(TERN_CONTEXT_ALLOW_PLUGINS | TERN_CONTEXT_IGNORE_ENV, NULL);
    tern_backend_info info;
    assert_false(find(context, STUB("good"), &info));
    assert_int_equal(tern_context_set_option(context, "TERN_PLUGIN_PATH", STUB_FOLDER),
                     TERN_STATUS_OK);
    assert_true(find(context, STUB("good"), &info));
    uint32_t count = tern_context_backend_count(context);
    assert_int_equal(tern_context_set_option(context, "TERN_PLUGIN_PATH", STUB_FOLDER),
                     TERN_STATUS_OK);
    assert_int_equal(tern_context_backend_count(context), count);
    tern_context_destroy(context);
}

typedef struct log_count {
    int rejected;
    int errors;
} log_count;

static void count_lines(void *user, tern_log_level level, const char *message) {
    log_count *count = user;
    count->rejected += level == TERN_LOG_WARNING && strstr(message, "plugin rejected: ") != NULL;
    count->errors += level == TERN_LOG_ERROR;
}

static void rejections_are_logged_as_warnings(void **state) {
    (void)state;
    log_count count = {0, 0};
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.flags = TERN_CONTEXT_ALLOW_PLUGINS | TERN_CONTEXT_IGNORE_ENV;
    desc.plugin_path = STUB_FOLDER;
    desc.log = count_lines;
    desc.log_user = &count;
    tern_context *context = NULL;
    assert_int_equal(tern_context_create(&desc, &context), TERN_STATUS_OK);
    assert_int_equal(count.rejected, 9);
    assert_int_equal(count.errors, 0);
    tern_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_of_all_kinds),
        cmocka_unit_test(each_alone),
        cmocka_unit_test(one_that_does_not_exist),
        cmocka_unit_test(one_loaded_twice),
        cmocka_unit_test(the_environment),
        cmocka_unit_test(the_option),
        cmocka_unit_test(rejections_are_logged_as_warnings),
    };
    unsetenv("TERN_BACKEND");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
