// What a model says when something is wrong: one line, once; and nothing when nothing is.
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include <tern/tern.h>

#include "tests/harness/check.h"
#include "tests/harness/data.h"
#include "tests/harness/heap.h"

typedef struct world {
    test_heap heap;
    unsigned errors; // lines logged at that level
    char last[1024];
    char *file;
    size_t size;
    tern_context *context;
    tern_device *device;
    tern_source source;
    tern_model *model;
    tern_session *session;
} world;

static world w;

static void on_log(void *user, tern_log_level level, const char *message) {
    (void)user;
    if (level == TERN_LOG_ERROR) {
        w.errors++;
        snprintf(w.last, sizeof w.last, "%s", message);
    }
}

static int set_up(void **state) {
    (void)state;
    char path[1024];
    memset(&w, 0, sizeof w);
    assert_true(source_path("tests/golden/tiny-b158-i2_s.gguf", path, sizeof path));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    w.size = (size_t)ftell(file);
    rewind(file);
    w.file = malloc(w.size);
    assert_int_equal(fread(w.file, 1, w.size, file), w.size);
    fclose(file);
    w.source = tern_source_from_memory("tiny", w.file, w.size);
    tern_allocator allocator = test_heap_allocator(&w.heap);
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    desc.allocator = &allocator;
    desc.log = on_log;
    CHECK_OK(tern_context_create(&desc, &w.context));
    alarm(120); // a deadlock is a failure
    return 0;
}

static void close_all(void) {
    tern_session_destroy(w.session);
    tern_model_destroy(w.model);
    tern_device_close(w.device);
    w.session = NULL;
    w.model = NULL;
    w.device = NULL;
}

static int tear_down(void **state) {
    (void)state;
    close_all();
    tern_context_destroy(w.context);
    free(w.file);
    return w.heap.blocks == 0 ? 0 : -1;
}

static tern_status open_device(void) {
    tern_device_desc desc = TERN_DEVICE_DESC_INIT;
    desc.backends = "reference";
    return tern_device_open(w.context, &desc, &w.device);
}

static tern_status generate_one(void) {
    static const int32_t prompt[] = {1, 5, 9};
    tern_generate_desc desc = {.struct_size = sizeof desc, .max_tokens = 2};
    tern_generate_result result = {.struct_size = sizeof result};
    desc.prompt = prompt;
    desc.prompt_count = 3;
    return tern_session_generate(w.session, &desc, &result);
}

static tern_status run_all(void) {
    tern_status status = open_device();
    status = status ? status : tern_model_load(w.device, &w.source, NULL, &w.model);
    status = status ? status : tern_session_create(w.model, NULL, &w.session);
    return status ? status : generate_one();
}

static void success_leaves_the_message_alone(void **state) {
    (void)state;
    CHECK_FAILS(tern_context_set_option(w.context, "TERN_NO", ""), TERN_STATUS_NOT_FOUND,
                "TERN_NO");
    w.errors = 0;
    CHECK_OK(run_all());
    assert_string_equal(tern_last_error_message(), "option TERN_NO does not exist");
    assert_int_equal(w.errors, 0);
}

static void assert_one_line(const char *part) {
    assert_int_equal(w.errors, 1);
    assert_string_equal(w.last, tern_last_error_message());
    assert_non_null(strstr(w.last, part));
    w.errors = 0;
}

static void memory_that_runs_out_is_one_line(void **state) {
    (void)state;
    tern_status status = TERN_STATUS_OUT_OF_MEMORY;
    for (size_t n = 1; status != TERN_STATUS_OK; n += 1 + n / 40) {
        w.heap.fail_at = w.heap.calls + n;
        status = run_all();
        w.heap.fail_at = 0;
        close_all();
        if (status != TERN_STATUS_OK) {
            assert_int_equal(status, TERN_STATUS_OUT_OF_MEMORY);
            assert_one_line("memory");
        }
    }
}

typedef struct pipe_state {
    unsigned left; // reads that work
} pipe_state;

static tern_status read_pipe(void *user, uint64_t offset, void *data, size_t size) {
    pipe_state *p = user;
    if (p->left-- == 0) {
        return TERN_STATUS_IO;
    }
    memcpy(data, w.file + offset, size);
    return TERN_STATUS_OK;
}

