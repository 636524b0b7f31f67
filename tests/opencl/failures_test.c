// Every call of a driver and every allocation fails once: the failure is reported with a text, and
// nothing is left behind.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/common/report.h"
#include "backends/opencl/measure.h"
#include "backends/opencl/program.h"
#include "backends/opencl/timeline.h"
#include "backends/opencl/weights.h"
#include "tests/opencl/fake.h"

enum { WIDTH = 128, ROWS = 2, WORDS = 4, RUNS = 10, MOST_CALLS = 2000 };

typedef struct scene {
    tern_backend_device *device;
    tern_backend_weights *weights;
    tern_backend_buffer *buffer;
    tern_backend_program *program;
} scene;

static tern_status read_rows(void *user, uint32_t first, uint32_t count, void *codes,
                             float *scales) {
    (void)user, (void)first, (void)scales;
    memset(codes, 0x55, (size_t)count * WIDTH / 4);
    return TERN_STATUS_OK;
}

static tern_tensor view(scene *s, tern_dtype dtype, uint32_t offset, uint32_t rows, uint32_t cols) {
    return (tern_tensor){
        (tern_buffer *)(void *)s->buffer, offset, dtype, 2, {rows, cols}, {cols, 1}};
}

static tern_status compile(scene *s) {
    uint32_t bytes = ROWS * WIDTH * sizeof(float);
    tern_bitlinear_desc layer = {
        .head = {.struct_size = sizeof layer, .kind = TERN_OP_BITLINEAR, .live = 1},
        .x = view(s, TERN_DTYPE_F32, 0, ROWS, WIDTH),
        .norm = TERN_NORM_RMS,
        .norm_eps = 1e-5f,
        .weights = (tern_weights *)(void *)s->weights,
        .out = view(s, TERN_DTYPE_F32, bytes, ROWS, WIDTH)};
    const tern_op_header *ops[] = {&layer.head};
    tern_backend_program_desc desc = {.struct_size = sizeof desc,
                                      .count = 1,
                                      .ops = ops,
                                      .params = view(s, TERN_DTYPE_I32, 2 * bytes, 1, 1)};
    desc.params.rank = 1;
    desc.params.shape[0] = WORDS;
    return tern_cl_compile(s->device, &desc, &s->program);
}

// More submits than a device keeps in flight, so that old ones are waited for.
static tern_status submit(scene *s) {
    const int32_t words[WORDS] = {ROWS};
    const tern_submit_desc desc = {
        .struct_size = sizeof desc, .params_words = WORDS, .params = words};
    uint64_t ticket = 0;
    for (int i = 0; i < RUNS; i++) {
        TERN_TRY(tern_cl_submit(s->device, s->program, &desc, &ticket));
    }
    return tern_cl_wait(s->device, ticket, UINT64_MAX);
}

static tern_status run(scene *s) {
    char data[64];
    const tern_backend_weights_desc weights = {.struct_size = sizeof weights,
                                               .info = {.struct_size = sizeof weights.info,
                                                        .dtype = TERN_DTYPE_T2,
                                                        .rows = WIDTH,
                                                        .cols = WIDTH,
                                                        .scale = 1.0f,
                                                        .usage = TERN_WEIGHTS_MATMUL},
                                               .read = read_rows};
    TERN_TRY(tern_cl_device_open(fake_instance(), 0, NULL, &s->device));
    TERN_TRY(tern_cl_weights_create(s->device, &weights, &s->weights));
    TERN_TRY(tern_cl_buffer_create(s->device, 1 << 16, &s->buffer));
    TERN_TRY(tern_cl_buffer_upload(s->device, s->buffer, 0, data, sizeof data));
    TERN_TRY(compile(s));
    TERN_TRY(submit(s));
    return tern_cl_buffer_download(s->device, s->buffer, 0, data, sizeof data);
}

static void clear(scene *s) {
    if (s->program) {
        tern_cl_program_destroy(s->device, s->program);
    }
    if (s->buffer) {
        tern_cl_buffer_destroy(s->device, s->buffer);
    }
    if (s->weights) {
        tern_cl_weights_destroy(s->device, s->weights);
    }
    if (s->device) {
        assert_int_equal(s->device->allocated, 0);
        tern_cl_device_close(s->device);
    }
}

