// Contexts, devices and buffers: arguments, a lost device, and memory that runs out at any moment.
#include "tests/harness/bare_context.h"

#include <tern/buffer.h>
#include <tern/device.h>
#include <tern/weights.h>

#include "runtime/allocator.h"
#include "runtime/status.h"
#include "tests/harness/stub_backend.h"

static stub_config config = {.device_count = 1};
STUB_BACKEND(plain, "stub", TERN_BACKEND_FALLBACK, config)
STUB_BACKEND(second, "second", 0, config)

static void descs_that_are_refused(void **state) {
    (void)state;
    tern_context *context = NULL;
    tern_allocator allocator = tern__allocator_default();
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    assert_int_equal(tern_context_create(NULL, NULL), TERN_STATUS_INVALID_ARGUMENT);
    desc.flags = 1u << 7;
    assert_int_equal(tern_context_create(&desc, &context), TERN_STATUS_INVALID_ARGUMENT);
    assert_string_equal(tern_last_error_message(), "tern_context_desc: flags 0x80, known are 0x3");
    desc = (tern_context_desc)TERN_CONTEXT_DESC_INIT;
    desc.log_level = 5;
    assert_int_equal(tern_context_create(&desc, &context), TERN_STATUS_INVALID_ARGUMENT);
    desc = (tern_context_desc)TERN_CONTEXT_DESC_INIT;
    desc.threads = 1025;
    assert_int_equal(tern_context_create(&desc, &context), TERN_STATUS_INVALID_ARGUMENT);
    desc = (tern_context_desc)TERN_CONTEXT_DESC_INIT;
    desc.allocator = &allocator;
    allocator.release = NULL;
    assert_int_equal(tern_context_create(&desc, &context), TERN_STATUS_INVALID_ARGUMENT);
    assert_string_equal(tern_last_error_message(), "tern_allocator: release is NULL");
    allocator = tern__allocator_default();
    allocator.reserved = 1;
    assert_int_equal(tern_context_create(&desc, &context), TERN_STATUS_INVALID_ARGUMENT);
    assert_string_equal(tern_last_error_message(), "tern_allocator: reserved is 1, must be 0");
    allocator.struct_size = 0;
    assert_int_equal(tern_context_create(&desc, &context), TERN_STATUS_INVALID_ARGUMENT);
    tern_context_destroy(NULL);
}

static void helpers_of_the_allocator(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    size_t size = 0;
    uint64_t wide = 0;
    assert_false(tern__mul_size(SIZE_MAX / 2, 3, &size));
    assert_true(tern__mul_size(SIZE_MAX, 1, &size) && size == SIZE_MAX);
    assert_true(tern__mul_size(7, 0, &size) && size == 0);
    assert_false(tern__mul_u64(UINT64_C(1) << 32, UINT64_C(1) << 32, &wide));
    assert_false(tern__add_u64(UINT64_MAX, 1, &wide));
    assert_true(tern__add_u64(UINT64_MAX, 0, &wide) && wide == UINT64_MAX);
    assert_null(tern__calloc(context, SIZE_MAX, 2));
    void *nothing = tern__alloc(context, 0);
    assert_non_null(nothing);
    assert_int_equal((uintptr_t)nothing % 64, 0);
    tern__free(context, nothing);
    tern__free(context, NULL);
    void *array = NULL;
    size_t capacity = 0;
    for (size_t i = 0; i < 100; i++) {
        assert_true(tern__grow(context, &array, &capacity, i + 1, sizeof(size_t)));
        ((size_t *)array)[i] = i;
    }
    assert_int_equal(((size_t *)array)[42], 42);
    assert_int_equal(capacity, 128);
    assert_false(tern__grow(context, &array, &capacity, SIZE_MAX, sizeof(size_t)));
    assert_int_equal(capacity, 128);
    tern__free(context, array);
    tern_context_destroy(context);
}

static tern_device *open_stub(tern_context **out_context) {
    *out_context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    assert_int_equal(tern_context_register(*out_context, plain_query), TERN_STATUS_OK);
    tern_device *device = NULL;
    assert_int_equal(tern_device_open(*out_context, NULL, &device), TERN_STATUS_OK);
    return device;
}