static void a_read_that_fails_is_one_line(void **state) {
    (void)state;
    tern_status status = TERN_STATUS_IO;
    CHECK_OK(open_device());
    for (unsigned n = 0; status != TERN_STATUS_OK; n++) {
        pipe_state p = {n};
        tern_source source = {
            .struct_size = sizeof source, .name = "pipe", .user = &p, .read_at = read_pipe};
        source.size = w.size;
        status = tern_model_load(w.device, &source, NULL, &w.model);
        if (status != TERN_STATUS_OK) {
            assert_int_equal(status, TERN_STATUS_IO);
            assert_one_line("pipe: reading ");
        }
        assert_true(n < 1000);
    }
}

static void a_cache_that_does_not_fit_says_how_much(void **state) {
    (void)state;
    CHECK_OK(open_device());
    CHECK_OK(tern_model_load(w.device, &w.source, NULL, &w.model));
    tern_status status = TERN_STATUS_OUT_OF_MEMORY;
    unsigned named = 0;
    for (size_t n = 1; status != TERN_STATUS_OK; n++) {
        w.heap.fail_at = w.heap.calls + n;
        status = tern_session_create(w.model, NULL, &w.session);
        if (status != TERN_STATUS_OK) {
            named += strstr(tern_last_error_message(),
                            "kv cache: 256 positions of all sessions need ") != NULL;
            assert_one_line("memory");
        }
    }
    assert_true(named > 2);
}

// While a session waits for its next step, the model is free for others.
static int32_t use_the_model(void *user) {
    tern_session *other = NULL;
    unsigned *calls = user;
    CHECK_OK(tern_session_create(w.model, NULL, &other));
    tern_row row = {other, 3, 0};
    tern_eval_desc eval = {.struct_size = sizeof eval, .row_count = 1, .rows = &row};
    CHECK_OK(tern_model_eval(w.model, &eval));
    tern_session_destroy(other);
    ++*calls;
    return 0;
}

static void cancel_may_use_the_model(void **state) {
    (void)state;
    unsigned calls = 0;
    float logits[2][260];
    tern_row rows[20];
    tern_session_desc desc = TERN_SESSION_DESC_INIT;
    tern_eval_desc eval = {.struct_size = sizeof eval, .row_count = 20, .rows = rows};
    desc.max_rows = 8;
    CHECK_OK(open_device());
    CHECK_OK(tern_model_load(w.device, &w.source, NULL, &w.model));
    CHECK_OK(tern_session_create(w.model, &desc, &w.session));
    for (int round = 0; round < 2; round++) {
        for (int32_t i = 0; i < 20; i++) {
            rows[i] = (tern_row){w.session, 7 * i, i == 19 ? TERN_ROW_LOGITS : 0};
        }
        CHECK_OK(tern_session_rewind(w.session, 0));
        eval.logits = logits[round];
        eval.cancel = round ? use_the_model : NULL;
        eval.cancel_user = &calls;
        CHECK_OK(tern_model_eval(w.model, &eval));
    }
    assert_int_equal(calls, 3);
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
}

static void spoil(const char *from, const char *to) {
    for (size_t at = 0; at + strlen(from) <= w.size; at++) {
        if (memcmp(w.file + at, from, strlen(from)) == 0) {
            memcpy(w.file + at, to, strlen(to));
            return;
        }
    }
    fail_msg("no %s in the file", from);
}

