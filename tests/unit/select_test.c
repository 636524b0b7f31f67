// Which device is opened, or what is said, for each combination of environment and application.
#include "tests/harness/bare_context.h"

#include <tern/device.h>

#include "tests/harness/stub_backend.h"

static stub_config cpu_config = {
    .device_count = 1,
    .devices = {{.type = TERN_DEVICE_CPU, .name = "Processor"}},
};
static stub_config gpu_config = {
    .device_count = 3,
    .devices = {{.type = TERN_DEVICE_SOFTWARE, .name = "llvmpipe", .driver = "Mesa 22"},
                {.type = TERN_DEVICE_INTEGRATED, .name = "Iris", .driver = "Mesa 23"},
                {.type = TERN_DEVICE_DISCRETE,
                 .name = "Big One",
                 .driver = "Vendor 5",
                 .open_status = TERN_STATUS_UNAVAILABLE,
                 .open_message = "gpu: in use by another"}},
};
static stub_config soft_config = {
    .device_count = 1,
    .devices = {{.type = TERN_DEVICE_SOFTWARE, .name = "Pipe Dream"}},
};
static stub_config absent_config = {
    .instance_status = TERN_STATUS_UNAVAILABLE,
    .instance_message = "absent: no driver",
};
static stub_config reference_config = {
    .device_count = 1,
    .devices = {{.type = TERN_DEVICE_REFERENCE, .name = "Scalar"}},
};
static stub_config lean_config = {
    .device_count = 1,
    .devices = {{.type = TERN_DEVICE_DISCRETE,
                 .open_status = TERN_STATUS_OUT_OF_MEMORY,
                 .open_message = "lean: out of memory"}},
};

STUB_BACKEND(reference, "reference", TERN_BACKEND_REFERENCE, reference_config)
STUB_BACKEND(soft, "soft", 0, soft_config)
STUB_BACKEND(absent, "absent", 0, absent_config)
STUB_BACKEND(gpu, "gpu", 0, gpu_config)
STUB_BACKEND(cpu, "cpu", 0, cpu_config)
STUB_BACKEND(lean, "lean", 0, lean_config)

static tern_context *make_context(uint32_t flags, bare_log *log) {
    tern_context *context = bare_context(flags, log);
    assert_int_equal(tern_context_register(context, reference_query), TERN_STATUS_OK);
    assert_int_equal(tern_context_register(context, soft_query), TERN_STATUS_OK);
    assert_int_equal(tern_context_register(context, absent_query), TERN_STATUS_OK);
    assert_int_equal(tern_context_register(context, gpu_query), TERN_STATUS_OK);
    assert_int_equal(tern_context_register(context, cpu_query), TERN_STATUS_OK);
    return context;
}

// NULL: not given. |device| is what opens, or |message| what is said with UNAVAILABLE.
typedef struct choice {
    const char *env;
    const char *option;
    const char *backends;
    uint32_t flags;
    const char *device;
    const char *message;
} choice;

#define ALL "; available: reference, soft, absent, gpu, cpu"
#define REST "; available: reference, soft, gpu, cpu"
#define IGNORE TERN_CONTEXT_IGNORE_ENV

