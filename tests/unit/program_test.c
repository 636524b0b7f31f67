// Lists on backends that can do almost nothing: composition, fallback segments, copies and wraps
// around them, reports.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <tern/backend.h>

// The plugin outside the tree, compiled in; before cmocka, whose fail() is a macro.
const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi);
#include "tests/embed/plugin/mini.c"

#include <cmocka.h>

#include "tests/harness/device.h"
#include "tests/harness/heap.h"

enum { ROWS = 5, COLS = 100, OUTPUTS = 37, PITCH = 48 };

static void *map_buffer(tern_backend_device *device, tern_backend_buffer *buffer) {
    (void)device;
    return buffer->bytes;
}

// mini, whose memory the host cannot see; the same with memory that it can; the same without
// fallback.
static tern_backend_ops mapped_ops;
static const tern_backend mapped = {.struct_size = sizeof mapped,
                                    .abi = TERN_ABI_VERSION,
                                    .flags = TERN_BACKEND_FALLBACK,
                                    .name = "mapped",
                                    .description = "mini with visible memory",
                                    .ops = &mapped_ops};
static const tern_backend strict = {.struct_size = sizeof strict,
                                    .abi = TERN_ABI_VERSION,
                                    .name = "strict",
                                    .description = "mini without fallback",
                                    .ops = &mini_ops};

static tern_status compile_nothing(tern_backend_device *device,
                                   const tern_backend_program_desc *desc,
                                   tern_backend_program **out_program) {
    (void)device, (void)desc, (void)out_program;
    return TERN_STATUS_OK;
}

static tern_backend_ops forgetful_ops;
static const tern_backend forgetful = {.struct_size = sizeof forgetful,
                                       .abi = TERN_ABI_VERSION,
                                       .flags = TERN_BACKEND_FALLBACK,
                                       .name = "forgetful",
                                       .description = "mini that compiles nothing",
                                       .ops = &forgetful_ops};

static const tern_backend *query_mapped(uint32_t min_abi, uint32_t max_abi) {
    (void)min_abi, (void)max_abi;
    mapped_ops = mini_ops;
    mapped_ops.buffer_map = map_buffer;
    return &mapped;
}

static const tern_backend *query_strict(uint32_t min_abi, uint32_t max_abi) {
    (void)min_abi, (void)max_abi;
    return &strict;
}

static const tern_backend *query_forgetful(uint32_t min_abi, uint32_t max_abi) {
    (void)min_abi, (void)max_abi;
    forgetful_ops = mini_ops;
    forgetful_ops.compile = compile_nothing;
    return &forgetful;
}

// A mini that fails to upload without a word.
static tern_status upload_silently(tern_backend_device *device, tern_backend_buffer *buffer,
                                   uint64_t offset, const void *data, uint64_t size) {
    (void)device, (void)buffer, (void)offset, (void)data, (void)size;
    return TERN_STATUS_IO;
}

static tern_backend_ops silent_ops;
static const tern_backend silent = {.struct_size = sizeof silent,
                                    .abi = TERN_ABI_VERSION,
                                    .flags = TERN_BACKEND_FALLBACK,
                                    .name = "silent",
                                    .description = "mini that gives no reasons",
                                    .ops = &silent_ops};

static const tern_backend *query_silent(uint32_t min_abi, uint32_t max_abi) {
    (void)min_abi, (void)max_abi;
    silent_ops = mini_ops;
    silent_ops.buffer_upload = upload_silently;
    return &silent;
}

static tern_status open_backend(bench *b, const char *name, test_heap *heap) {
    *b = (bench){0};
    tern_allocator allocator = test_heap_allocator(heap);
    tern_context_desc context = TERN_CONTEXT_DESC_INIT;
    context.flags = TERN_CONTEXT_IGNORE_ENV;
    context.allocator = heap ? &allocator : NULL;
    tern_status status = tern_context_create(&context, &b->context);
    status = status ? status : tern_context_register(b->context, tern_backend_query);
    status = status ? status : tern_context_register(b->context, query_mapped);
    status = status ? status : tern_context_register(b->context, query_strict);
    status = status ? status : tern_context_register(b->context, query_forgetful);
    tern_device_desc device = TERN_DEVICE_DESC_INIT;
    device.backends = name;
    return status ? status : tern_device_open(b->context, &device, &b->device);
}

static void close_backend(bench *b) {
    bench_clear(b);
    tern_device_close(b->device);
    tern_context_destroy(b->context);
}

// A small network's middle: norm and bitlinear with residual into strided rows, then a gate over
// part of them.
typedef struct network {
    tern_tensor x, residual, out, gated, params;
    tern_weights *weights;
    tern_commands *commands;
    tern_program *program;
} network;

