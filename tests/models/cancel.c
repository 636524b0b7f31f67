// Stopping from another thread: what is left goes on as if nothing had happened.
#include "tests/models/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static const char model_name[] = "tiny-b158-i2_s.gguf";
enum { VOCAB = 260, COUNT = 200 };

typedef struct fixture {
    bed b;
    tern_model *model;
    tern_session *session;
    tern_cancel *cancel;
    int pieces; // of text that came
    int32_t ids[COUNT];
    float wanted[VOCAB]; // after the last id, never cancelled
} fixture;

static void open_fixture(fixture *f, const char *name, uint32_t step) {
    *f = (fixture){.b = default_bed()};
    f->model = open_model(f->b.device, name);
    f->session = open_session(f->model, TERN_KV_F16, step);
    assert_ok(tern_cancel_create(f->b.context, &f->cancel));
    for (uint32_t i = 0; i < COUNT; i++) {
        f->ids[i] = (int32_t)((i * 131u + 5u) % VOCAB);
    }
    feed(f->session, f->model, f->ids, COUNT, COUNT, COUNT - 1, f->wanted);
    assert_ok(tern_session_rewind(f->session, 0));
}

static void close_fixture(fixture *f) {
    tern_cancel_destroy(f->cancel);
    tern_session_destroy(f->session);
    tern_model_destroy(f->model);
}

// The ids from the session's position on.
static tern_status go_on(fixture *f, const tern_cancel *cancel, float *logits) {
    tern_row rows[COUNT] = {{0}};
    uint32_t position = tern_session_position(f->session);
    uint32_t count = COUNT - position;
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = (tern_row){f->session, f->ids[position + i], 0};
    }
    rows[count - 1].flags = TERN_ROW_LOGITS;
    tern_eval_desc eval = {.struct_size = sizeof eval,
                           .row_count = count,
                           .rows = rows,
                           .logits = logits,
                           .cancelled_by = cancel};
    return tern_model_eval(f->model, &eval);
}

static void a_request_holds_until_it_is_reset(void **state) {
    (void)state;
    fixture f;
    float logits[VOCAB];
    open_fixture(&f, model_name, 32);
    assert_int_equal(tern_cancel_requested(f.cancel), 0);
    tern_cancel_request(f.cancel);
    assert_true(tern_cancel_requested(f.cancel) != 0);
    for (int i = 0; i < 2; i++) {
        assert_fails(go_on(&f, f.cancel, logits), TERN_STATUS_CANCELLED, "0 of 200 rows");
        assert_int_equal(tern_session_position(f.session), 0);
    }
    tern_generate_result result = {.struct_size = sizeof result, .count = 9};
    tern_generate_desc generate = {.struct_size = sizeof generate,
                                   .max_tokens = 3,
                                   .prompt = f.ids,
                                   .prompt_count = 4,
                                   .cancelled_by = f.cancel};
    assert_fails(tern_session_generate(f.session, &generate, &result), TERN_STATUS_CANCELLED,
                 "0 of 4 rows");
    assert_int_equal(result.count, 0);
    tern_batch_item item = {.session = f.session, .tokens = f.ids, .token_count = 3};
    tern_batch_desc batch = {
        .struct_size = sizeof batch, .item_count = 1, .items = &item, .cancelled_by = f.cancel};
    assert_fails(tern_decode_batch(f.model, &batch), TERN_STATUS_CANCELLED, "0 of 3 rows");
    assert_int_equal(item.status, TERN_STATUS_CANCELLED);
    assert_int_equal(tern_session_position(f.session), 0);
    tern_cancel_reset(f.cancel);
    assert_ok(go_on(&f, f.cancel, logits));
    assert_memory_equal(logits, f.wanted, sizeof logits);
    close_fixture(&f);
}

static int32_t request_at_the_third(void *user, const char *text, size_t size) {
    fixture *f = user;
    (void)text;
    (void)size;
    if (++f->pieces == 3) {
        tern_cancel_request(f->cancel);
    }
    return 1;
}

// What a cancelled generation has done is told: its tokens, and the time that they took.
static void a_cancelled_generation_tells_its_time(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, model_name, 32);
    tern_generate_result result = {.struct_size = sizeof result};
    tern_generate_desc generate = {.struct_size = sizeof generate,
                                   .max_tokens = 100,
                                   .prompt = f.ids,
                                   .prompt_count = 4,
                                   .on_text = request_at_the_third,
                                   .user = &f,
                                   .cancelled_by = f.cancel};
    assert_fails(tern_session_generate(f.session, &generate, &result), TERN_STATUS_CANCELLED,
                 "0 of 1 rows");
    assert_true(result.count >= 3 && result.count < 100);
    assert_true(result.prompt_ns > 0 && result.decode_ns > 0);
    close_fixture(&f);
}

typedef struct watcher {
    tern_cancel *cancel;
    _Atomic int begun;
    long wait_ns;
} watcher;

static void *request_soon(void *user) {
    watcher *w = user;
    while (!atomic_load(&w->begun)) {
    }
    nanosleep(&(struct timespec){0, w->wait_ns}, NULL);
    tern_cancel_request(w->cancel);
    return NULL;
}

static tern_status cancelled_after(fixture *f, long wait_ns, float *logits) {
    watcher w = {.cancel = f->cancel, .wait_ns = wait_ns};
    pthread_t thread;
    tern_cancel_reset(f->cancel);
    assert_int_equal(pthread_create(&thread, NULL, request_soon, &w), 0);
    atomic_store(&w.begun, 1);
    tern_status status = go_on(f, f->cancel, logits);
    pthread_join(thread, NULL);
    return status;
}