static const choice choices[] = {
    // Automatic: the discrete GPU does not open, so the integrated one.
    {NULL, NULL, NULL, 0, "gpu:1", NULL},
    {"", NULL, NULL, 0, "gpu:1", NULL},
    {" , ", NULL, "", 0, "gpu:1", NULL},
    {"auto", NULL, "cpu", 0, "gpu:1", NULL},
    // Names: the best device of a backend.
    {"cpu", NULL, NULL, 0, "cpu:0", NULL},
    {"gpu", NULL, NULL, 0, "gpu:1", NULL},
    {"reference", NULL, NULL, 0, "reference:0", NULL},
    // Indices and parts of names.
    {"gpu:0", NULL, NULL, 0, "gpu:0", NULL},
    {"gpu:1", NULL, NULL, 0, "gpu:1", NULL},
    {"gpu:LLVM", NULL, NULL, 0, "gpu:0", NULL},
    {"gpu:mesa", NULL, NULL, 0, "gpu:1", NULL},
    {"gpu:mesa 22", NULL, NULL, 0, "gpu:0", NULL},
    {"soft:pipe dream", NULL, NULL, 0, "soft:0", NULL},
    // Lists, in their order.
    {"absent,cpu", NULL, NULL, 0, "cpu:0", NULL},
    {" gpu:7 , soft ", NULL, NULL, 0, "soft:0", NULL},
    {"typo,auto", NULL, NULL, 0, "gpu:1", NULL},
    {"gpu:2,soft,cpu", NULL, NULL, 0, "soft:0", NULL},
    // Who decides: option, environment unless ignored, application, automatic.
    {"cpu", NULL, "soft", 0, "cpu:0", NULL},
    {"cpu", NULL, "soft", IGNORE, "soft:0", NULL},
    {"cpu", NULL, NULL, IGNORE, "gpu:1", NULL},
    {NULL, NULL, "soft", 0, "soft:0", NULL},
    {"", NULL, "soft", 0, "soft:0", NULL},
    {"cpu", "reference", "soft", 0, "reference:0", NULL},
    {"cpu", "reference", "soft", IGNORE, "reference:0", NULL},
    {"cpu", "", "soft", 0, "soft:0", NULL},
    // Empty entries and blanks count for nothing.
    {",, ,cpu,", NULL, NULL, 0, "cpu:0", NULL},
    {" gpu : 1", NULL, NULL, 0, NULL,
     "no device for TERN_BACKEND \" gpu : 1\": gpu : 1: no such backend" ALL},
    {"auto:1", NULL, NULL, 0, NULL,
     "no device for TERN_BACKEND \"auto:1\": auto:1: no such backend" ALL},
    {"gpu:", NULL, NULL, 0, "gpu:1", NULL},
    // What cannot be satisfied is an error, never something else.
    {"typo", NULL, NULL, 0, NULL, "no device for TERN_BACKEND \"typo\": typo: no such backend" ALL},
    {"CPU", NULL, NULL, 0, NULL, "no device for TERN_BACKEND \"CPU\": CPU: no such backend" ALL},
    {"typo", NULL, "cpu", 0, NULL,
     "no device for TERN_BACKEND \"typo\": typo: no such backend" ALL},
    {NULL, NULL, "typo", 0, NULL, "no device for backends \"typo\": typo: no such backend" ALL},
    {"absent", NULL, NULL, 0, NULL,
     "no device for TERN_BACKEND \"absent\": absent: no driver" REST},
    {"gpu:2", NULL, NULL, 0, NULL,
     "no device for TERN_BACKEND \"gpu:2\": gpu:2 (Big One): gpu: in use by another" ALL},
    {"gpu:7,typo", NULL, NULL, 0, NULL,
     "no device for TERN_BACKEND \"gpu:7,typo\": gpu:7: index 7 does not exist, 3 devices "
     "(0: llvmpipe, 1: Iris, 2: Big One); typo: no such backend" ALL},
    {"soft:llvmpipe", NULL, NULL, 0, NULL,
     "no device for TERN_BACKEND \"soft:llvmpipe\": soft:llvmpipe: no device matches \"llvmpipe\", "
     "1 device (0: Pipe Dream)" ALL},
    {"gpu:99999999999999999999", NULL, NULL, 0, NULL,
     "no device for TERN_BACKEND \"gpu:99999999999999999999\": gpu:99999999999999999999: index "
     "99999999999999999999 does not exist, 3 devices (0: llvmpipe, 1: Iris, 2: Big One)" ALL},
};

