// Which ternary kernels a device takes: by the option, by its kind, or the fastest, seen by a fake
// driver.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/common/report.h"
#include "backends/opencl/program.h"
#include "backends/opencl/weights.h"
#include "tests/opencl/fake.h"

enum { WIDTH = 128, MOST_ROWS = 8, MOST_CALLS = 20000 };

typedef struct scene {
    tern_backend_device *device;
    tern_backend_weights *weights;
    tern_backend_buffer *buffer;
    tern_backend_program *program;
} scene;

static tern_status read_rows(void *user, uint32_t first, uint32_t count, void *codes,
                             float *scales) {
    (void)user, (void)first;
    memset(codes, 0x55, (size_t)count * WIDTH / 4);
    for (uint32_t i = 0; scales && i < count * WIDTH / 64; i++) {
        scales[i] = 1.0f;
    }
    return TERN_STATUS_OK;
}

static tern_tensor view(const scene *s, uint32_t rows, uint32_t offset) {
    return (tern_tensor){
        (tern_buffer *)(void *)s->buffer, offset, TERN_DTYPE_F32, 2, {rows, WIDTH}, {WIDTH, 1}};
}

static tern_status open_scene(scene *s, bool processor, bool grouped) {
    const tern_backend_weights_desc desc = {
        .struct_size = sizeof desc,
        .info = {.struct_size = sizeof desc.info,
                 .dtype = TERN_DTYPE_T2,
                 .rows = WIDTH,
                 .cols = WIDTH,
                 .scale_kind = grouped ? TERN_SCALE_GROUP : TERN_SCALE_TENSOR,
                 .scale = grouped ? 0.0f : 1.0f,
                 .group_size = grouped ? 64 : 0,
                 .usage = TERN_WEIGHTS_MATMUL},
        .read = read_rows};
    tern_backend_instance *instance = fake_instance();
    instance->devices[0].processor = processor;
    instance->devices[0].vector_width = processor ? 16 : 1;
    *s = (scene){NULL};
    TERN_TRY(tern_cl_device_open(instance, 0, NULL, &s->device));
    TERN_TRY(tern_cl_weights_create(s->device, &desc, &s->weights));
    return tern_cl_buffer_create(s->device, 1 << 16, &s->buffer);
}

static tern_status compile(scene *s, uint32_t rows) {
    tern_bitlinear_desc layer = {.head = {.struct_size = sizeof layer, .kind = TERN_OP_BITLINEAR},
                                 .x = view(s, rows, 0),
                                 .norm = TERN_NORM_RMS,
                                 .norm_eps = 1e-5f,
                                 .weights = (tern_weights *)(void *)s->weights,
                                 .out = view(s, rows, MOST_ROWS * WIDTH * 4)};
    const tern_op_header *ops[] = {&layer.head};
    tern_backend_program_desc desc = {.struct_size = sizeof desc, .count = 1, .ops = ops};
    return tern_cl_compile(s->device, &desc, &s->program);
}

static void close_scene(scene *s) {
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
    assert_int_equal(fake.alive, 0);
}

static void check_variant(const char *option, bool processor, tern_device_type type,
                          uint32_t slices, uint32_t vectors, bool measured) {
    fake_reset(0, CL_SUCCESS);
    fake.kernels = option;
    tern_backend_instance *instance = fake_instance();
    tern_cl_candidate *device = &instance->devices[0];
    device->processor = processor;
    device->vector_width = processor ? 16 : 1;
    device->info.type = type;
    tern_cl_variant variant = tern_cl_variant_pick(instance->host, device);
    assert_int_equal(variant.row.slices, slices);
    assert_int_equal(variant.row.vectors, vectors);
    assert_int_equal(variant.measured, measured);
}

static void by_option_and_kind(void **state) {
    (void)state;
    check_variant("", false, TERN_DEVICE_DISCRETE, 8, 0, true);
    check_variant("", false, TERN_DEVICE_INTEGRATED, 8, 0, true);
    check_variant("", false, TERN_DEVICE_SOFTWARE, 8, 0, false);
    check_variant("", true, TERN_DEVICE_SOFTWARE, 1, 4, false);
    check_variant("measured", false, TERN_DEVICE_SOFTWARE, 8, 0, true);
    check_variant("measured", true, TERN_DEVICE_SOFTWARE, 1, 4, true);
    check_variant("gpu", false, TERN_DEVICE_DISCRETE, 8, 0, false);
    check_variant("gpu", true, TERN_DEVICE_SOFTWARE, 8, 0, false);
    check_variant("processor", false, TERN_DEVICE_DISCRETE, 1, 0, false);
    check_variant("processor", true, TERN_DEVICE_SOFTWARE, 1, 4, false);
}

