// What ops took, summed by kind and kernel: over programs alive and gone, on backends that time
// their ops and on one that does not.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <tern/backend.h>

// The plugin outside the tree, which has no slot for times; before cmocka, whose fail() is a macro.
const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi);
#include "tests/embed/plugin/mini.c"

#include <cmocka.h>

#include "tests/harness/device.h"
#include "tests/harness/heap.h"

enum { ROWS = 3, COLS = 64, OUTPUTS = 8 };

// mini as if its clock always read |now| since the program was compiled.
static uint64_t now;
static tern_status times_status;

static tern_status fixed_times(tern_backend_device *device, tern_backend_program *program,
                               uint64_t *out_ns, tern_clock *out_clock) {
    (void)device;
    for (uint32_t i = 0; i < program->count; i++) {
        out_ns[i] = now;
    }
    *out_clock = TERN_CLOCK_DEVICE;
    return times_status;
}

static tern_backend_ops clocked_ops;
static const tern_backend clocked = {.struct_size = sizeof clocked,
                                     .abi = TERN_ABI_VERSION,
                                     .flags = TERN_BACKEND_FALLBACK,
                                     .name = "clocked",
                                     .description = "mini with a clock",
                                     .ops = &clocked_ops};

static const tern_backend *query_clocked(uint32_t min_abi, uint32_t max_abi) {
    (void)min_abi, (void)max_abi;
    clocked_ops = mini_ops;
    clocked_ops.struct_size = sizeof clocked_ops;
    clocked_ops.program_times = fixed_times;
    return &clocked;
}

// mini built against the header before the slot was there.
static tern_backend_ops older_ops;
static const tern_backend older = {.struct_size = sizeof older,
                                   .abi = TERN_ABI_VERSION,
                                   .flags = TERN_BACKEND_FALLBACK,
                                   .name = "older",
                                   .description = "mini with a shorter table",
                                   .ops = &older_ops};

static const tern_backend *query_older(uint32_t min_abi, uint32_t max_abi) {
    (void)min_abi, (void)max_abi;
    older_ops = mini_ops;
    older_ops.struct_size = offsetof(tern_backend_ops, program_times);
    older_ops.program_times = fixed_times;
    return &older;
}

typedef struct log_lines {
    char text[4096];
} log_lines;

static void keep_profile(void *user, tern_log_level level, const char *message) {
    log_lines *log = user;
    if (level == TERN_LOG_INFO && strncmp(message, "profile: ", 9) == 0) {
        size_t used = strlen(log->text);
        snprintf(log->text + used, sizeof log->text - used, "%s\n", message);
    }
}

static tern_status open_with(bench *b, const char *backend, const char *profile, log_lines *log,
                             test_heap *heap) {
    *b = (bench){0};
    tern_context_desc context = TERN_CONTEXT_DESC_INIT;
    tern_allocator allocator = test_heap_allocator(heap);
    context.flags = TERN_CONTEXT_IGNORE_ENV;
    context.log = log ? keep_profile : NULL;
    context.log_user = log;
    context.log_level = TERN_LOG_INFO;
    context.allocator = heap ? &allocator : NULL;
    CHECK_OK(tern_context_create(&context, &b->context));
    CHECK_OK(tern_context_register(b->context, tern_backend_query));
    CHECK_OK(tern_context_register(b->context, query_clocked));
    CHECK_OK(tern_context_register(b->context, query_older));
    CHECK_OK(tern_context_set_option(b->context, "TERN_PROFILE", profile));
    tern_device_desc device = TERN_DEVICE_DESC_INIT;
    device.backends = backend;
    return tern_device_open(b->context, &device, &b->device);
}

static void close_bench(bench *b) {
    bench_clear(b);
    tern_device_close(b->device);
    tern_context_destroy(b->context);
}

// A bitlinear, which a backend that knows only its product gets in parts, and a scale.
static tern_commands *make_list(bench *b) {
    static const uint8_t codes[OUTPUTS * COLS / 4];
    tern_weights_info info = {.dtype = TERN_DTYPE_T2,
                              .rows = OUTPUTS,
                              .cols = COLS,
                              .scale_kind = TERN_SCALE_TENSOR,
                              .scale = 0.5f,
                              .usage = TERN_WEIGHTS_MATMUL};
    tern_tensor out = bench_matrix(b, ROWS, OUTPUTS, NULL);
    tern_bitlinear_desc bitlinear = {.x = bench_matrix(b, ROWS, COLS, NULL),
                                     .weights = bench_weights(b, &info, codes, NULL),
                                     .out = out};
    tern_scale_desc scale = {.x = out, .factor = 2.0f, .out = out};
    tern_commands *commands = NULL;
    CHECK_OK(tern_commands_create(b->device, NULL, &commands));
    CHECK_OK(tern_cmd_bitlinear(commands, &bitlinear));
    CHECK_OK(tern_cmd_scale(commands, &scale));
    return commands;
}