static void assert_choice(const choice *c) {
    tern_device_desc desc = TERN_DEVICE_DESC_INIT;
    tern_device *device = NULL;
    desc.backends = c->backends;
    unsetenv("TERN_BACKEND");
    if (c->env) {
        setenv("TERN_BACKEND", c->env, 1);
    }
    tern_context *context = make_context(c->flags, NULL);
    if (c->option) {
        tern_context_set_option(context, "TERN_BACKEND", c->option);
    }
    tern_status status = tern_device_open(context, &desc, &device);
    if (c->message) {
        assert_int_equal(status, TERN_STATUS_UNAVAILABLE);
        assert_string_equal(tern_last_error_message(), c->message);
        assert_null(device);
    } else {
        tern_device_info info = {.struct_size = sizeof info};
        char opened[128];
        assert_int_equal(status, TERN_STATUS_OK);
        assert_int_equal(tern_device_describe(device, &info), TERN_STATUS_OK);
        snprintf(opened, sizeof opened, "%s:%u", info.backend, (unsigned)info.index);
        assert_string_equal(opened, c->device);
        tern_device_close(device);
    }
    tern_context_destroy(context);
    unsetenv("TERN_BACKEND");
}

static void the_table(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        assert_choice(&choices[i]);
    }
}

static void each_skip_is_logged(void **state) {
    (void)state;
    bare_log log = {{0}, 0};
    tern_context *context = make_context(IGNORE, &log);
    tern_device *device = NULL;
    assert_int_equal(tern_device_open(context, NULL, &device), TERN_STATUS_OK);
    assert_string_equal(
        log.text, "3 skipped absent: no driver\n"
                  "3 skipped gpu:2 (Big One): gpu: in use by another\n"
                  "3 skipped cpu:0 (Processor): processor ranks below gpu:1 (integrated GPU)\n"
                  "3 skipped soft:0 (Pipe Dream): software ranks below gpu:1 (integrated GPU)\n"
                  "3 skipped gpu:0 (llvmpipe): software ranks below gpu:1 (integrated GPU)\n"
                  "3 skipped reference:0 (Scalar): reference ranks below gpu:1 (integrated GPU)\n"
                  "3 chose gpu:1 (Iris) for auto\n");
    tern_device_close(device);
    tern_context_destroy(context);
}

static void one_error_for_a_list(void **state) {
    (void)state;
    bare_log log = {{0}, 0};
    tern_context *context = make_context(IGNORE, &log);
    tern_device_desc desc = TERN_DEVICE_DESC_INIT;
    tern_device *device = NULL;
    desc.backends = "absent,gpu:2";
    assert_int_equal(tern_device_open(context, &desc, &device), TERN_STATUS_UNAVAILABLE);
    assert_string_equal(log.text, "3 skipped absent: no driver\n"
                                  "3 skipped gpu:2 (Big One): gpu: in use by another\n"
                                  "1 no device for backends \"absent,gpu:2\": absent: no "
                                  "driver; gpu:2 (Big One): gpu: in use by another" REST "\n");
    tern_context_destroy(context);
}

// However long the reasons are, what is available is there to read.
static void reasons_are_cut_before_what_is_available(void **state) {
    (void)state;
    char list[1024] = "";
    for (int i = 0; i < 40; i++) {
        strcat(list, "a_backend_of_a_game,");
    }
    tern_context *context = make_context(IGNORE, NULL);
    tern_device_desc desc = TERN_DEVICE_DESC_INIT;
    tern_device *device = NULL;
    desc.backends = list;
    assert_int_equal(tern_device_open(context, &desc, &device), TERN_STATUS_UNAVAILABLE);
    assert_non_null(strstr(tern_last_error_message(), ALL));
    tern_context_destroy(context);
}

static void nothing_to_choose_from(void **state) {
    (void)state;
    tern_context *context = bare_context(IGNORE, NULL);
    tern_device *device = NULL;
    assert_int_equal(tern_device_open(context, NULL, &device), TERN_STATUS_UNAVAILABLE);
    assert_string_equal(
        tern_last_error_message(),
        "no device for backends \"auto\": there are no backends; available: nothing");
    tern_context_destroy(context);
}

// Not a reason to take another device: the caller must know.
static void out_of_memory_ends_the_search(void **state) {
    (void)state;
    tern_context *context = make_context(IGNORE, NULL);
    tern_device *device = NULL;
    assert_int_equal(tern_context_register(context, lean_query), TERN_STATUS_OK);
    gpu_config.devices[2].type = TERN_DEVICE_OTHER;
    assert_int_equal(tern_device_open(context, NULL, &device), TERN_STATUS_OUT_OF_MEMORY);
    assert_string_equal(tern_last_error_message(), "lean:0 (stub): lean: out of memory");
    gpu_config.devices[2].type = TERN_DEVICE_DISCRETE;
    tern_context_destroy(context);
}

