// Asking a backend what its device can do.
#include "tests/harness/bare_context.h"

#include <tern/device.h>

#include "tests/harness/stub_backend.h"

static stub_config config = {.device_count = 1};
static double rate;
static tern_status status;

// Fills what it should, and what it should leave to the host too.
static tern_status measure(tern_backend_device *device, tern_measure_kind kind,
                           tern_measurement *out) {
    (void)device;
    memset(out->how, 'x', sizeof out->how);
    out->rate = rate * (double)kind;
    out->bytes = 123;
    out->struct_size = 0;
    out->kind = 99;
    return status;
}

static tern_status create(const tern_host *host, tern_backend_instance **out_instance) {
    return stub_instance_create(host, &config, out_instance);
}

static tern_backend_ops ops = STUB_OPS(sizeof(tern_backend_ops), create, stub_compile);
static const tern_backend backend = {
    .struct_size = sizeof(tern_backend), .abi = TERN_ABI_VERSION, .name = "measured", .ops = &ops};

static const tern_backend *query(uint32_t min_abi, uint32_t max_abi) {
    (void)min_abi, (void)max_abi;
    return &backend;
}

// |size|: how much of the table the backend says it has.
static tern_device *open_device(tern_context *context, size_t size) {
    ops.struct_size = (uint32_t)size;
    ops.measure = measure;
    assert_int_equal(tern_context_register(context, query), TERN_STATUS_OK);
    tern_device_desc desc = TERN_DEVICE_DESC_INIT;
    desc.backends = "measured";
    tern_device *device = NULL;
    assert_int_equal(tern_device_open(context, &desc, &device), TERN_STATUS_OK);
    return device;
}

static void what_the_backend_says(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    tern_device *device = open_device(context, sizeof ops);
    rate = 2.5e9;
    for (tern_measure_kind kind = TERN_MEASURE_READ; kind <= TERN_MEASURE_F32; kind++) {
        tern_measurement m = {.struct_size = sizeof m};
        assert_int_equal(tern_device_measure(device, kind, &m), TERN_STATUS_OK);
        assert_int_equal(m.struct_size, sizeof m);
        assert_int_equal(m.kind, kind);
        assert_true(m.rate == 2.5e9 * (double)kind);
        assert_int_equal(m.bytes, 123);
        assert_int_equal(strlen(m.how), sizeof m.how - 1);
    }
    tern_device_close(device);
    tern_context_destroy(context);
}

static void an_absent_slot(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    tern_device *device = open_device(context, offsetof(tern_backend_ops, measure));
    tern_measurement m = {.struct_size = sizeof m};
    assert_int_equal(tern_device_measure(device, TERN_MEASURE_READ, &m), TERN_STATUS_UNSUPPORTED);
    assert_string_equal(tern_last_error_message(),
                        "device measure: backend measured cannot measure its devices");
    tern_device_close(device);
    tern_context_destroy(context);
}

static void failures_and_nonsense(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    tern_device *device = open_device(context, sizeof ops);
    static const double rates[] = {0.0, -1.0, 1.0 / 0.0, 0.0 / 0.0};
    tern_measurement m = {.struct_size = sizeof m};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        rate = rates[i];
        assert_int_equal(tern_device_measure(device, TERN_MEASURE_READ, &m), TERN_STATUS_INTERNAL);
        assert_non_null(strstr(tern_last_error_message(), "backend measured: measured a rate of "));
    }
    rate = 1.0;
    status = TERN_STATUS_UNSUPPORTED;
    assert_int_equal(tern_device_measure(device, TERN_MEASURE_F32, &m), TERN_STATUS_UNSUPPORTED);
    assert_true(m.rate == 0.0 && m.kind == 0);
    status = TERN_STATUS_OK;
    tern_device_close(device);
    tern_context_destroy(context);
}

static void arguments_are_checked(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    tern_device *device = open_device(context, sizeof ops);
    tern_measurement m = {.struct_size = sizeof m};
    assert_int_equal(tern_device_measure(NULL, 1, &m), TERN_STATUS_INVALID_ARGUMENT);
    assert_int_equal(tern_device_measure(device, 1, NULL), TERN_STATUS_INVALID_ARGUMENT);
    for (tern_measure_kind kind = 0; kind <= 4; kind += 4) {
        assert_int_equal(tern_device_measure(device, kind, &m), TERN_STATUS_INVALID_ARGUMENT);
        assert_non_null(strstr(tern_last_error_message(), "is not known, there are 1 to 3"));
    }
    m.struct_size = 8;
    assert_int_equal(tern_device_measure(device, 1, &m), TERN_STATUS_INVALID_ARGUMENT);
    tern_device_close(device);
    tern_context_destroy(context);
}

static void count(tern_backend_device *device, tern_counters *out) {
    (void)device;
    *out = (tern_counters){.submits = 3, .dispatches = 21, .driver_ns = 1u << 20};
}

static void counters(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    ops.counters = count;
    tern_device *device = open_device(context, sizeof ops);
    tern_counters c = {.struct_size = sizeof c};
    assert_int_equal(tern_device_counters(device, &c), TERN_STATUS_OK);
    assert_int_equal(c.struct_size, sizeof c);
    assert_int_equal(c.submits, 3);
    assert_int_equal(c.dispatches, 21);
    assert_int_equal(c.driver_ns, 1 << 20);
    assert_int_equal(tern_device_counters(NULL, &c), TERN_STATUS_INVALID_ARGUMENT);
    assert_int_equal(tern_device_counters(device, NULL), TERN_STATUS_INVALID_ARGUMENT);
    c.struct_size = 4;
    assert_int_equal(tern_device_counters(device, &c), TERN_STATUS_INVALID_ARGUMENT);
    tern_device_close(device);
    tern_context_destroy(context);
}

// A table of before there were any.
static void no_counters(void **state) {
    (void)state;
    tern_context *context = bare_context(TERN_CONTEXT_IGNORE_ENV, NULL);
    ops.counters = count;
    tern_device *device = open_device(context, offsetof(tern_backend_ops, counters));
    tern_counters c = {.struct_size = sizeof c, .submits = 77};
    assert_int_equal(tern_device_counters(device, &c), TERN_STATUS_UNSUPPORTED);
    assert_string_equal(tern_last_error_message(),
                        "device counters: backend measured counts nothing");
    assert_int_equal(c.submits, 77);
    tern_device_close(device);
    tern_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_backend_says),
        cmocka_unit_test(an_absent_slot),
        cmocka_unit_test(failures_and_nonsense),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(counters),
        cmocka_unit_test(no_counters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
