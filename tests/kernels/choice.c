// Four or five weights a byte: whichever kernel is faster, found out once.
#include "tests/harness/check.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "backends/common/clock.h"
#include "backends/cpu/choice.h"
#include "backends/cpu/device.h"

enum { COLS = 4096, SLOW_NS = 1000 };

static uint32_t blocks; // that the host still gives
static uint32_t live;
static uint32_t calls;

static void *allocate(const tern_host *host, size_t size, size_t alignment) {
    (void)host;
    if (!blocks) {
        return NULL;
    }
    blocks--;
    live++;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void release(const tern_host *host, void *pointer) {
    (void)host;
    live -= pointer != NULL;
    free(pointer);
}

static void log_nothing(const tern_host *host, tern_log_level level, const char *message) {
    (void)host;
    (void)level;
    (void)message;
}

static tern_status say_nothing(const tern_host *host, tern_status status, const char *message) {
    (void)host;
    (void)message;
    return status;
}

static uint32_t one_thread(const tern_host *host) {
    (void)host;
    return 1;
}

static void quick(const struct tern_cpu_gemv_t2 *job, int32_t *sums) {
    sums[0] = job->tile[0];
    calls++;
}

static void slow(const struct tern_cpu_gemv_t2 *job, int32_t *sums) {
    uint64_t start = tern_clock_ns();
    while (tern_clock_ns() - start < SLOW_NS) {
    }
    quick(job, sums);
}

// Keeps nothing, as hosts of before there was a cache.
static const tern_host host = {.struct_size = offsetof(tern_host, cache_read),
                               .abi = TERN_ABI_VERSION,
                               .allocate = allocate,
                               .release = release,

                               .log = log_nothing,
                               .fail = say_nothing,
                               .thread_count = one_thread};

static tern_backend_device *open_device(tern_cpu_gemv_t2_fn *fours, tern_cpu_gemv_t2_fn *fives) {
    static tern_backend_device device;
    blocks = 100;
    calls = live = 0;
    device = (tern_backend_device){.host = &host};
    tern_cpu_kernels_init(&device.kernels, 0);
    device.kernels.gemv_t2.fn = fours;
    device.kernels.gemv_t5.fn = fives;
    assert_int_equal(tern_cpu_pool_create(&host, &device.pool), TERN_STATUS_OK);
    return &device;
}

static void close_device(tern_backend_device *device) {
    tern_cpu_pool_destroy(device->pool);
    assert_int_equal(live, 0);
}

static void the_faster_is_chosen_once(void **state) {
    (void)state;
    for (int fives = 0; fives < 2; fives++) {
        tern_backend_device *device = open_device(fives ? slow : quick, fives ? quick : slow);
        assert_int_equal(tern_cpu_choose_fives(device, COLS), fives);
        uint32_t measured = calls;
        assert_true(measured > 0);
        assert_int_equal(tern_cpu_choose_fives(device, COLS), fives);
        assert_int_equal(calls, measured);
        close_device(device);
    }
}

static void other_columns_are_measured_again(void **state) {
    (void)state;
    tern_backend_device *device = open_device(quick, quick);
    tern_cpu_choose_fives(device, COLS);
    uint32_t measured = calls;
    tern_cpu_choose_fives(device, 2 * COLS);
    assert_true(calls > measured);
    close_device(device);
}

static void without_memory_there_are_four(void **state) {
    (void)state;
    tern_backend_device *device = open_device(slow, quick);
    blocks = 0;
    assert_false(tern_cpu_choose_fives(device, COLS));
    assert_int_equal(calls, 0);
    close_device(device);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_faster_is_chosen_once),
        cmocka_unit_test(other_columns_are_measured_again),
        cmocka_unit_test(without_memory_there_are_four),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