static void every_call_fails_once(void **state) {
    static const cl_int codes[] = {CL_OUT_OF_HOST_MEMORY, CL_OUT_OF_RESOURCES, -9999};
    (void)state;
    for (size_t c = 0; c < sizeof codes / sizeof codes[0]; c++) {
        int failing = 0;
        do {
            scene s = {NULL};
            fake_kept = failing % 2 ? 0 : fake_kept; // with programs from the cache and without
            fake_reset(++failing, codes[c]);
            fake.timed = c == 0;
            tern_status status = run(&s);
            clear(&s);
            assert_int_equal(fake.alive, 0);
            assert_true((status == TERN_STATUS_OK) == (fake.message[0] == 0));
        } while (fake.calls >= failing && failing < MOST_CALLS);
        assert_in_range(failing, 100, MOST_CALLS - 1);
    }
}

static tern_status measure(scene *s) {
    tern_measurement m = {.struct_size = sizeof m};
    TERN_TRY(tern_cl_device_open(fake_instance(), 0, NULL, &s->device));
    TERN_TRY(tern_cl_measure(s->device, TERN_MEASURE_READ, &m));
    return tern_cl_measure(s->device, TERN_MEASURE_INT8, &m);
}

static void measuring_fails_once(void **state) {
    (void)state;
    scene known = {NULL};
    tern_measurement m = {.struct_size = sizeof m};
    fake_reset(0, CL_SUCCESS);
    assert_int_equal(measure(&known), TERN_STATUS_OK);
    assert_int_equal(tern_cl_measure(known.device, 99, &m), TERN_STATUS_UNSUPPORTED);
    clear(&known);
    int failing = 0;
    do {
        scene s = {NULL};
        fake_kept = 0;
        fake_reset(++failing, CL_OUT_OF_HOST_MEMORY);
        tern_status status = measure(&s);
        clear(&s);
        assert_int_equal(fake.alive, 0);
        assert_true((status == TERN_STATUS_OK) == (fake.message[0] == 0));
    } while (fake.calls >= failing && failing < MOST_CALLS);
    assert_in_range(failing, 20, MOST_CALLS - 1);
}

// The second start compiles nothing; what the driver refuses is compiled again.
static void programs_are_kept(void **state) {
    (void)state;
    scene s = {NULL};
    fake_kept = 0;
    fake_reset(0, CL_SUCCESS);
    assert_int_equal(run(&s), TERN_STATUS_OK);
    clear(&s);
    int programs = fake.sources;
    assert_true(programs > 0);
    assert_int_equal(fake_kept, programs);
    assert_int_equal(fake.binaries, 0);

    s = (scene){NULL};
    fake_reset(0, CL_SUCCESS);
    assert_int_equal(run(&s), TERN_STATUS_OK);
    clear(&s);
    assert_int_equal(fake.sources, 0);
    assert_int_equal(fake.binaries, programs);

    s = (scene){NULL};
    fake_reset(0, CL_SUCCESS);
    fake.refuse_binaries = true;
    assert_int_equal(run(&s), TERN_STATUS_OK);
    clear(&s);
    assert_int_equal(fake.sources, programs);
    assert_int_equal(fake.alive, 0);
}

// What a compiler lacks memory for is not a fault of the kernels.
static void compiler_without_memory(void **state) {
    (void)state;
    bool seen = false;
    for (int failing = 1; failing < MOST_CALLS && !seen; failing++) {
        scene s = {NULL};
        fake_kept = 0;
        fake_reset(failing, CL_OUT_OF_HOST_MEMORY);
        tern_status status = run(&s);
        seen = strstr(fake.message, "clBuildProgram") != NULL;
        assert_true(!seen || status == TERN_STATUS_OUT_OF_MEMORY);
        clear(&s);
    }
    assert_true(seen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_fails_once),
        cmocka_unit_test(measuring_fails_once),
        cmocka_unit_test(programs_are_kept),
        cmocka_unit_test(compiler_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