// A backend whose devices cannot be described.
static tern_status shy_status;

static tern_status say_nothing(tern_backend_instance *instance, uint32_t index,
                               tern_device_info *out_info) {
    (void)index, (void)out_info;
    return stub_fail(instance->host, shy_status, "shy: no words");
}

static const tern_backend *shy_query(uint32_t min_abi, uint32_t max_abi) {
    static tern_backend_ops ops;
    static tern_backend backend;
    (void)min_abi, (void)max_abi;
    ops = cpu_ops;
    ops.device_describe = say_nothing;
    backend = cpu_backend;
    backend.name = "shy";
    backend.ops = &ops;
    return &backend;
}

static void a_device_that_cannot_be_described(void **state) {
    (void)state;
    tern_context *context = make_context(IGNORE, NULL);
    tern_device_desc desc = {sizeof desc, 0, "shy,cpu", NULL};
    tern_device *device = NULL;
    assert_int_equal(tern_context_register(context, shy_query), TERN_STATUS_OK);
    shy_status = TERN_STATUS_DEVICE_LOST;
    assert_int_equal(tern_device_open(context, &desc, &device), TERN_STATUS_OK);
    tern_device_close(device);
    shy_status = TERN_STATUS_OUT_OF_MEMORY; // as above
    assert_int_equal(tern_device_open(context, &desc, &device), TERN_STATUS_OUT_OF_MEMORY);
    assert_non_null(strstr(tern_last_error_message(), "shy: no words"));
    assert_null(device);
    tern_context_destroy(context);
}

// A device of the host: the environment is not asked, and a backend that does not know it refuses.
static void a_native_device(void **state) {
    (void)state;
    setenv("TERN_BACKEND", "typo", 1);
    tern_context *context = make_context(0, NULL);
    const tern_native native = {sizeof native, 0x12345678u};
    tern_device_desc desc = {sizeof desc, 0, "cpu", &native};
    tern_device *device = NULL;
    assert_int_equal(tern_device_open(context, &desc, &device), TERN_STATUS_UNAVAILABLE);
    assert_string_equal(tern_last_error_message(),
                        "no device for backends \"cpu\": cpu:0 (the host's device): stub: takes no "
                        "device of the host" ALL);
    tern_context_destroy(context);
    unsetenv("TERN_BACKEND");
}

// A backend that takes any device of the host, and can then say as little as |info_status| lets it.
static tern_status info_status;
static uint32_t taken;

static tern_status take_device(tern_backend_instance *instance, uint32_t index,
                               const tern_native *native, tern_backend_device **out_device) {
    (void)native;
    tern_status status = stub_device_open(instance, index, NULL, out_device);
    taken += status == TERN_STATUS_OK;
    return status;
}

static void give_back(tern_backend_device *device) {
    taken--;
    stub_device_close(device);
}

static tern_status say_rubbish(tern_backend_device *device, tern_device_info *out_info) {
    memset(out_info, 'x', sizeof *out_info);
    return stub_fail(device->host, info_status, "taker: knows nothing");
}

static const tern_backend *taker_query(uint32_t min_abi, uint32_t max_abi) {
    static tern_backend_ops ops;
    static tern_backend backend;
    (void)min_abi, (void)max_abi;
    ops = cpu_ops;
    ops.device_open = take_device;
    ops.device_close = give_back;
    ops.device_info = say_rubbish;
    backend = cpu_backend;
    backend.name = "taker";
    backend.ops = &ops;
    return &backend;
}