static void fill(float *values, size_t count, uint32_t seed) {
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(int32_t)(seed >> 8) / 8388608.0f - 1.0f;
    }
}

static tern_weights *make_weights(bench *b, tern_scale_kind kind) {
    uint8_t codes[OUTPUTS * 25];
    float scales[OUTPUTS * 2];
    for (size_t i = 0; i < sizeof codes; i++) {
        codes[i] = (uint8_t)(i % 3 | (i / 3 % 3) << 2 | (i / 9 % 3) << 4 | (i / 27 % 3) << 6);
    }
    for (size_t i = 0; i < OUTPUTS * 2; i++) {
        scales[i] = 0.25f + (float)i / 64.0f;
    }
    tern_weights_info info = {.dtype = TERN_DTYPE_T2,
                              .rows = OUTPUTS,
                              .cols = COLS,
                              .scale_kind = kind,
                              .group_size = kind == TERN_SCALE_GROUP ? 64 : 0,
                              .scale = kind == TERN_SCALE_TENSOR ? 0.5f : 0.0f,
                              .usage = TERN_WEIGHTS_MATMUL};
    return bench_weights(b, &info, codes, scales);
}

static void make_tensors(bench *b, network *n) {
    float x[ROWS * COLS], residual[ROWS * OUTPUTS], sentinel[ROWS * PITCH];
    fill(x, ROWS * COLS, 1);
    fill(residual, ROWS * OUTPUTS, 2);
    for (size_t i = 0; i < ROWS * PITCH; i++) {
        sentinel[i] = -77.0f;
    }
    n->x = bench_matrix(b, ROWS, COLS, x);
    n->residual = bench_matrix(b, ROWS, OUTPUTS, residual);
    n->out = bench_matrix(b, ROWS, PITCH, sentinel);
    n->gated = bench_matrix(b, ROWS, OUTPUTS, NULL);
    n->params = bench_ints(b, 4, (const int32_t[]){ROWS, 0, 0, 0});
}

static tern_status append(bench *b, network *n, tern_scale_kind kind) {
    *n = (network){0};
    make_tensors(b, n);
    n->weights = make_weights(b, kind);
    tern_tensor narrow = n->out;
    narrow.shape[1] = OUTPUTS;
    tern_commands_desc desc = {sizeof desc, 0, n->params};
    tern_status status = tern_commands_create(b->device, &desc, &n->commands);
    tern_bitlinear_desc bitlinear = {.head = {.live = 1},
                                     .x = n->x,
                                     .norm = TERN_NORM_RMS,
                                     .norm_eps = 1e-5f,
                                     .weights = n->weights,
                                     .residual = n->residual,
                                     .out = narrow};
    tern_gated_desc gated = {.head = {.live = 1},
                             .gate = narrow,
                             .up = n->residual,
                             .activation = TERN_ACTIVATION_SILU,
                             .out = n->gated};
    status = status ? status : tern_cmd_bitlinear(n->commands, &bitlinear);
    return status ? status : tern_cmd_gated(n->commands, &gated);
}

static void destroy(network *n) {
    tern_program_destroy(n->program);
    tern_commands_destroy(n->commands);
}

// Runs the network with |live| rows; its outputs, sentinels included.
static void run_network(const char *backend, tern_scale_kind kind, int32_t live, float *out) {
    bench b;
    network n;
    CHECK_OK(open_backend(&b, backend, NULL));
    CHECK_OK(append(&b, &n, kind));
    CHECK_OK(tern_commands_finish(n.commands, &n.program));
    tern_submit_desc submit = {sizeof submit, 1, &live};
    CHECK_OK(tern_program_submit(n.program, &submit, NULL));
    memcpy(out, bench_read(&b, &n.out), ROWS * PITCH * sizeof *out);
    memcpy(out + ROWS * PITCH, bench_read(&b, &n.gated), ROWS * OUTPUTS * sizeof *out);
    destroy(&n);
    close_backend(&b);
}

static void same_bits_as_reference(void **state) {
    (void)state;
    static const char *const backends[] = {"mini", "mapped"};
    static const tern_scale_kind kinds[] = {TERN_SCALE_TENSOR, TERN_SCALE_ROW, TERN_SCALE_GROUP};
    float want[ROWS * (PITCH + OUTPUTS)], got[ROWS * (PITCH + OUTPUTS)];
    for (size_t k = 0; k < 3; k++) {
        for (int32_t live = 0; live <= ROWS; live++) {
            run_network("reference", kinds[k], live, want);
            assert_true(want[OUTPUTS] == -77.0f && want[(ROWS - 1) * PITCH + PITCH - 1] == -77.0f);
            assert_int_equal(want[(ROWS - 1) * PITCH] == -77.0f, live < ROWS);
            for (size_t i = 0; i < 2; i++) {
                run_network(backends[i], kinds[k], live, got);
                assert_memory_equal(got, want, sizeof want);
            }
        }
    }
}