// Whatever is wrong with a file, the line begins with its name.
static void the_file_is_named(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *message;
        tern_status status;
    } wrong[] = {
        {"blk.0.attn_q.weight", "blk.0.attn_x.weight",
         "tiny: tensor 'blk.0.attn_q.weight' is missing", TERN_STATUS_NOT_FOUND},
        {"bitnet-b1.58.block_count", "bitnet-b1.58.block_coint",
         "tiny: key 'bitnet-b1.58.block_count' is missing", TERN_STATUS_NOT_FOUND},
        {"bitnet-b1.58", "bitnet-b9.99", "tiny: architecture 'bitnet-b9.99' is not known",
         TERN_STATUS_UNSUPPORTED},
    };
    CHECK_OK(open_device());
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        tern_memory_estimate estimate = {.struct_size = sizeof estimate};
        tern_archive *archive = NULL;
        spoil(wrong[i].from, wrong[i].to);
        CHECK_FAILS(tern_model_load(w.device, &w.source, NULL, &w.model), wrong[i].status,
                    wrong[i].message);
        assert_one_line(wrong[i].message);
        assert_ptr_equal(strstr(w.last, wrong[i].message), w.last);
        CHECK_OK(tern_archive_open(w.context, &w.source, &archive));
        CHECK_FAILS(tern_model_estimate(w.context, archive, NULL, NULL, &estimate), wrong[i].status,
                    wrong[i].message);
        assert_one_line(wrong[i].message);
        tern_archive_destroy(archive);
        spoil(wrong[i].to, wrong[i].from);
    }
}

static void mistakes_are_named(void **state) {
    (void)state;
    CHECK_OK(run_all());
    const tern_status invalid = TERN_STATUS_INVALID_ARGUMENT;
    tern_model *model = NULL;
    CHECK_FAILS(tern_model_load(NULL, &w.source, NULL, &model), invalid, "device is NULL");
    CHECK_FAILS(tern_model_load(w.device, NULL, NULL, &model), invalid, "source is NULL");
    CHECK_FAILS(tern_model_load(w.device, &w.source, NULL, NULL), invalid, "out_model is NULL");
    CHECK_FAILS(tern_session_create(NULL, NULL, &w.session), invalid, "model is NULL");
    CHECK_FAILS(tern_session_rewind(NULL, 0), invalid, "session is NULL");
    CHECK_FAILS(tern_session_generate(w.session, NULL, NULL), invalid, "generate: desc is NULL");
    CHECK_FAILS(tern_model_eval(w.model, NULL), invalid, "eval: desc is NULL");
    tern_eval_desc nothing = {.struct_size = sizeof nothing};
    CHECK_OK(tern_model_eval(w.model, &nothing));
    nothing.row_count = 1;
    CHECK_FAILS(tern_model_eval(w.model, &nothing), invalid, "eval: rows is NULL");
    assert_int_equal(tern_session_position(NULL), 0);
    assert_null(tern_model_tokenizer(NULL));
    assert_int_equal(tern_archive_tensor_count(NULL), 0);
    assert_int_equal(tern_tokenizer_is_end(NULL, 1), 0);
    tern_model_desc desc = TERN_MODEL_DESC_INIT;
    desc.flags = 2;
    CHECK_FAILS(tern_model_load(w.device, &w.source, &desc, &model), invalid,
                "tern_model_desc: flags 0x2, expected TERN_MODEL_*");
    desc.flags = 0;
    desc.i2s_block = 96;
    CHECK_FAILS(tern_model_load(w.device, &w.source, &desc, &model), invalid,
                "tern_model_desc: i2s_block is 96, expected 0, 64 or 128");
    const char *stops[] = {"x", NULL};
    static const int32_t prompt[] = {1};
    tern_generate_result result = {.struct_size = sizeof result};
    tern_generate_desc generate = {.struct_size = sizeof generate, .max_tokens = 1};
    generate.prompt = prompt;
    generate.prompt_count = 1;
    generate.stop_strings = stops;
    generate.stop_string_count = 2;
    CHECK_FAILS(tern_session_generate(w.session, &generate, &result), invalid,
                "generate: stop string 1 of 2 is NULL");
    generate.reserved = 1;
    CHECK_FAILS(tern_session_generate(w.session, &generate, &result), invalid,
                "tern_generate_desc: reserved is 1, must be 0");
    size_t count = 0;
    CHECK_FAILS(tern_tokenizer_encode(tern_model_tokenizer(w.model), "a", 1, 8, NULL, 0, &count),
                invalid, "tokenizer: flags 0x8, expected TERN_TOKENIZE_*");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(success_leaves_the_message_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_that_runs_out_is_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_read_that_fails_is_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cache_that_does_not_fit_says_how_much, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancel_may_use_the_model, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_file_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mistakes_are_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