static void a_native_device_is_described_and_given_back(void **state) {
    (void)state;
    tern_context *context = make_context(IGNORE, NULL);
    assert_int_equal(tern_context_register(context, taker_query), TERN_STATUS_OK);
    const tern_native native = {sizeof native, 0x12345678u};
    tern_device_desc desc = {sizeof desc, 0, "taker", &native};
    tern_device_info info = {.struct_size = sizeof info};
    tern_device *device = NULL;
    info_status = TERN_STATUS_OK;
    assert_int_equal(tern_device_open(context, &desc, &device), TERN_STATUS_OK);
    assert_int_equal(tern_device_describe(device, &info), TERN_STATUS_OK);
    assert_string_equal(info.backend, "taker");
    assert_int_equal(strlen(info.name), sizeof info.name - 1);
    assert_int_equal(strlen(info.features), sizeof info.features - 1);
    tern_device_close(device);
    info_status = TERN_STATUS_DEVICE_LOST;
    assert_int_equal(tern_device_open(context, &desc, &device), TERN_STATUS_UNAVAILABLE);
    assert_null(device);
    assert_int_equal(taken, 0);
    tern_context_destroy(context);
}

// Without the reference backend nothing can be compared, and exact means exact.
static void exact_numerics_without_a_reference(void **state) {
    (void)state;
    tern_context *context = bare_context(IGNORE, NULL);
    tern_device *device = NULL;
    assert_int_equal(tern_context_register(context, cpu_query), TERN_STATUS_OK);
    assert_int_equal(tern_context_set_option(context, "TERN_NUMERICS", "exact"), TERN_STATUS_OK);
    assert_int_equal(tern_device_open(context, NULL, &device), TERN_STATUS_UNAVAILABLE);
    assert_non_null(strstr(tern_last_error_message(), "but TERN_NUMERICS is exact"));
    tern_context_destroy(context);
}

// A name that would break the line it is printed in.
static void names_stay_on_their_line(void **state) {
    (void)state;
    tern_context *context = make_context(IGNORE, NULL);
    tern_device_info info = {.struct_size = sizeof info};
    const stub_device_config before = cpu_config.devices[0];
    cpu_config.devices[0].name = "two\nlines";
    cpu_config.devices[0].driver = "\x1b[31mred\x7f";
    assert_int_equal(tern_context_device_describe(context, 4, 0, &info), TERN_STATUS_OK);
    assert_string_equal(info.name, "two lines");
    assert_string_equal(info.driver, " [31mred ");
    cpu_config.devices[0] = before;
    cpu_config.devices[0].describe_status = TERN_STATUS_INTERNAL;
    assert_int_equal(tern_context_device_describe(context, 4, 0, &info), TERN_STATUS_INTERNAL);
    assert_string_equal(tern_last_error_message(),
                        "backend cpu: internal error, and it gives no reason");
    cpu_config.devices[0] = before;
    tern_context_destroy(context);
}

static void devices_are_described_unopened(void **state) {
    (void)state;
    tern_context *context = make_context(IGNORE, NULL);
    tern_device_info info = {.struct_size = sizeof info};
    assert_int_equal(tern_context_device_describe(context, 3, 2, &info), TERN_STATUS_OK);
    assert_string_equal(info.backend, "gpu");
    assert_string_equal(info.name, "Big One");
    assert_int_equal(info.index, 2);
    assert_int_equal(info.numerics, TERN_NUMERICS_UNKNOWN);
    assert_int_equal(tern_context_device_describe(context, 3, 3, &info), TERN_STATUS_OUT_OF_RANGE);
    assert_string_equal(tern_last_error_message(), "gpu:3: device does not exist, there are 3");
    assert_int_equal(tern_context_device_describe(context, 2, 0, &info), TERN_STATUS_OUT_OF_RANGE);
    assert_int_equal(tern_context_device_describe(context, 9, 0, &info), TERN_STATUS_OUT_OF_RANGE);
    tern_context_destroy(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),
        cmocka_unit_test(each_skip_is_logged),
        cmocka_unit_test(one_error_for_a_list),
        cmocka_unit_test(reasons_are_cut_before_what_is_available),
        cmocka_unit_test(nothing_to_choose_from),
        cmocka_unit_test(out_of_memory_ends_the_search),
        cmocka_unit_test(a_device_that_cannot_be_described),
        cmocka_unit_test(a_native_device),
        cmocka_unit_test(a_native_device_is_described_and_given_back),
        cmocka_unit_test(exact_numerics_without_a_reference),
        cmocka_unit_test(names_stay_on_their_line),
        cmocka_unit_test(devices_are_described_unopened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