static tern_program *make_program(bench *b) {
    tern_commands *commands = make_list(b);
    tern_program *program = NULL;
    CHECK_OK(tern_commands_finish(commands, &program));
    tern_commands_destroy(commands);
    return program;
}

static void submit_times(tern_program *program, int times) {
    for (int i = 0; i < times; i++) {
        CHECK_OK(tern_program_submit(program, NULL, NULL));
    }
}

// The row of |kind| on |backend|, of which there is one.
static tern_profile_row row_of(const bench *b, tern_op_kind kind, const char *backend) {
    tern_profile_row row = {.struct_size = sizeof row};
    tern_profile_row found = {0};
    for (uint32_t i = 0; tern_device_profile(b->device, i, &row) == TERN_STATUS_OK; i++) {
        if (row.kind == kind && strcmp(row.backend, backend) == 0) {
            assert_int_equal(found.struct_size, 0);
            found = row;
        }
    }
    assert_int_equal(found.struct_size, sizeof row);
    return found;
}

static void nothing_unless_asked_for(void **state) {
    (void)state;
    bench b;
    log_lines log = {""};
    CHECK_OK(open_with(&b, "reference", "0", &log, NULL));
    tern_program *program = make_program(&b);
    submit_times(program, 1);
    tern_profile_row row = {.struct_size = sizeof row};
    assert_int_equal(tern_device_profile(b.device, 0, &row), TERN_STATUS_OUT_OF_RANGE);
    assert_string_equal(tern_last_error_message(),
                        "device profile: row 0 does not exist, there are 0: TERN_PROFILE was not "
                        "1");
    tern_program_destroy(program);
    close_bench(&b);
    assert_string_equal(log.text, "");
}

// Of a backend that runs both ops itself, by the host's clock.
static void check_times(const char *backend) {
    bench b;
    CHECK_OK(open_with(&b, backend, "1", NULL, NULL));
    tern_program *first = make_program(&b);
    tern_program *second = make_program(&b);
    submit_times(first, 3);
    tern_profile_row before = row_of(&b, TERN_OP_BITLINEAR, backend);
    assert_int_equal(before.runs, 3);
    assert_int_equal(before.clock, TERN_CLOCK_HOST);
    assert_true(before.ns > 0);
    submit_times(second, 2);
    tern_profile_row after = row_of(&b, TERN_OP_BITLINEAR, backend);
    assert_int_equal(after.runs, 5);
    assert_true(after.ns > before.ns);
    assert_int_equal(row_of(&b, TERN_OP_SCALE, backend).runs, 5);
    tern_program_destroy(first);
    tern_program_destroy(second);
    tern_profile_row last = row_of(&b, TERN_OP_BITLINEAR, backend);
    assert_int_equal(last.runs, 5);
    assert_int_equal(last.ns, after.ns);
    tern_profile_row row = {.struct_size = sizeof row};
    assert_int_equal(tern_device_profile(b.device, 2, &row), TERN_STATUS_OUT_OF_RANGE);
    close_bench(&b);
}

static void backends_time_their_ops(void **state) {
    (void)state;
    check_times("reference");
    bench b;
    if (open_with(&b, "cpu", "1", NULL, NULL) == TERN_STATUS_OK) {
        check_times("cpu");
    } else {
        printf("skipped: backend cpu: %s\n", tern_last_error_message());
    }
    close_bench(&b);
}

static void sums_are_exact(void **state) {
    (void)state;
    bench b;
    now = 77;
    CHECK_OK(open_with(&b, "clocked", "1", NULL, NULL)); // the probe's 77 is not counted
    tern_program *first = make_program(&b);
    submit_times(first, 1);
    now = 1000;
    for (int again = 0; again < 2; again++) {
        tern_profile_row row = row_of(&b, TERN_OP_TERNARY_MATMUL, "clocked");
        assert_int_equal(row.ns, 1000);
        assert_int_equal(row.runs, 1);
        assert_int_equal(row.clock, TERN_CLOCK_DEVICE);
        assert_string_equal(row.kernel, "clocked");
    }
    now = 1700;
    tern_program_destroy(first);
    tern_program *second = make_program(&b);
    submit_times(second, 1);
    now = 10;
    assert_int_equal(row_of(&b, TERN_OP_TERNARY_MATMUL, "clocked").ns, 1710);
    assert_int_equal(row_of(&b, TERN_OP_TERNARY_MATMUL, "clocked").runs, 2);
    tern_profile_row part = row_of(&b, TERN_OP_QUANTIZE_ACT, "reference");
    assert_true(part.ns > 0 && part.runs == 2 && part.clock == TERN_CLOCK_HOST);
    tern_program_destroy(second);
    close_bench(&b);
}