static void copies_are_checked(void **state) {
    (void)state;
    static const struct {
        uint64_t offset;
        uint64_t size;
        tern_status status;
    } cases[] = {
        {0, 10, TERN_STATUS_OK},
        {8, 2, TERN_STATUS_OK},
        {4, 4, TERN_STATUS_OK},
        {10, 0, TERN_STATUS_INVALID_ARGUMENT},
        {8, 0, TERN_STATUS_OK},
        {0, 6, TERN_STATUS_INVALID_ARGUMENT},
        {2, 4, TERN_STATUS_INVALID_ARGUMENT},
        {8, 4, TERN_STATUS_OUT_OF_RANGE},
        {12, 0, TERN_STATUS_OUT_OF_RANGE},
        {4, UINT64_MAX - 3, TERN_STATUS_OUT_OF_RANGE},
        {UINT64_MAX - 3, 4, TERN_STATUS_OUT_OF_RANGE},
    };
    tern_context *context = NULL;
    tern_device *device = open_stub(&context);
    tern_buffer *buffer = NULL;
    unsigned char bytes[16] = {0};
    assert_int_equal(tern_buffer_create(device, 10, &buffer), TERN_STATUS_OK);
    assert_int_equal(tern_buffer_size(buffer), 10);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(tern_buffer_upload(buffer, cases[i].offset, bytes, cases[i].size),
                         cases[i].status);
        assert_int_equal(tern_buffer_download(buffer, cases[i].offset, bytes, cases[i].size),
                         cases[i].status);
    }
    tern_buffer_upload(buffer, 8, bytes, 4);
    assert_string_equal(tern_last_error_message(),
                        "buffer upload: 4 bytes at 8, the buffer has 10");
    assert_int_equal(tern_buffer_upload(buffer, 0, NULL, 4), TERN_STATUS_INVALID_ARGUMENT);
    assert_int_equal(tern_buffer_download(NULL, 0, bytes, 4), TERN_STATUS_INVALID_ARGUMENT);
    tern_buffer_destroy(buffer);
    tern_buffer_destroy(NULL);
    tern_device_close(device);
    tern_context_destroy(context);
}

static void sizes_of_buffers(void **state) {
    (void)state;
    config.max_buffer_bytes = 100;
    tern_context *context = NULL;
    tern_device *device = open_stub(&context);
    tern_buffer *buffer = NULL;
    assert_int_equal(tern_buffer_create(device, 0, &buffer), TERN_STATUS_INVALID_ARGUMENT);
    assert_int_equal(tern_buffer_create(device, 101, &buffer), TERN_STATUS_OUT_OF_MEMORY);
    assert_string_equal(
        tern_last_error_message(),
        "buffer create: 101 bytes asked for, the largest buffer of stub:0 (stub) is 100");
    assert_null(buffer);
    tern_device_close(device);
    tern_context_destroy(context);
    config.max_buffer_bytes = 0;
}

static void a_lost_device(void **state) {
    (void)state;
    tern_context *context = NULL;
    tern_device *device = open_stub(&context);
    tern_buffer *buffer = NULL;
    tern_buffer *other = NULL;
    uint32_t word = 0;
    assert_int_equal(tern_buffer_create(device, 4, &buffer), TERN_STATUS_OK);
    assert_int_equal(tern_device_status(device), TERN_STATUS_OK);
    config.buffer_status = TERN_STATUS_DEVICE_LOST;
    assert_int_equal(tern_buffer_upload(buffer, 0, &word, 4), TERN_STATUS_DEVICE_LOST);
    assert_string_equal(tern_last_error_message(), "stub: the copy failed");
    config.buffer_status = TERN_STATUS_OK;
    assert_int_equal(tern_buffer_upload(buffer, 0, &word, 4), TERN_STATUS_DEVICE_LOST);
    assert_string_equal(tern_last_error_message(), "stub:0 (stub): device lost");
    assert_int_equal(tern_buffer_download(buffer, 0, &word, 4), TERN_STATUS_DEVICE_LOST);
    assert_int_equal(tern_buffer_create(device, 4, &other), TERN_STATUS_DEVICE_LOST);
    assert_int_equal(tern_device_status(device), TERN_STATUS_DEVICE_LOST);
    tern_buffer_destroy(buffer);
    tern_device_close(device);
    tern_context_destroy(context);
}