// What is compiled with |fast| takes least time; opened, compiled and closed. Launches it took.
static int choose(const char *fast, bool processor, bool grouped, uint32_t rows, char name[64]) {
    scene s;
    fake_reset(0, CL_SUCCESS);
    fake.kernels = "measured";
    fake.fast = fast;
    assert_int_equal(open_scene(&s, processor, grouped), TERN_STATUS_OK);
    assert_int_equal(compile(&s, rows), TERN_STATUS_OK);
    tern_cl_program_kernel(s.device, s.program, 0, name, 64);
    int launches = fake.launch_count;
    close_scene(&s);
    return launches;
}

static void check_choice(const char *fast, bool processor, bool grouped, uint32_t rows,
                         const char *want) {
    char name[64];
    fake_kept = 0;
    assert_true(choose(fast, processor, grouped, rows, name) > 0);
    assert_string_equal(name, want);
    assert_int_equal(choose("nothing", processor, grouped, rows, name), 0); // it is remembered
    assert_string_equal(name, want);
}

static void the_fastest(void **state) {
    (void)state;
    check_choice("-DLANES=16u -DSLICES=16u", false, false, 1, "ternary_packed_16x16");
    check_choice("-DLANES=64u -DSLICES=1u", false, true, 1, "ternary_packed_grouped_64x1");
    check_choice("-DLANES=64u -DSLICES=1u -DTILE=8", false, false, 8,
                 "quantize_act+ternary_packed_64x1_t8");
    check_choice("-DTILE=2", false, true, 2, "quantize_act+ternary_packed_grouped_64x1_t2");
    check_choice("-DVECTORS=1", true, false, 1, "ternary_vectors_1");
    check_choice("-DVECTORS=4 -DTILE=2", true, false, 8, "quantize_act+ternary_vectors_4_t2");
}

// Groups of vectors have one kernel for a row, which needs no measuring.
static void no_choice(void **state) {
    (void)state;
    char name[64];
    fake_kept = 0;
    assert_int_equal(choose(NULL, true, true, 1, name), 0);
    assert_string_equal(name, "ternary_vectors_grouped_1");
}

// The driver gives work-groups of a kernel fewer work-items than those of the device.
static void kernels_too_large_for_their_groups(void **state) {
    (void)state;
    scene s;
    char name[64];
    fake_kept = 0;
    fake_reset(0, CL_SUCCESS);
    fake.kernels = "measured";
    fake.crowded = true;
    fake.fast = "-DSLICES=16u";
    assert_int_equal(open_scene(&s, false, false), TERN_STATUS_OK);
    assert_int_equal(compile(&s, 1), TERN_STATUS_OK);
    tern_cl_program_kernel(s.device, s.program, 0, name, sizeof name);
    assert_true(strcmp(name, "ternary_packed_64x1") == 0 ||
                strcmp(name, "ternary_packed_16x4") == 0);
    close_scene(&s);
}

// A device with small work-groups is never asked for large ones.
static void small_work_groups(void **state) {
    (void)state;
    scene s;
    tern_cl_ternary_kernel kernels[TERN_CL_TERNARY_KERNELS];
    fake_reset(0, CL_SUCCESS);
    assert_int_equal(open_scene(&s, false, false), TERN_STATUS_OK);
    ((tern_cl_candidate *)(uintptr_t)s.device->candidate)->group_items = 64;
    for (uint32_t rows = 1; rows <= MOST_ROWS; rows *= 2) {
        uint32_t count = tern_cl_kernels_find(s.device, rows, false, kernels);
        assert_true(count > 0);
        kernels[count] = tern_cl_kernel_pick(s.device, rows, false);
        for (uint32_t i = 0; i <= count; i++) {
            assert_int_equal(tern_cl_kernel_items(&kernels[i]), 64);
        }
    }
    close_scene(&s);
}

// Every call and every allocation of a measured choice fails once: nothing is left behind.
static void choosing_fails_once(void **state) {
    static const cl_int codes[] = {CL_OUT_OF_HOST_MEMORY, CL_OUT_OF_RESOURCES};
    (void)state;
    for (size_t c = 0; c < sizeof codes / sizeof codes[0]; c++) {
        int failing = 0;
        do {
            scene s = {NULL};
            fake_kept = 0;
            fake_reset(++failing, codes[c]);
            fake.kernels = "measured";
            tern_status status = open_scene(&s, true, false);
            if (status == TERN_STATUS_OK) {
                status = compile(&s, 1);
            }
            assert_true(status == TERN_STATUS_OK || fake.message[0] != 0);
            close_scene(&s);
        } while (fake.calls >= failing && failing < MOST_CALLS);
        assert_in_range(failing, 1000, MOST_CALLS - 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_option_and_kind), cmocka_unit_test(the_fastest),
        cmocka_unit_test(no_choice),          cmocka_unit_test(kernels_too_large_for_their_groups),
        cmocka_unit_test(small_work_groups),  cmocka_unit_test(choosing_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
