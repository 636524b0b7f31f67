// What a model is said to take, beside what a device is asked for: a stub that runs nothing and
// counts the bytes of its buffers and weights.
#include <tern/tern.h>

#include "runtime/model/session/session.h"
#include "tests/harness/check.h"
#include "tests/harness/data.h"
#include "tests/harness/stub_backend.h"

static const stub_config config = {.device_count = 1, .devices = {{TERN_DEVICE_OTHER}}};
static uint64_t buffer_bytes, weight_bytes;

static tern_status create_instance(const tern_host *host, tern_backend_instance **out_instance) {
    return stub_instance_create(host, &config, out_instance);
}

static tern_status create_buffer(tern_backend_device *device, uint64_t size,
                                 tern_backend_buffer **out_buffer) {
    buffer_bytes += size;
    return stub_buffer_create(device, size, out_buffer);
}

static void destroy_buffer(tern_backend_device *device, tern_backend_buffer *buffer) {
    buffer_bytes -= buffer->size;
    stub_buffer_destroy(device, buffer);
}

static tern_status create_weights(tern_backend_device *device,
                                  const tern_backend_weights_desc *desc,
                                  tern_backend_weights **out_weights) {
    tern_status status = stub_weights_create(device, desc, out_weights);
    if (status == TERN_STATUS_OK) {
        size_t scales = (*out_weights)->row_scales * sizeof(float);
        weight_bytes += desc->info.rows * ((*out_weights)->row_bytes + scales);
    }
    return status;
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
    (void)device;
    (void)program;
    (void)desc;
    *out_ticket = ++ticket;
    return TERN_STATUS_OK;
}

static tern_backend_ops ops = STUB_OPS(sizeof ops, create_instance, compile);

static const tern_backend *query(uint32_t min_abi, uint32_t max_abi) {
    static const tern_backend backend = {.struct_size = sizeof backend,
                                         .abi = TERN_ABI_VERSION,
                                         .name = "counting",
                                         .description = "counts memory",
                                         .ops = &ops};
    ops.buffer_create = create_buffer;
    ops.buffer_destroy = destroy_buffer;
    ops.weights_create = create_weights;
    ops.supports = supports;
    ops.submit = submit;
    return min_abi <= TERN_ABI_VERSION && TERN_ABI_VERSION <= max_abi ? &backend : NULL;
}

// A file of the checkout or of the test data; false, and said so, if it is not there.
static bool open_file(tern_context *context, const char *name, tern_source *out_source) {
    static const char *const folders[] = {"tests/golden/", "tools/models/"};
    char path[1024], below[256];
    for (int i = 0; i < 2; i++) {
        snprintf(below, sizeof below, "%s%s", folders[i], name);
        source_path(below, path, sizeof path);
        FILE *file = fopen(path, "rb");
        if (file) {
            fclose(file);
            CHECK_OK(tern_source_open_file(context, path, out_source));
            return true;
        }
    }
    if (!data_path(name, path, sizeof path)) {
        assert_non_null(strchr(name, '/')); // the checkout's own are there
        print_message("left out: no test data %s\n", name);
        return false;
    }
    CHECK_OK(tern_source_open_file(context, path, out_source));
    return true;
}

// As many rows at once as the session takes, so that every step it may need is made.
static void run_steps(tern_model *model, tern_session *session, uint32_t max_rows) {
    static tern_row rows[512];
    static float logits[1 << 17];
    for (uint32_t count = 1; count <= max_rows; count = count == 1 ? 8 : count * 4) {
        for (uint32_t i = 0; i < count; i++) {
            rows[i] = (tern_row){session, 0, i + 1 == count ? TERN_ROW_LOGITS : 0};
        }
        tern_eval_desc eval = {
            .struct_size = sizeof eval, .row_count = count, .rows = rows, .logits = logits};
        CHECK_OK(tern_session_rewind(session, 0));
        CHECK_OK(tern_model_eval(model, &eval));
    }
}

static void check_near(const char *name, const char *what, uint64_t said, uint64_t used) {
    if (said < used || said > used + used / 50) {
        fail_msg("%s: %s %llu bytes, used are %llu", name, what, (unsigned long long)said,
                 (unsigned long long)used);
    }
}