// Everything that takes memory, in the order in which an application does it. |*out_status| of the
// first call that fails; whatever was made is destroyed.
static tern_status use(test_heap *memory) {
    static const uint8_t codes[] = {0, 0, 242, 242};
    tern_allocator allocator = test_heap_allocator(memory);
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    tern_device_desc device_desc = TERN_DEVICE_DESC_INIT;
    tern_weights_desc weights_desc = {.struct_size = sizeof weights_desc, .codes = codes};
    tern_context *context = NULL;
    tern_device *device = NULL;
    tern_buffer *buffer = NULL;
    tern_weights *weights = NULL;
    weights_desc.info = (tern_weights_info){
        sizeof(tern_weights_info), TERN_DTYPE_T5, 2, 9, TERN_SCALE_TENSOR, 0, 1.0f,
        TERN_WEIGHTS_MATMUL};
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    desc.allocator = &allocator;
    device_desc.backends = "stub";
    tern_status status = tern_context_create(&desc, &context);
    if (status == TERN_STATUS_OK) {
        status = tern_context_register(context, plain_query);
    }
    if (status == TERN_STATUS_OK) {
        status = tern_context_register(context, second_query);
    }
    if (status == TERN_STATUS_OK) {
        status = tern_context_set_option(context, "TERN_NUMERICS", "auto");
    }
    if (status == TERN_STATUS_OK) {
        status = tern_device_open(context, &device_desc, &device);
    }
    if (status == TERN_STATUS_OK) {
        status = tern_buffer_create(device, 64, &buffer);
    }
    if (status == TERN_STATUS_OK) {
        status = tern_weights_create(device, &weights_desc, &weights);
    }
    tern_weights_destroy(weights);
    tern_buffer_destroy(buffer);
    tern_device_close(device);
    tern_context_destroy(context);
    return status;
}

static void memory_runs_out(bool forever, tern_status weights_status) {
    config.weights_status = weights_status;
    test_heap whole = {0};
    size_t survived = 0;
    assert_int_equal(use(&whole), TERN_STATUS_OK);
    assert_true(whole.calls > 12);
    assert_int_equal(whole.blocks, 0);
    for (size_t n = 1; n <= whole.calls; n++) {
        test_heap memory = {.fail_at = n, .forever = forever};
        tern__set_error("");
        tern_status status = use(&memory);
        assert_int_equal(memory.blocks, 0);
        if (status == TERN_STATUS_OK) {
            survived++;
            continue;
        }
        assert_int_equal(status, TERN_STATUS_OUT_OF_MEMORY);
        assert_non_null(strstr(tern_last_error_message(), "memory"));
    }
    assert_true(survived <= 1); // the cache of numerics, which can be done without
    config.weights_status = TERN_STATUS_OK;
}

static void memory_runs_out_once(void **state) {
    (void)state;
    memory_runs_out(false, TERN_STATUS_OK);
}

static void memory_runs_out_for_good(void **state) {
    (void)state;
    memory_runs_out(true, TERN_STATUS_OK);
}

static void memory_runs_out_with_weights_in_fallback(void **state) {
    (void)state;
    memory_runs_out(false, TERN_STATUS_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descs_that_are_refused),
        cmocka_unit_test(helpers_of_the_allocator),
        cmocka_unit_test(copies_are_checked),
        cmocka_unit_test(sizes_of_buffers),
        cmocka_unit_test(a_lost_device),
        cmocka_unit_test(memory_runs_out_once),
        cmocka_unit_test(memory_runs_out_for_good),
        cmocka_unit_test(memory_runs_out_with_weights_in_fallback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
