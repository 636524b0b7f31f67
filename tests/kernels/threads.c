// The cpu backend's pool: every task once, whoever runs it, and with the right float control.
#include "tests/harness/check.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "backends/cpu/fpcontrol.h"
#include "backends/cpu/threads.h"

enum { MOST_TASKS = 500 };

static uint32_t thread_count;
static uint32_t host_loops;

static void *allocate(const tern_host *host, size_t size, size_t alignment) {
    (void)host;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void release(const tern_host *host, void *pointer) {
    (void)host;
    free(pointer);
}

static void log_nothing(const tern_host *host, tern_log_level level, const char *message) {
    (void)host;
    (void)level;
    (void)message;
}

static uint32_t threads(const tern_host *host) {
    (void)host;
    return thread_count;
}

// An application's pool, of one thread.
static void loop(const tern_host *host, uint32_t tasks, void (*fn)(void *user, uint32_t task),
                 void *user) {
    (void)host;
    host_loops++;
    for (uint32_t i = tasks; i-- > 0;) {
        fn(user, i);
    }
}

static tern_host make_host(uint32_t count) {
    thread_count = count;
    return (tern_host){.struct_size = sizeof(tern_host),
                       .abi = TERN_ABI_VERSION,
                       .allocate = allocate,
                       .release = release,
                       .log = log_nothing,
                       .thread_count = threads};
}

static void count_task(void *user, uint32_t task) {
    atomic_fetch_add((atomic_uint *)user + task, 1);
}

static void run_once(struct tern_cpu_pool *pool, uint32_t tasks) {
    atomic_uint counts[MOST_TASKS] = {0};
    tern_cpu_pool_run(pool, tasks, count_task, counts);
    for (uint32_t i = 0; i < MOST_TASKS; i++) {
        assert_int_equal(atomic_load(&counts[i]), i < tasks);
    }
}

static void every_task_runs_once(void **state) {
    (void)state;
    for (uint32_t width = 1; width <= 5; width += 2) {
        tern_host host = make_host(width);
        struct tern_cpu_pool *pool;
        assert_int_equal(tern_cpu_pool_create(&host, &pool), TERN_STATUS_OK);
        assert_int_equal(tern_cpu_pool_width(pool), width);
        for (uint32_t round = 0; round < 2000; round++) {
            run_once(pool, round % 23);
        }
        run_once(pool, MOST_TASKS);
        tern_cpu_pool_destroy(pool);
    }
}

// Tasks that wait for each other finish only if a worker that slept was woken.
static void meet(void *user, uint32_t task) {
    (void)task;
    atomic_uint *arrived = user;
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < 2) {
    }
}

static void sleeping_workers_are_woken(void **state) {
    (void)state;
    tern_host host = make_host(2);
    struct tern_cpu_pool *pool;
    assert_int_equal(tern_cpu_pool_create(&host, &pool), TERN_STATUS_OK);
    for (int round = 0; round < 20; round++) {
        atomic_uint arrived = 0;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        tern_cpu_pool_run(pool, 2, meet, &arrived);
        assert_int_equal(atomic_load(&arrived), 2);
    }
    tern_cpu_pool_destroy(pool);
}

static void host_pool_is_used(void **state) {
    (void)state;
    tern_host host = make_host(4);
    host.parallel_for = loop;
    struct tern_cpu_pool *pool;
    assert_int_equal(tern_cpu_pool_create(&host, &pool), TERN_STATUS_OK);
    host_loops = 0;
    run_once(pool, 17);
    assert_int_equal(host_loops, 1);
    tern_cpu_pool_destroy(pool);
}

#if defined(TERN_CPU_X86) || defined(TERN_CPU_ARM)

#ifdef TERN_CPU_X86
enum { FLUSH_TO_ZERO = 0x8040 };
#else
enum { FLUSH_TO_ZERO = 1 << 24 };
#endif

static void make_subnormal(void *user, uint32_t task) {
    volatile float small = 0x1p-100f;
    volatile float smaller = 0x1p-40f;
    ((float *)user)[task] = small * smaller;
}

static void expect_subnormals(const tern_host *host) {
    struct tern_cpu_pool *pool;
    float made[64] = {0};
    assert_int_equal(tern_cpu_pool_create(host, &pool), TERN_STATUS_OK);
    tern_cpu_pool_run(pool, 64, make_subnormal, made);
    tern_cpu_pool_destroy(pool);
    for (int i = 0; i < 64; i++) {
        assert_true(made[i] == 0x1p-140f);
    }
}

// An application's threads come with a float control of their own, and keep it.
static void float_control_is_set(void **state) {
    (void)state;
    tern_host host = make_host(3);
    tern_cpu_fpcontrol before = tern_cpu_fpcontrol_enter();
    expect_subnormals(&host);
    tern_cpu_fpcontrol_leave(before | FLUSH_TO_ZERO);
    host.parallel_for = loop;
    expect_subnormals(&host);
    assert_int_equal(tern_cpu_fpcontrol_enter(), before | FLUSH_TO_ZERO);
    tern_cpu_fpcontrol_leave(before);
}

#else

static void float_control_is_set(void **state) {
    (void)state;
    print_message("skipped: no float control is known of this processor\n");
    skip();
}

#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(sleeping_workers_are_woken),
        cmocka_unit_test(host_pool_is_used),
        cmocka_unit_test(float_control_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
