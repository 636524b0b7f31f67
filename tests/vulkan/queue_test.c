// Many submits in flight, each with its own parameters, waited for from several threads in any
// order; and what is said when device memory does not suffice.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include <tern/tern.h>

#include "tests/harness/device.h"

enum { SUBMITS = 64, THREADS = 4 };

static bench the_bench;

static int set_up(void **state) {
    bench_open(&the_bench, "vulkan");
    *state = &the_bench;
    return 0;
}

static int clear(void **state) {
    bench_clear(*state);
    return 0;
}

static int tear_down(void **state) {
    bench_close(*state);
    return 0;
}

typedef struct waiter {
    pthread_t thread;
    tern_fence fences[SUBMITS];
    tern_status status;
    int first;
} waiter;

static void *wait_for_all(void *user) {
    waiter *w = user;
    for (int i = 0; i < SUBMITS && w->status == TERN_STATUS_OK; i++) {
        w->status = tern_fence_wait(w->fences[(w->first + 37 * i) % SUBMITS], UINT64_MAX);
    }
    return NULL;
}

// Each run copies row params[0] of x, as float, to where the next run finds the sum so far.
static tern_program *make_sums(bench *b, tern_tensor *sum) {
    float values[SUBMITS];
    for (int i = 0; i < SUBMITS; i++) {
        values[i] = (float)(i * i + 1);
    }
    tern_tensor params = bench_ints(b, 1, NULL);
    tern_tensor x = bench_matrix(b, SUBMITS, 1, values);
    tern_tensor picked = bench_matrix(b, 1, 1, NULL);
    *sum = bench_matrix(b, 1, 1, NULL);
    tern_commands_desc desc = {.struct_size = sizeof desc, .params = params};
    tern_copy_desc copy = {.x = x, .rows = params, .out = picked};
    tern_add_desc add = {.a = *sum, .b = picked, .out = *sum};
    tern_commands *commands = NULL;
    tern_program *program = NULL;
    CHECK_OK(tern_commands_create(b->device, &desc, &commands));
    CHECK_OK(tern_cmd_copy(commands, &copy));
    CHECK_OK(tern_cmd_add(commands, &add));
    CHECK_OK(tern_commands_finish(commands, &program));
    tern_commands_destroy(commands);
    return program;
}

static void runs_in_order_whoever_waits(void **state) {
    bench *b = *state;
    tern_tensor sum;
    tern_program *program = make_sums(b, &sum);
    waiter waiters[THREADS] = {0};
    waiter early = {0};
    float want = 0.0f;
    for (int i = 0; i < SUBMITS; i++) {
        int32_t word = i;
        tern_submit_desc desc = {.struct_size = sizeof desc, .params_words = 1, .params = &word};
        tern_fence fence;
        CHECK_OK(tern_program_submit(program, &desc, &fence));
        for (int t = 0; t < THREADS; t++) {
            waiters[t].fences[i] = fence;
        }
        want += (float)(i * i + 1);
        if (i == 2) { // one thread waits for the first three, again and again, during the others
            for (int k = 0; k < SUBMITS; k++) {
                early.fences[k] = waiters[0].fences[k % 3];
            }
            assert_int_equal(pthread_create(&early.thread, NULL, wait_for_all, &early), 0);
        }
    }
    for (int t = 0; t < THREADS; t++) {
        waiters[t].first = 11 * t;
        assert_int_equal(pthread_create(&waiters[t].thread, NULL, wait_for_all, &waiters[t]), 0);
    }
    pthread_join(early.thread, NULL);
    assert_int_equal(early.status, TERN_STATUS_OK);
    for (int t = 0; t < THREADS; t++) {
        pthread_join(waiters[t].thread, NULL);
        assert_int_equal(waiters[t].status, TERN_STATUS_OK);
    }
    assert_float_equal(*(float *)bench_read(b, &sum), want, 0.0f);
    tern_program_destroy(program);
}

// Bytes of address space in use.
static rlim_t space_used(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu", &pages) != 1) {
        pages = 0;
    }
    if (file) {
        fclose(file);
    }
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

// A driver that runs on the processor is out of memory when the process is.
static void says_what_memory_it_asked_for(void **state) {
    enum { SIZE = 64 << 20, MOST = 16 };
    bench *b = *state;
    tern_buffer *buffers[MOST];
    int count = 0;
    tern_device_info info = {.struct_size = sizeof info};
    struct rlimit old, tight;
    CHECK_OK(tern_device_describe(b->device, &info));
    rlim_t used = space_used();
    if (info.type != TERN_DEVICE_SOFTWARE || !used || getrlimit(RLIMIT_AS, &old) != 0) {
        print_message("skipped: the memory of %s cannot be limited\n", info.name);
        skip();
    }
    tight = (struct rlimit){used + 4 * (rlim_t)SIZE, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    tern_status status = TERN_STATUS_OK;
    while (count < MOST && status == TERN_STATUS_OK) {
        status = tern_buffer_create(b->device, SIZE, &buffers[count]);
        count += status == TERN_STATUS_OK;
    }
    setrlimit(RLIMIT_AS, &old);
    while (count) {
        tern_buffer_destroy(buffers[--count]);
    }
    const char *start = "out of device memory: asked for 67108864 bytes";
    assert_int_equal(status, TERN_STATUS_OUT_OF_MEMORY);
    if (strncmp(tern_last_error_message(), start, strlen(start)) != 0) {
        fail_msg("'%s' does not begin with '%s'", tern_last_error_message(), start);
    }
    CHECK_OK(tern_buffer_create(b->device, SIZE, &buffers[0])); // the device still works
    tern_buffer_destroy(buffers[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(runs_in_order_whoever_waits, clear),
        cmocka_unit_test_teardown(says_what_memory_it_asked_for, clear),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