static void reports_say_where(void **state) {
    (void)state;
    bench b;
    network n;
    CHECK_OK(open_backend(&b, "mini", NULL));
    CHECK_OK(append(&b, &n, TERN_SCALE_ROW));
    CHECK_OK(tern_commands_finish(n.commands, &n.program));
    tern_op_report report = {.struct_size = sizeof report};
    CHECK_OK(tern_program_report(n.program, 0, &report));
    assert_int_equal(report.kind, TERN_OP_BITLINEAR);
    assert_int_equal(report.placement, TERN_PLACEMENT_COMPOSED);
    assert_string_equal(report.backend, "mini");
    assert_non_null(strstr(report.kernel, "mini"));
    CHECK_OK(tern_program_report(n.program, 1, &report));
    assert_int_equal(report.placement, TERN_PLACEMENT_FALLBACK);
    assert_string_equal(report.backend, "reference");
    assert_int_equal(tern_program_report(n.program, 2, &report), TERN_STATUS_OUT_OF_RANGE);
    destroy(&n);
    close_backend(&b);
}

#define REFUSED(call, text)                                                                        \
    do {                                                                                           \
        assert_int_equal(call, TERN_STATUS_INVALID_ARGUMENT);                                      \
        assert_non_null(strstr(tern_last_error_message(), text));                                  \
    } while (0)

static void arguments_are_checked(void **state) {
    (void)state;
    bench b;
    network n;
    CHECK_OK(open_backend(&b, "mini", NULL));
    CHECK_OK(append(&b, &n, TERN_SCALE_ROW));
    CHECK_OK(tern_commands_finish(n.commands, &n.program));
    tern_commands_desc list = {0};
    tern_submit_desc submit = {0};
    tern_op_report report = {0};
    tern_commands *commands = NULL;
    tern_program *program = NULL;
    REFUSED(tern_commands_create(NULL, NULL, &commands), "commands create: device is NULL");
    REFUSED(tern_commands_create(b.device, NULL, NULL), "commands create: out_commands is NULL");
    REFUSED(tern_commands_create(b.device, &list, &commands), "tern_commands_desc: struct_size is");
    list = (tern_commands_desc){.struct_size = sizeof list, .reserved = 3};
    REFUSED(tern_commands_create(b.device, &list, &commands),
            "tern_commands_desc: reserved is 3, must be 0");
    REFUSED(tern_commands_finish(NULL, &program), "commands finish: commands is NULL");
    REFUSED(tern_commands_finish(n.commands, NULL), "commands finish: out_program is NULL");
    REFUSED(tern_program_submit(NULL, NULL, NULL), "submit: program is NULL");
    REFUSED(tern_program_submit(n.program, &submit, NULL), "tern_submit_desc: struct_size is 0");
    REFUSED(tern_program_report(NULL, 0, &report), "program report: program is NULL");
    REFUSED(tern_program_report(n.program, 0, NULL), "program report: out_report is NULL");
    REFUSED(tern_program_report(n.program, 0, &report), "tern_op_report: struct_size is 0");
    assert_int_equal(tern_commands_count(NULL), 0);
    assert_null(tern_commands_op(NULL, 0));
    destroy(&n);
    close_backend(&b);
}

// The probe at opening meets it first.
static void a_backend_that_forgets_its_program(void **state) {
    (void)state;
    bench b;
    assert_int_equal(open_backend(&b, "forgetful", NULL), TERN_STATUS_UNAVAILABLE);
    assert_non_null(strstr(tern_last_error_message(),
                           "backend forgetful: compile succeeded without a program"));
    close_backend(&b);
}

static void no_fallback_names_the_op(void **state) {
    (void)state;
    bench b = {0};
    network n;
    CHECK_OK(open_backend(&b, "strict", NULL));
    make_tensors(&b, &n);
    CHECK_OK(tern_commands_create(b.device, NULL, &n.commands));
    tern_add_desc add = {.a = n.residual, .b = n.residual, .out = n.gated};
    CHECK_OK(tern_cmd_add(n.commands, &add));
    n.program = NULL;
    assert_int_equal(tern_commands_finish(n.commands, &n.program), TERN_STATUS_UNSUPPORTED);
    assert_null(n.program);
    assert_string_equal(tern_last_error_message(),
                        "op 0, add, is not supported by strict device \"mini\", and its backend "
                        "allows no fallback");
    tern_commands_destroy(n.commands);
    close_backend(&b);
}