static void check_model(tern_device *device, const char *name, const tern_source *source,
                        uint32_t flags, const tern_session_desc *desc) {
    tern_model_desc load = TERN_MODEL_DESC_INIT;
    tern_context *context = tern_device_context(device);
    tern_memory_estimate said = {.struct_size = sizeof said};
    tern_archive *archive = NULL;
    load.flags = flags;
    tern_model *model = NULL;
    tern_session *session = NULL;
    CHECK_OK(tern_archive_open(context, source, &archive));
    CHECK_OK(tern_model_estimate(context, archive, &load, desc, &said));
    tern_archive_destroy(archive);
    uint64_t before = buffer_bytes;
    weight_bytes = 0;
    CHECK_OK(tern_model_load(device, source, &load, &model));
    check_near(name, "weights", said.weight_bytes, weight_bytes + buffer_bytes - before);
    before = buffer_bytes;
    CHECK_OK(tern_session_create(model, desc, &session));
    run_steps(model, session, desc->max_rows ? desc->max_rows : 128);
    check_near(name, "cache and scratch", said.cache_bytes + said.scratch_bytes,
               buffer_bytes - before);
    tern_session_destroy(session);
    tern_model_destroy(model);
}

static void estimates_are_what_a_device_is_asked_for(void **state) {
    (void)state;
    static const char *const names[] = {"tiny-b158-i2_s.gguf",
                                        "tiny-b158-scale.gguf",
                                        "tiny-bitnet-bf16.gguf",
                                        "tiny-bitnet-f16.gguf",
                                        "tiny-bitnet-row.gguf",
                                        "tiny-llama-dense.gguf",
                                        "tiny-llama-group.gguf",
                                        "rand-b158-i2_s.gguf",
                                        "rand-bitnet-tq1_0.gguf",
                                        "rand-llama-tq2_0.gguf",
                                        "tiny-qwen3-norms.gguf",
                                        "tiny-gemma3.gguf",
                                        "tiny-maple.gguf",
                                        "tiny-hgrn.gguf",
                                        "tern-stories.gguf",
                                        "models/stories3m-f16.gguf",
                                        "models/stories3m-i2_s.gguf",
                                        "models/stories3m-tq1_0.gguf",
                                        "models/stories3m-tq2_0.gguf",
                                        "data/stories260K/stories260K.gguf"};
    static const tern_session_desc sessions[] = {{sizeof(tern_session_desc), TERN_KV_F16, 0, 0},
                                                 {sizeof(tern_session_desc), TERN_KV_F32, 33, 8},
                                                 {sizeof(tern_session_desc), TERN_KV_I8, 130, 8}};
    tern_context *context = NULL;
    tern_device *device = NULL;
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    CHECK_OK(tern_context_create(&desc, &context));
    CHECK_OK(tern_context_register(context, query));
    tern_device_desc open = TERN_DEVICE_DESC_INIT;
    open.backends = "counting";
    CHECK_OK(tern_device_open(context, &open, &device));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        tern_source source;
        if (open_file(context, names[i], &source)) {
            check_model(device, names[i], &source, 0, &sessions[0]);
            check_model(device, names[i], &source, TERN_MODEL_HEAD_Q8, &sessions[1]);
            check_model(device, names[i], &source, 0, &sessions[2]);
            tern_source_close(&source);
        }
    }
    tern_device_close(device);
    tern_context_destroy(context);
}

static void a_cache_that_the_heads_cannot_have_is_refused(void **state) {
    (void)state;
    tern_context *context = NULL;
    CHECK_OK(tern_context_create(NULL, &context));
    tern__hyper hyper = {.context = 64, .head_dim = 6};
    tern_session_desc desc = TERN_SESSION_DESC_INIT;
    CHECK_OK(tern__session_check_desc(context, &hyper, &desc));
    desc.kv = TERN_KV_I8;
    assert_int_equal(tern__session_check_desc(context, &hyper, &desc), TERN_STATUS_UNSUPPORTED);
    assert_string_equal(tern_last_error_message(),
                        "session: a cache of i8 is for heads of a multiple of 4 elements, the "
                        "model's have 6");
    hyper.head_dim = 8;
    CHECK_OK(tern__session_check_desc(context, &hyper, &desc));
    desc.kv = TERN_KV_I8 + 1;
    assert_int_equal(tern__session_check_desc(context, &hyper, &desc),
                     TERN_STATUS_INVALID_ARGUMENT);
    tern_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimates_are_what_a_device_is_asked_for),
        cmocka_unit_test(a_cache_that_the_heads_cannot_have_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
