// A host that has set a locale whose numbers have a comma gets the same results.
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include <tern/convert.h>
#include <tern/grammar.h>

#include "runtime/model/files/json_number.h"
#include "tests/harness/check.h"

static bool has_comma(const char *name) {
    char text[16];
    if (!setlocale(LC_ALL, name) && !setlocale(LC_NUMERIC, name)) {
        return false;
    }
    snprintf(text, sizeof text, "%.1f", 1.5);
    return strcmp(text, "1,5") == 0;
}

#ifdef _WIN32
static bool make_locale(void) {
    return false;
}
#else
// Where none is installed, one that has nothing but the comma.
static bool make_locale(void) {
    char command[2048];
    const char *folder = getenv("TERN_BUILD_DIR");
    if (!folder) {
        return false;
    }
    snprintf(command, sizeof command,
             "mkdir -p '%s/locale' && cd '%s/locale' && printf 'LC_NUMERIC\\ndecimal_point "
             "\",\"\\nthousands_sep \".\"\\ngrouping 3;3\\nEND LC_NUMERIC\\n' > comma.src && "
             "localedef -c -i comma.src -f UTF-8 ./xx_XX.UTF-8 2>/dev/null",
             folder, folder);
    int unused = system(command); // warns of all that it lacks
    (void)unused;
    snprintf(command, sizeof command, "%s/locale", folder);
    return setenv("LOCPATH", command, 1) == 0 && has_comma("xx_XX.UTF-8");
}
#endif

static void need_comma(void) {
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "es_ES.UTF-8", "pt_BR.UTF-8",
                                        "ru_RU.UTF-8", "de-DE",       "German"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (has_comma(names[i])) {
            return;
        }
    }
    if (!make_locale()) {
        print_message("skipped: no locale with a comma, and no localedef to make one\n");
        skip();
    }
}

static void numbers_are_written_with_a_point(void **state) {
    (void)state;
    need_comma();
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.5, "0.5"},      {-1234567.25, "-1234567.25"},      {0.1, "0.1"},
                 {1e300, "1e+300"}, {1.0 / 3.0, "0.3333333333333333"}, {-2.5e-7, "-2.5e-07"},
                 {3.0, "3"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[TERN__JSON_NUMBER_SIZE];
        tern__json_number back;
        tern__json_write_number(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(tern__json_read_number(text, strlen(text), &back), strlen(text));
        assert_true(back.value == cases[i].value);
    }
}

static void floats_are_written_short(void **state) {
    (void)state;
    need_comma();
    static const struct {
        float value;
        const char *text;
    } cases[] = {{1e-5f, "1e-05"}, {500000.0f, "500000"}, {0.1f, "0.1"}, {1.0f / 3, "0.33333334"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[TERN__JSON_NUMBER_SIZE];
        tern__json_write_single(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
}

static tern_status take(void *user, const void *data, size_t size) {
    char *config = user;
    size_t length = strlen(config);
    assert_true(length + size < 4096);
    memcpy(config + length, data, size);
    config[length + size] = '\0';
    return TERN_STATUS_OK;
}

static tern_status ignore(void *user, const void *data, size_t size) {
    (void)user;
    (void)data;
    (void)size;
    return TERN_STATUS_OK;
}

static tern_status open_file(void *user, const char *name, tern_sink *out_sink) {
    bool wanted = strcmp(name, "config.json") == 0;
    *out_sink =
        (tern_sink){.struct_size = sizeof *out_sink, .user = user, .write = wanted ? take : ignore};
    return TERN_STATUS_OK;
}

static void a_folder_is_made(void **state) {
    (void)state;
    need_comma();
    char path[512], config[4096] = "";
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    tern_context *context;
    tern_archive *archive;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    CHECK_OK(tern_context_create(&desc, &context));
    snprintf(path, sizeof path, "%s/tests/golden/tiny-qwen3.gguf", getenv("TERN_SOURCE_DIR"));
    CHECK_OK(tern_archive_open_path(context, path, &archive));
    CHECK_OK(tern_convert_folder(context, archive, NULL, open_file, config));
    assert_non_null(strstr(config, "\"rms_norm_eps\": 1e-0"));
    tern_archive_destroy(archive);
    tern_context_destroy(context);
}

static tern_status feed(const tern_tokenizer *tokenizer, tern_context *context, const char *schema,
                        const char *text) {
    tern_grammar_desc desc = {sizeof desc, TERN_GRAMMAR_JSON_SCHEMA, schema, strlen(schema)};
    tern_grammar *grammar;
    CHECK_OK(tern_grammar_create(context, tokenizer, &desc, &grammar));
    tern_status status = tern_grammar_feed(grammar, text, strlen(text));
    if (status == TERN_STATUS_OK) {
        assert_true(tern_grammar_state(grammar) & TERN_GRAMMAR_MAY_END);
    }
    tern_grammar_destroy(grammar);
    return status;
}

static void a_schema_means_what_it_says(void **state) {
    (void)state;
    need_comma();
    static const char schema[] = "{\"enum\":[0.5,{\"a\":[-2.25]}]}";
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    tern_context *context;
    tern_tokenizer *tokenizer;
    char path[512];
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    CHECK_OK(tern_context_create(&desc, &context));
    snprintf(path, sizeof path, "%s/tests/golden/tiny-llama-dense.gguf", getenv("TERN_SOURCE_DIR"));
    CHECK_OK(tern_tokenizer_open_path(context, path, NULL, &tokenizer));
    CHECK_OK(feed(tokenizer, context, schema, "0.5"));
    CHECK_OK(feed(tokenizer, context, schema, "{\"a\":[-2.25]}"));
    assert_int_equal(feed(tokenizer, context, schema, "0,5"), TERN_STATUS_INVALID_ARGUMENT);
    tern_tokenizer_destroy(tokenizer);
    tern_context_destroy(context);
}

static int restore(void **state) {
    (void)state;
    setlocale(LC_ALL, "C");
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(numbers_are_written_with_a_point, restore),
        cmocka_unit_test_teardown(floats_are_written_short, restore),
        cmocka_unit_test_teardown(a_folder_is_made, restore),
        cmocka_unit_test_teardown(a_schema_means_what_it_says, restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