static void lists_are_read_back_and_extended(void **state) {
    (void)state;
    bench b;
    network n;
    CHECK_OK(open_backend(&b, "mapped", NULL));
    CHECK_OK(append(&b, &n, TERN_SCALE_TENSOR));
    CHECK_OK(tern_commands_finish(n.commands, &n.program));
    assert_int_equal(tern_commands_count(n.commands), 2);
    const tern_bitlinear_desc *op = (const void *)tern_commands_op(n.commands, 0);
    assert_int_equal(op->head.kind, TERN_OP_BITLINEAR);
    assert_int_equal(op->head.struct_size, sizeof *op);
    assert_ptr_equal(op->weights, n.weights);
    assert_null(tern_commands_op(n.commands, 2));
    tern_scale_desc scale = {.x = n.gated, .factor = 2.0f, .out = n.gated};
    CHECK_OK(tern_cmd_scale(n.commands, &scale));
    tern_program *longer = NULL;
    CHECK_OK(tern_commands_finish(n.commands, &longer));
    CHECK_OK(tern_program_submit(n.program, NULL, NULL));
    float once = ((float *)bench_read(&b, &n.gated))[3];
    CHECK_OK(tern_program_submit(longer, NULL, NULL));
    assert_true(((float *)bench_read(&b, &n.gated))[3] == 2.0f * once && once != 0.0f);
    tern_program_destroy(longer);
    destroy(&n);
    close_backend(&b);
}

static void parameters_are_checked_and_kept(void **state) {
    (void)state;
    bench b;
    network n;
    CHECK_OK(open_backend(&b, "mini", NULL));
    CHECK_OK(append(&b, &n, TERN_SCALE_TENSOR));
    CHECK_OK(tern_commands_finish(n.commands, &n.program));
    int32_t words[5] = {1, 11, 12, 13, 14};
    tern_submit_desc submit = {sizeof submit, 5, words};
    assert_int_equal(tern_program_submit(n.program, &submit, NULL), TERN_STATUS_INVALID_ARGUMENT);
    submit.params_words = 3;
    CHECK_OK(tern_program_submit(n.program, &submit, NULL));
    CHECK_OK(tern_program_submit(n.program, NULL, NULL));
    const int32_t *kept = bench_read(&b, &n.params);
    assert_memory_equal(kept, ((const int32_t[]){1, 11, 12, 0}), 16);
    tern_scale_desc scale = {.head = {.live = 5}, .x = n.gated, .factor = 2.0f, .out = n.gated};
    assert_int_equal(tern_cmd_scale(n.commands, &scale), TERN_STATUS_INVALID_ARGUMENT);
    assert_string_equal(tern_last_error_message(),
                        "scale: live is word 5, the parameter block has 4");
    destroy(&n);
    close_backend(&b);
}

static void silence_is_named(void **state) {
    (void)state;
    bench b = {0};
    tern_device_desc desc = TERN_DEVICE_DESC_INIT;
    tern_context_desc context = TERN_CONTEXT_DESC_INIT;
    context.flags = TERN_CONTEXT_IGNORE_ENV;
    CHECK_OK(tern_context_create(&context, &b.context));
    CHECK_OK(tern_context_register(b.context, query_silent));
    desc.backends = "silent";
    assert_int_equal(tern_device_open(b.context, &desc, &b.device), TERN_STATUS_UNAVAILABLE);
    assert_non_null(
        strstr(tern_last_error_message(), "silent: input/output error, and it gives no reason"));
    assert_null(b.device);
    tern_context_destroy(b.context);
}

// Every allocation of a compile and a submit fails once: the status says so, and nothing stays
// behind.
static void memory_runs_out(void **state) {
    (void)state;
    bool done = false;
    for (size_t at = 1; !done; at++) {
        test_heap heap = {0};
        bench b;
        network n;
        CHECK_OK(open_backend(&b, "mini", &heap));
        CHECK_OK(append(&b, &n, TERN_SCALE_GROUP));
        heap.fail_at = heap.calls + at;
        tern_status status = tern_commands_finish(n.commands, &n.program);
        status = status ? status : tern_program_submit(n.program, NULL, NULL);
        done = heap.calls < heap.fail_at;
        heap.fail_at = 0;
        assert_int_equal(status, done ? TERN_STATUS_OK : TERN_STATUS_OUT_OF_MEMORY);
        destroy(&n);
        close_backend(&b);
        assert_int_equal(heap.blocks, 0);
        assert_true(at < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_as_reference),
        cmocka_unit_test(reports_say_where),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(a_backend_that_forgets_its_program),
        cmocka_unit_test(no_fallback_names_the_op),
        cmocka_unit_test(lists_are_read_back_and_extended),
        cmocka_unit_test(parameters_are_checked_and_kept),
        cmocka_unit_test(silence_is_named),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
