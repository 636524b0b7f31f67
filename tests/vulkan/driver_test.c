// What depends on the driver: the pipelines that it keeps, whether it has timestamps, what it
// measures. usage: test_vulkan_driver SHIM, the library made of shim.c
#include <dirent.h>
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <tern/tern.h>

#include "tests/harness/device.h"
#include "tests/vulkan/shim.h"

static const char *shim_path;
static shim *state;
static char folder[] = "/tmp/tern-vulkan-XXXXXX";

static void open_through_shim(bench *b, const char *cache, const char *profile) {
    tern_context_desc desc = TERN_CONTEXT_DESC_INIT;
    tern_device_desc device = TERN_DEVICE_DESC_INIT;
    const char *validation = getenv("TERN_VULKAN_VALIDATION");
    *b = (bench){0};
    desc.flags = TERN_CONTEXT_IGNORE_ENV;
    desc.log = tern_log_stderr;
    CHECK_OK(tern_context_create(&desc, &b->context));
    CHECK_OK(tern_context_set_option(b->context, "TERN_VULKAN_LIBRARY", shim_path));
    CHECK_OK(tern_context_set_option(b->context, "TERN_VULKAN_VALIDATION",
                                     validation ? validation : ""));
    CHECK_OK(tern_context_set_option(b->context, "TERN_CACHE", cache));
    CHECK_OK(tern_context_set_option(b->context, "TERN_PROFILE", profile));
    device.backends = "vulkan";
    CHECK_OK(tern_device_open(b->context, &device, &b->device));
}

// Opens and closes a device; returns how much the driver was given of what was kept.
static size_t start_once(const char *cache) {
    bench b;
    state->given_size = 12345;
    open_through_shim(&b, cache, "0");
    bench_close(&b);
    return state->given_size;
}

// Calls |fn| with the path of every file of the cache folder; returns how many there are.
static int for_each_file(void (*fn)(const char *path)) {
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[512];
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            fn(path);
            count++;
        }
    }
    closedir(dir);
    return count;
}

static void damage(const char *path) {
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, -1, SEEK_END), 0);
    int last = fgetc(file);
    assert_int_equal(fseek(file, -1, SEEK_END), 0);
    fputc(last ^ 1, file);
    fclose(file);
}

static void delete (const char *path) {
    unlink(path);
}

static void pipelines_are_kept(void **unused) {
    (void)unused;
    memset(state->kept, 7, sizeof state->kept);
    assert_int_equal(start_once(folder), 0);
    assert_int_equal(start_once(folder), sizeof state->kept);
    assert_memory_equal(state->given, state->kept, sizeof state->kept);
    memset(state->kept, 8, sizeof state->kept); // the driver has made more since
    start_once(folder);
    assert_int_equal(start_once(folder), sizeof state->kept);
    assert_memory_equal(state->given, state->kept, sizeof state->kept);
    assert_int_equal(start_once("off"), 0);
}

static void damaged_pipelines_are_not_used(void **unused) {
    (void)unused;
    start_once(folder);
    assert_int_equal(for_each_file(damage), 1);
    assert_int_equal(start_once(folder), 0);
    assert_int_equal(start_once(folder), sizeof state->kept);
}

// A bitlinear of one row and of two; returns the clock that timed them.
static tern_clock time_ops(int no_timestamps, const char *profile) {
    bench b;
    unsigned char codes[64] = {0};
    tern_weights_info info = {.dtype = TERN_DTYPE_T2,
                              .rows = 4,
                              .cols = 64,
                              .scale_kind = TERN_SCALE_TENSOR,
                              .scale = 1.0f,
                              .usage = TERN_WEIGHTS_MATMUL};
    state->no_timestamps = no_timestamps;
    open_through_shim(&b, "off", profile);
    float x[128];
    for (int i = 0; i < 128; i++) {
        x[i] = 1.0f;
    }
    tern_weights *weights = bench_weights(&b, &info, codes, NULL);
    for (uint32_t rows = 1; rows <= 2; rows++) {
        tern_tensor in = bench_matrix(&b, rows, 64, x), out = bench_matrix(&b, rows, 4, NULL);
        BENCH_RUN(&b, bitlinear, .x = in, .weights = weights, .out = out);
        assert_float_equal(((float *)bench_read(&b, &out))[4 * rows - 1], -64.0f, 0.001f);
    }
    tern_clock clock = TERN_CLOCK_NONE;
    uint64_t ns = 0;
    tern_profile_row row = {.struct_size = sizeof row};
    uint32_t count = 0;
    while (tern_device_profile(b.device, count, &row) == TERN_STATUS_OK) {
        clock = row.clock;
        ns += row.ns;
        assert_int_equal(row.runs, 1);
        count++;
    }
    assert_int_equal(count, clock == TERN_CLOCK_NONE ? 0 : 2);
    assert_true(clock == TERN_CLOCK_NONE || (ns > 0 && ns < 100000000000u));
    bench_close(&b);
    return clock;
}