static void a_backend_without_a_clock(void **state) {
    (void)state;
    static const char *const backends[] = {"mini", "older"};
    for (size_t i = 0; i < 2; i++) {
        bench b;
        CHECK_OK(open_with(&b, backends[i], "1", NULL, NULL));
        tern_program *program = make_program(&b);
        submit_times(program, 2);
        tern_profile_row row = row_of(&b, TERN_OP_TERNARY_MATMUL, backends[i]);
        assert_int_equal(row.clock, TERN_CLOCK_NONE);
        assert_int_equal(row.ns, 0);
        assert_int_equal(row.runs, 2);
        tern_program_destroy(program);
        close_bench(&b);
    }
}

// Then a row is counted neither in part nor twice.
static void times_that_cannot_be_read(void **state) {
    (void)state;
    bench b;
    now = 5;
    CHECK_OK(open_with(&b, "clocked", "1", NULL, NULL));
    tern_program *program = make_program(&b);
    submit_times(program, 1);
    times_status = TERN_STATUS_IO;
    tern_profile_row row = {.struct_size = sizeof row};
    assert_int_equal(tern_device_profile(b.device, 0, &row), TERN_STATUS_IO);
    assert_string_equal(tern_last_error_message(),
                        "backend clocked: input/output error, and it gives no reason");
    times_status = TERN_STATUS_OK;
    assert_int_equal(row_of(&b, TERN_OP_TERNARY_MATMUL, "clocked").runs, 1);
    assert_int_equal(row_of(&b, TERN_OP_QUANTIZE_ACT, "reference").runs, 1);
    tern_program_destroy(program);
    close_bench(&b);
}

static void it_is_logged_where_nobody_asks(void **state) {
    (void)state;
    for (int asked = 0; asked < 2; asked++) {
        bench b;
        log_lines log = {""};
        now = 5000000000;
        CHECK_OK(open_with(&b, "clocked", "1", &log, NULL));
        tern_program *program = make_program(&b);
        submit_times(program, 1);
        if (asked) {
            row_of(&b, TERN_OP_SCALE, "reference");
        }
        tern_program_destroy(program);
        assert_string_equal(log.text, "");
        close_bench(&b);
        const char *longest =
            "profile: ternary_matmul, clocked on clocked: 1 runs, 5000.000 ms (device clock)\n";
        if (asked) {
            assert_string_equal(log.text, "");
        } else {
            assert_memory_equal(log.text, longest, strlen(longest));
            assert_non_null(strstr(log.text, "profile: scale, reference on reference: 1 runs, "));
        }
    }
}

static void arguments_are_checked(void **state) {
    (void)state;
    bench b;
    CHECK_OK(open_with(&b, "reference", "1", NULL, NULL));
    tern_profile_row row = {0};
    assert_int_equal(tern_device_profile(NULL, 0, &row), TERN_STATUS_INVALID_ARGUMENT);
    assert_int_equal(tern_device_profile(b.device, 0, NULL), TERN_STATUS_INVALID_ARGUMENT);
    assert_int_equal(tern_device_profile(b.device, 0, &row), TERN_STATUS_INVALID_ARGUMENT);
    assert_int_equal(tern_context_set_option(b.context, "TERN_PROFILE", "yes"),
                     TERN_STATUS_INVALID_ARGUMENT);
    assert_string_equal(tern_last_error_message(), "TERN_PROFILE \"yes\": expected one of 0|1");
    close_bench(&b);
}

// Every allocation of a compile fails once, those for its times included.
static void memory_runs_out(void **state) {
    (void)state;
    bool done = false;
    for (size_t at = 1; !done; at++) {
        test_heap heap = {0};
        bench b;
        tern_program *program = NULL;
        CHECK_OK(open_with(&b, "clocked", "1", NULL, &heap));
        tern_commands *commands = make_list(&b);
        heap.fail_at = heap.calls + at;
        tern_status status = tern_commands_finish(commands, &program);
        done = heap.calls < heap.fail_at;
        assert_int_equal(status, done ? TERN_STATUS_OK : TERN_STATUS_OUT_OF_MEMORY);
        tern_program_destroy(program);
        tern_commands_destroy(commands);
        close_bench(&b);
        assert_int_equal(heap.blocks, 0);
        assert_true(at < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_unless_asked_for),
        cmocka_unit_test(backends_time_their_ops),
        cmocka_unit_test(sums_are_exact),
        cmocka_unit_test(a_backend_without_a_clock),
        cmocka_unit_test(times_that_cannot_be_read),
        cmocka_unit_test(it_is_logged_where_nobody_asks),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