static void cut_and_go_on(const char *name, uint32_t step) {
    fixture f;
    float logits[VOCAB];
    int cuts = 0;
    open_fixture(&f, name, step);
    long wait_ns = 20000;
    for (int round = 0; round < 400 && cuts < (setups[0].slow ? 2 : 12); round++) {
        uint32_t before = tern_session_position(f.session);
        tern_status status = cancelled_after(&f, wait_ns, logits);
        uint32_t after = tern_session_position(f.session);
        if (status == TERN_STATUS_CANCELLED) {
            assert_true(after >= before && (after - before) % step == 0);
            cuts += after < COUNT;
            wait_ns += after == before ? wait_ns / 4 : 0; // no progress at all: later
        } else {
            assert_int_equal(status, TERN_STATUS_OK);
            assert_memory_equal(logits, f.wanted, sizeof logits);
            assert_ok(tern_session_rewind(f.session, 0));
            wait_ns -= wait_ns / 4;
        }
    }
    assert_true(cuts >= 2);
    tern_cancel_reset(f.cancel);
    if (tern_session_position(f.session) == COUNT) {
        assert_ok(tern_session_rewind(f.session, 0));
    }
    assert_ok(go_on(&f, f.cancel, logits));
    assert_memory_equal(logits, f.wanted, sizeof logits);
    close_fixture(&f);
}

static void another_thread_cuts_and_the_rest_has_the_same_bits(void **state) {
    (void)state;
    cut_and_go_on(model_name, 32);
    cut_and_go_on("tiny-hgrn.gguf", 32); // whose states are put back
    cut_and_go_on("tiny-hgrn.gguf", 8);  // which GPUs do not cut
}

static int32_t stop_at_the_third_look(void *user) {
    int *looks = user;
    return ++*looks >= 3;
}

// Four ops, each of which adds 1 to its own word.
static void cpus_look_between_ops(void **state) {
    (void)state;
    enum { OPS = 4 };
    bed b = default_bed();
    tern_buffer *buffer = NULL;
    tern_commands *commands = NULL;
    tern_program *program = NULL;
    const tern_commands_desc commands_desc = {.struct_size = sizeof commands_desc};
    float values[OPS + 1] = {0, 0, 0, 0, 1};
    const uint32_t shape[2] = {1, 1};
    assert_ok(tern_buffer_create(b.device, sizeof values, &buffer));
    assert_ok(tern_buffer_upload(buffer, 0, values, sizeof values));
    assert_ok(tern_commands_create(b.device, &commands_desc, &commands));
    tern_tensor one = tern_tensor_make(buffer, OPS * 4, TERN_DTYPE_F32, 2, shape);
    for (uint32_t i = 0; i < OPS; i++) {
        tern_tensor word = tern_tensor_make(buffer, i * 4, TERN_DTYPE_F32, 2, shape);
        tern_add_desc add = {.a = word, .b = one, .out = word};
        assert_ok(tern_cmd_add(commands, &add));
    }
    assert_ok(tern_commands_finish(commands, &program));
    int looks = 0;
    tern_submit_desc submit = {
        .struct_size = sizeof submit, .stop = stop_at_the_third_look, .stop_user = &looks};
    bool looks_between = strncmp(setups[0].backend, "cpu", 3) == 0 ||
                         strncmp(setups[0].backend, "reference", 9) == 0;
    tern_fence fence = {0};
    tern_status status = tern_program_submit(program, &submit, &fence);
    if (looks_between) {
        assert_fails(status, TERN_STATUS_CANCELLED, "stopped on request");
    } else {
        assert_ok(status);
    }
    assert_ok(tern_fence_wait(fence, UINT64_MAX));
    assert_ok(tern_buffer_download(buffer, 0, values, sizeof values));
    for (int i = 0; i < OPS; i++) {
        assert_true(values[i] == (looks_between && i >= 2 ? 0.0f : 1.0f));
    }
    tern_program_destroy(program);
    tern_commands_destroy(commands);
    tern_buffer_destroy(buffer);
}

static void a_load_is_cancelled(void **state) {
    (void)state;
    bed b = default_bed();
    file_path p = find_file(model_name);
    tern_source source;
    tern_model *model = NULL;
    tern_cancel *cancel = NULL;
    tern_model_desc desc = TERN_MODEL_DESC_INIT;
    assert_ok(tern_cancel_create(b.context, &cancel));
    assert_ok(tern_source_open_file(b.context, p.text, &source));
    desc.cancelled_by = cancel;
    tern_cancel_request(cancel);
    assert_fails(tern_model_load(b.device, &source, &desc, &model), TERN_STATUS_CANCELLED,
                 "load cancelled");
    assert_null(model);
    tern_cancel_reset(cancel);
    assert_ok(tern_model_load(b.device, &source, &desc, &model));
    tern_model_destroy(model);
    tern_source_close(&source);
    tern_cancel_destroy(cancel);
}

const struct CMUnitTest cancel_tests[] = {
    cmocka_unit_test(a_request_holds_until_it_is_reset),
    cmocka_unit_test(a_cancelled_generation_tells_its_time),
    cmocka_unit_test(another_thread_cuts_and_the_rest_has_the_same_bits),
    cmocka_unit_test(cpus_look_between_ops),
    cmocka_unit_test(a_load_is_cancelled),
};
const size_t cancel_test_count = sizeof cancel_tests / sizeof cancel_tests[0];