static void ops_are_timed(void **unused) {
    (void)unused;
    assert_int_equal(time_ops(0, "1"), TERN_CLOCK_DEVICE);
    assert_int_equal(time_ops(1, "1"), TERN_CLOCK_HOST);
    assert_int_equal(time_ops(0, "0"), TERN_CLOCK_NONE);
}

static void the_device_is_measured(void **unused) {
    (void)unused;
    bench b;
    open_through_shim(&b, "off", "0");
    for (tern_measure_kind kind = TERN_MEASURE_READ; kind <= TERN_MEASURE_F32; kind++) {
        tern_measurement m = {.struct_size = sizeof m};
        CHECK_OK(tern_device_measure(b.device, kind, &m));
        assert_true(m.rate > 1e6 && m.rate < 1e16);
        assert_true(m.how[0]);
        assert_int_equal(m.bytes > 0, kind == TERN_MEASURE_READ);
    }
    bench_close(&b);
}

static tern_counters counted(bench *b) {
    tern_counters counters = {.struct_size = sizeof counters};
    CHECK_OK(tern_device_counters(b->device, &counters));
    return counters;
}

// Two kernels that pick the id of one row of |count| logits.
static tern_program *make_pick(bench *b, uint32_t count, tern_tensor *out_picked) {
    tern_commands *list = NULL;
    tern_program *program = NULL;
    float *values = bench_floats(b, count);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = (float)(i * 7919 % count);
    }
    tern_tensor x = bench_matrix(b, 1, count, values), y = bench_matrix(b, 1, count, NULL);
    *out_picked = bench_ints(b, 1, NULL);
    CHECK_OK(tern_commands_create(b->device, NULL, &list));
    CHECK_OK(tern_cmd_scale(list, &(tern_scale_desc){.x = x, .factor = 2.0f, .out = y}));
    CHECK_OK(tern_cmd_argmax(list, &(tern_argmax_desc){.x = y, .out = *out_picked}));
    CHECK_OK(tern_commands_finish(list, &program));
    tern_commands_destroy(list);
    return program;
}

// What is large lies in the GPU's own memory; a token is one submit all the same, its id being read
// from where the host sees it.
static void a_gpu_with_memory_of_its_own(void **unused) {
    (void)unused;
    enum { COUNT = 5000 };
    bench b;
    tern_tensor picked;
    tern_fence fence;
    int32_t id = -1;
    state->discrete = 1;
    open_through_shim(&b, "off", "0");
    tern_program *program = make_pick(&b, COUNT, &picked);
    tern_counters before = counted(&b);
    CHECK_OK(tern_program_submit(program, NULL, &fence));
    CHECK_OK(tern_buffer_download(picked.buffer, 0, &id, sizeof id));
    tern_counters after = counted(&b);
    assert_int_equal(id * 7919 % COUNT, COUNT - 1);
    assert_int_equal(after.submits - before.submits, 1);
    assert_int_equal(after.dispatches - before.dispatches, 2);
    assert_true(after.driver_ns > before.driver_ns);
    for (int i = 0; i < 3; i++) {
        assert_true(state->allocated[i] > 0);
    }
    tern_program_destroy(program);
    bench_close(&b);
    state->discrete = 0;
}

static int clean_up(void **unused) {
    (void)unused;
    for_each_file(delete);
    return rmdir(folder);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipelines_are_kept),
        cmocka_unit_test(damaged_pipelines_are_not_used),
        cmocka_unit_test(ops_are_timed),
        cmocka_unit_test(the_device_is_measured),
        cmocka_unit_test(a_gpu_with_memory_of_its_own),
    };
    bench b;
    bench_open(&b, "vulkan"); // or skips
    bench_close(&b);
    shim_path = argc > 1 ? argv[1] : "";
    void *library = dlopen(shim_path, RTLD_NOW);
    state = library ? dlsym(library, "shim_state") : NULL;
    if (!state || !mkdtemp(folder)) {
        fprintf(stderr, "%s\n", library ? folder : dlerror());
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
