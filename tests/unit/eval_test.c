// What a token costs the host: one submit, one small download, and nothing that is allocated.
#include <tern/tern.h>

#include "tests/harness/check.h"
#include "tests/harness/data.h"
#include "tests/harness/heap.h"
#include "tests/harness/stub_backend.h"

static const stub_config config = {.device_count = 1, .devices = {{TERN_DEVICE_OTHER}}};

// Calls of the backend.
typedef struct calls {
    unsigned submits, uploads, downloads, buffers, programs;
    uint64_t download_bytes;
    uint32_t rows[16], logits[16]; // of each submit
} calls;

static calls seen;

static tern_status create_instance(const tern_host *host, tern_backend_instance **out_instance) {
    return stub_instance_create(host, &config, out_instance);
}

static tern_status create_buffer(tern_backend_device *device, uint64_t size,
                                 tern_backend_buffer **out_buffer) {
    seen.buffers++;
    return stub_buffer_create(device, size, out_buffer);
}

static tern_status upload(tern_backend_device *device, tern_backend_buffer *buffer, uint64_t offset,
                          const void *data, uint64_t size) {
    seen.uploads++;
    return stub_buffer_upload(device, buffer, offset, data, size);
}

static tern_status download(tern_backend_device *device, tern_backend_buffer *buffer,
                            uint64_t offset, void *data, uint64_t size) {
    seen.downloads++;
    seen.download_bytes += size;
    return stub_buffer_download(device, buffer, offset, data, size);
}

static int32_t supports(tern_backend_device *device, const tern_op_header *op) {
    (void)device;
    (void)op;
    return 1;
}

static tern_status compile(tern_backend_device *device, const tern_backend_program_desc *desc,
                           tern_backend_program **out_program) {
    (void)desc;
    seen.programs++;
    *out_program = (tern_backend_program *)device;
    return TERN_STATUS_OK;
}

static tern_status submit(tern_backend_device *device, tern_backend_program *program,
                          const tern_submit_desc *desc, uint64_t *out_ticket) {
    static uint64_t ticket;
    (void)device;
    (void)program;
    if (seen.submits < 16 && desc->params_words) {
        seen.rows[seen.submits] = (uint32_t)desc->params[0];
        seen.logits[seen.submits] = (uint32_t)desc->params[2];
    }
    seen.submits++;
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
    ops.buffer_create = create_buffer;
    ops.buffer_upload = upload;
    ops.buffer_download = download;
    ops.buffer_map = NULL; // copies are counted
    ops.supports = supports;
    ops.submit = submit;
    return min_abi <= TERN_ABI_VERSION && TERN_ABI_VERSION <= max_abi ? &backend : NULL;
}

typedef struct world {
    test_heap heap;
    tern_context *context;
    tern_device *device;
    tern_source source;
    tern_model *model;
    tern_session *session;
} world;

static void open_world(world *w, uint32_t max_rows) {
    char path[1024];
    memset(w, 0, sizeof *w);
    tern_allocator allocator = test_heap_allocator(&w->heap);
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    tern_device_desc open = TERN_DEVICE_DESC_INIT;
    tern_session_desc session = TERN_SESSION_DESC_INIT;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    desc.allocator = &allocator;
    open.backends = "idle";
    session.max_rows = max_rows;
    source_path("tests/golden/tiny-b158-i2_s.gguf", path, sizeof path);
    CHECK_OK(tern_context_create(&desc, &w->context));
    CHECK_OK(tern_context_register(w->context, query));
    CHECK_OK(tern_device_open(w->context, &open, &w->device));
    CHECK_OK(tern_source_open_file(w->context, path, &w->source));
    CHECK_OK(tern_model_load(w->device, &w->source, NULL, &w->model));
    CHECK_OK(tern_session_create(w->model, &session, &w->session));
}

static void close_world(world *w) {
    tern_session_destroy(w->session);
    tern_model_destroy(w->model);
    tern_source_close(&w->source);
    tern_device_close(w->device);
    tern_context_destroy(w->context);
    assert_int_equal(w->heap.blocks, 0);
}

// Generates |count| ids from the start and says how often the allocator was asked.
static size_t generate(world *w, uint32_t count) {
    static const int32_t prompt[] = {1, 5, 9};
    tern_generate_desc desc = {.struct_size = sizeof desc, .max_tokens = count};
    tern_generate_result result = {.struct_size = sizeof result};
    desc.prompt = prompt;
    desc.prompt_count = 3;
    CHECK_OK(tern_session_rewind(w->session, 0));
    memset(&seen, 0, sizeof seen);
    size_t before = w->heap.calls;
    CHECK_OK(tern_session_generate(w->session, &desc, &result));
    assert_int_equal(result.count, count);
    return w->heap.calls - before;
}

static void a_token_is_one_submit_and_four_bytes(void **state) {
    (void)state;
    world w;
    open_world(&w, 0);
    generate(&w, 2); // makes the programs
    size_t few = generate(&w, 10);
    assert_int_equal(seen.submits, 10);
    size_t many = generate(&w, 200);
    assert_int_equal(many, few);
    assert_int_equal(seen.submits, 200);
    assert_int_equal(seen.downloads, 200);
    assert_int_equal(seen.download_bytes, 200 * sizeof(int32_t));
    assert_int_equal(seen.uploads, 0);
    assert_int_equal(seen.buffers, 0);
    assert_int_equal(seen.programs, 0);
    close_world(&w);
}

// Evaluates |count| rows of which the last wants logits.
static void evaluate(world *w, uint32_t count) {
    static tern_row rows[256];
    static float logits[260];
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = (tern_row){w->session, 1, i + 1 == count ? TERN_ROW_LOGITS : 0};
    }
    tern_eval_desc eval = {
        .struct_size = sizeof eval, .row_count = count, .rows = rows, .logits = logits};
    CHECK_OK(tern_session_rewind(w->session, 0));
    memset(&seen, 0, sizeof seen);
    CHECK_OK(tern_model_eval(w->model, &eval));
}

static void a_prompt_is_few_submits_and_one_row_of_logits(void **state) {
    (void)state;
    static const struct {
        uint32_t max_rows, count, submits, last;
    } cases[] = {{0, 1, 1, 1},     {0, 33, 1, 33},     {0, 128, 1, 128}, {0, 129, 2, 1},
                 {0, 250, 2, 122}, {512, 250, 1, 250}, {32, 70, 3, 6},   {1, 3, 3, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world w;
        open_world(&w, cases[i].max_rows);
        evaluate(&w, cases[i].count);
        assert_int_equal(seen.submits, cases[i].submits);
        for (unsigned k = 0; k < seen.submits; k++) {
            bool is_last = k + 1 == seen.submits;
            assert_int_equal(seen.logits[k], is_last);
            assert_int_equal(seen.rows[k], is_last             ? cases[i].last
                                           : cases[i].max_rows ? cases[i].max_rows
                                                               : 128);
        }
        assert_int_equal(seen.downloads, 1);
        assert_int_equal(seen.download_bytes, 260 * sizeof(float));
        close_world(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_one_submit_and_four_bytes),
        cmocka_unit_test(a_prompt_is_few_submits_and_one_row_of_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
