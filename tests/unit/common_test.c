// backends/common: the threads and clocks that backends have.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/common/clock.h"
#include "backends/common/threads.h"

static void read_mask(void *user) {
    pthread_sigmask(SIG_SETMASK, NULL, user);
}

// Signals for the process stay with the application's threads; a crash is reported where it is.
static void threads_leave_signals_alone(void **state) {
    (void)state;
    sigset_t before, inside, after;
    tern_thread thread;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_true(tern_thread_start(&thread, read_mask, &inside));
    tern_thread_join(&thread);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    static const int foreign[] = {SIGINT, SIGTERM, SIGALRM, SIGCHLD, SIGUSR1, SIGPIPE};
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        assert_int_equal(sigismember(&inside, foreign[i]), 1);
        assert_int_equal(sigismember(&after, foreign[i]), sigismember(&before, foreign[i]));
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        assert_int_equal(sigismember(&inside, own[i]), 0);
    }
}

static void the_clock_has_small_steps(void **state) {
    (void)state;
    uint64_t smallest = UINT64_MAX;
    for (int i = 0; i < 100; i++) { // the machine may be busy
        uint64_t start = tern_clock_ns();
        uint64_t next = start;
        while (next == start) {
            next = tern_clock_ns();
        }
        assert_true(next > start);
        smallest = next - start < smallest ? next - start : smallest;
    }
    assert_true(smallest <= 1000);
    uint64_t before = tern_clock_ns();
    tern_clock_rest();
    assert_true(tern_clock_ns() > before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_leave_signals_alone),
        cmocka_unit_test(the_clock_has_small_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
