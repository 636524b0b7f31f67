#include "backends/cpu/threads.h"

#include <stdatomic.h>
#include <string.h>

#include "backends/common/report.h"
#include "backends/common/threads.h"
#include "backends/cpu/fpcontrol.h"

#if defined(TERN_CPU_X86)
#define RELAX() _mm_pause()
#elif defined(__aarch64__)
#define RELAX() __asm__ volatile("yield")
#else
#define RELAX() ((void)0)
#endif

// How often a worker looks for work before it sleeps: some 50 us, longer than the gaps between the
// ops of a program and between the programs of a decode loop, too short to warm a laptop.
enum { WORKER_SPINS = 1500, CALLER_SPINS = 2000 };

// |claim| holds all that decides who does what, so that one compare-and-swap takes a task and a
// late worker cannot mistake one job for the next:
//
//     bits 63..32 number of the job    31..16 its tasks    15..0 the next task to take
//
// |fn| and |user| belong to the job in |claim|; they change only when all its tasks are done, so
// whoever has taken a task may read them.
struct tern_cpu_pool {
    const tern_host *host;
    uint32_t width;
    uint32_t workers;
    tern_cpu_task_fn *fn;
    void *user;
    _Alignas(64) _Atomic uint64_t claim;
    _Alignas(64) _Atomic uint32_t done;
    _Alignas(64) _Atomic uint32_t sleepers;
    _Atomic uint32_t stop;
    tern_lock lock;
    tern_signal signal;
    tern_thread threads[];
};

static uint32_t claim_tasks(uint64_t claim) {
    return (uint32_t)(claim >> 16) & 0xffffu;
}

static uint32_t claim_next(uint64_t claim) {
    return (uint32_t)claim & 0xffffu;
}

static bool claim_open(uint64_t claim) {
    return claim_next(claim) < claim_tasks(claim);
}

static void take_tasks(struct tern_cpu_pool *pool) {
    uint64_t claim = atomic_load_explicit(&pool->claim, memory_order_acquire);
    while (claim_open(claim)) {
        if (atomic_compare_exchange_weak_explicit(&pool->claim, &claim, claim + 1,
                                                  memory_order_acq_rel, memory_order_acquire)) {
            pool->fn(pool->user, claim_next(claim));
            atomic_fetch_add_explicit(&pool->done, 1, memory_order_release);
            claim = atomic_load_explicit(&pool->claim, memory_order_acquire);
        }
    }
}

static bool is_wanted(struct tern_cpu_pool *pool) {
    return claim_open(atomic_load(&pool->claim)) || atomic_load(&pool->stop);
}

// The count of sleepers rises before the last look at the claim; the caller publishes a claim
// before it looks at the count. So one of the two sees the other.
static void sleep_until_wanted(struct tern_cpu_pool *pool) {
    tern_lock_enter(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!is_wanted(pool)) {
        tern_signal_wait(&pool->signal, &pool->lock);
    }
    atomic_fetch_sub(&pool->sleepers, 1);
    tern_lock_leave(&pool->lock);
}

static void worker_main(void *user) {
    struct tern_cpu_pool *pool = user;
    tern_cpu_fpcontrol before = tern_cpu_fpcontrol_enter();
    while (!atomic_load(&pool->stop)) {
        for (int i = 0; i < WORKER_SPINS && !is_wanted(pool); i++) {
            RELAX();
        }
        if (!is_wanted(pool)) {
            sleep_until_wanted(pool);
        }
        take_tasks(pool);
    }
    tern_cpu_fpcontrol_leave(before);
}

static void start_workers(struct tern_cpu_pool *pool) {
    while (pool->workers + 1 < pool->width) {
        if (!tern_thread_start(&pool->threads[pool->workers], worker_main, pool)) {
            tern_report_log(pool->host, TERN_LOG_WARNING,
                            "cpu: %u threads wanted, the system gave %u", pool->width,
                            pool->workers + 1);
            pool->width = pool->workers + 1;
            return;
        }
        pool->workers++;
    }
}

tern_status tern_cpu_pool_create(const tern_host *host, struct tern_cpu_pool **out_pool) {
    uint32_t width = host->thread_count(host);
    width = width < 1 ? 1 : width > 1024 ? 1024 : width;
    size_t size = sizeof(struct tern_cpu_pool) + width * sizeof(tern_thread);
    struct tern_cpu_pool *pool = tern_report_calloc(host, 1, size);
    if (!pool) {
        return tern_report_fail(host, TERN_STATUS_OUT_OF_MEMORY,
                                "cpu: out of memory: %zu bytes for %u threads", size, width);
    }
    pool->host = host;
    pool->width = width;
    if (!tern_lock_init(&pool->lock)) {
        host->release(host, pool);
        return tern_report_fail(host, TERN_STATUS_UNAVAILABLE, "cpu: the system gave no lock");
    }
    if (!tern_signal_init(&pool->signal)) {
        tern_lock_finish(&pool->lock);
        host->release(host, pool);
        return tern_report_fail(host, TERN_STATUS_UNAVAILABLE, "cpu: the system gave no signal");
    }
    if (!host->parallel_for) {
        start_workers(pool);
    }
    *out_pool = pool;
    return TERN_STATUS_OK;
}

void tern_cpu_pool_destroy(struct tern_cpu_pool *pool) {
    if (!pool) {
        return;
    }
    tern_lock_enter(&pool->lock);
    atomic_store(&pool->stop, 1);
    tern_signal_wake_all(&pool->signal);
    tern_lock_leave(&pool->lock);
    for (uint32_t i = 0; i < pool->workers; i++) {
        tern_thread_join(&pool->threads[i]);
    }
    tern_signal_finish(&pool->signal);
    tern_lock_finish(&pool->lock);
    pool->host->release(pool->host, pool);
}

uint32_t tern_cpu_pool_width(const struct tern_cpu_pool *pool) {
    return pool->width;
}

// The application's threads have their own floating-point control.
static void host_task(void *user, uint32_t task) {
    struct tern_cpu_pool *pool = user;
    tern_cpu_fpcontrol before = tern_cpu_fpcontrol_enter();
    pool->fn(pool->user, task);
    tern_cpu_fpcontrol_leave(before);
}

static void run_on_workers(struct tern_cpu_pool *pool, uint32_t tasks) {
    uint64_t job = (atomic_load_explicit(&pool->claim, memory_order_relaxed) >> 32) + 1;
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    atomic_store(&pool->claim, job << 32 | (uint64_t)tasks << 16);
    if (atomic_load(&pool->sleepers)) {
        tern_lock_enter(&pool->lock);
        tern_signal_wake_all(&pool->signal);
        tern_lock_leave(&pool->lock);
    }
    take_tasks(pool);
    for (int i = 0; atomic_load_explicit(&pool->done, memory_order_acquire) != tasks; i++) {
        if (i < CALLER_SPINS) {
            RELAX();
        } else {
            tern_thread_yield();
        }
    }
}

void tern_cpu_pool_run(struct tern_cpu_pool *pool, uint32_t tasks, tern_cpu_task_fn *fn,
                       void *user) {
    pool->fn = fn;
    pool->user = user;
    if (tasks > 1 && pool->host->parallel_for) {
        pool->host->parallel_for(pool->host, tasks, host_task, pool);
    } else if (tasks > 1 && pool->workers) {
        run_on_workers(pool, tasks);
    } else {
        for (uint32_t i = 0; i < tasks; i++) {
            fn(user, i);
        }
    }
}
