// A device that fails in the middle of a batch: who is done is done, the others know.
#include <tern/tern.h>

#include "tests/harness/check.h"
#include "tests/harness/data.h"
#include "tests/harness/stub_backend.h"

enum { ITEMS = 20, ROWS = 8 };

static const stub_config config = {.device_count = 1, .devices = {{TERN_DEVICE_OTHER}}};
static int submits_left;
static uint32_t live_rows; // of the latest submit

static tern_status create_instance(const tern_host *host, tern_backend_instance **out_instance) {
    return stub_instance_create(host, &config, out_instance);
}

static int32_t supports(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    (void)op;
    return 1;
}

static tern_status compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                           tern_backend_program **out_program) {
    (void)desc;
    *out_program = (tern_backend_program *)device;
    return TERN_STATUS_OK;
}

static tern_status submit(tern_backend_device *device, tern_backend_program *program,
                          const tern_submit_desc *desc, uint64_t *out_ticket) {
    static uint64_t ticket;
    (void)program;
    if (submits_left-- == 0) {
        return stub_fail(device->host, TERN_STATUS_IO, "stub: a cable was pulled");
    }
    live_rows = desc->params_words ? (uint32_t)desc->params[0] : 0;
    *out_ticket = ++ticket;
    return TERN_STATUS_OK;
}

static tern_backend_ops ops = STUB_OPS(sizeof ops, create_instance, compile);

static const tern_backend *query(uint32_t min_abi, uint32_t max_abi) {
    static const tern_backend backend = {.struct_size = sizeof backend,
                                         .abi = TERN_ABI_VERSION,
                                         .name = "idle",
                                         .description = "does nothing",
                                         .ops = &ops};
    ops.supports = supports;
    ops.submit = submit;
    return min_abi <= TERN_ABI_VERSION && TERN_ABI_VERSION <= max_abi ? &backend : NULL;
}

typedef struct world {
    tern_context *context;
    tern_device *device;
    tern_source source;
    tern_model *model;
    tern_batch_item items[ITEMS];
    tern_batch_desc desc;
} world;

static void open_world(world *w) {
    static const int32_t token = 5;
    char path[1024];
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    tern_device_desc open = TERN_DEVICE_DESC_INIT;
    tern_session_desc session = TERN_SESSION_DESC_INIT;
    memset(w, 0, sizeof *w);
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    open.backends = "idle";
    session.max_rows = ROWS;
    submits_left = 1 << 20;
    source_path("tests/golden/tiny-b158-i2_s.gguf", path, sizeof path);
    CHECK_OK(tern_context_create(&desc, &w->context));
    CHECK_OK(tern_context_register(w->context, query));
    CHECK_OK(tern_device_open(w->context, &open, &w->device));
    CHECK_OK(tern_source_open_file(w->context, path, &w->source));
    CHECK_OK(tern_model_load(w->device, &w->source, NULL, &w->model));
    for (int i = 0; i < ITEMS; i++) {
        w->items[i] = (tern_batch_item){.tokens = &token, .token_count = 1, .next = -7};
        CHECK_OK(tern_session_create(w->model, &session, &w->items[i].session));
    }
    w->desc = (tern_batch_desc){sizeof w->desc, ITEMS, w->items, NULL};
}

static void close_world(world *w) {
    for (int i = 0; i < ITEMS; i++) {
        tern_session_destroy(w->items[i].session);
    }
    tern_model_destroy(w->model);
    tern_source_close(&w->source);
    tern_device_close(w->device);
    tern_context_destroy(w->context);
}

static void sessions_share_a_pass(void **state) {
    (void)state;
    world w;
    open_world(&w);
    int before = submits_left;
    CHECK_OK(tern_decode_batch(w.model, &w.desc));
    assert_int_equal(before - submits_left, 3);
    assert_int_equal(live_rows, ITEMS % ROWS);
    close_world(&w);
}

static void a_failure_is_that_of_all_who_are_not_done(void **state) {
    (void)state;
    world w;
    open_world(&w);
    w.items[2].token_count = 0;
    submits_left = 1;
    CHECK_FAILS(tern_decode_batch(w.model, &w.desc), TERN_STATUS_INVALID_ARGUMENT,
                "batch: item 2 has no token");
    for (int i = 0; i < ITEMS; i++) {
        tern_status wanted = i == 2      ? TERN_STATUS_INVALID_ARGUMENT
                             : i <= ROWS ? TERN_STATUS_OK
                                         : TERN_STATUS_IO;
        assert_int_equal(w.items[i].status, wanted);
        assert_int_equal(w.items[i].next, wanted == TERN_STATUS_OK ? 0 : -7);
        assert_int_equal(tern_session_position(w.items[i].session), wanted == TERN_STATUS_OK);
    }
    w.items[2].token_count = 1;
    submits_left = 0;
    CHECK_FAILS(tern_decode_batch(w.model, &w.desc), TERN_STATUS_IO, "a cable was pulled");
    close_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_share_a_pass),
        cmocka_unit_test(a_failure_is_that_of_all_who_are_not_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
