#include "backends/cpu/ops/ops.h"

// Handing a task to a waiting thread costs some 0.3 us there and back, so a task should be worth
// more; a few per thread even out what threads lose to other programs.
enum { TASK_NS = 4000, TASKS_PER_THREAD = 4 };

struct split {
    tern_cpu_part_fn *fn;
    const void *user;
    uint32_t count;
    uint32_t tasks;
};

uint32_t tern_cpu_max_tasks(const struct tern_cpu_pool *pool) {
    uint32_t tasks = tern_cpu_pool_width(pool) * TASKS_PER_THREAD;
    return tasks < TERN_CPU_POOL_MAX_TASKS ? tasks : TERN_CPU_POOL_MAX_TASKS;
}

static uint32_t boundary(const struct split *split, uint32_t task) {
    return (uint32_t)((uint64_t)split->count * task / split->tasks);
}

static void run_part(void *user, uint32_t task) {
    const struct split *split = user;
    split->fn(split->user, boundary(split, task), boundary(split, task + 1), task);
}

void tern_cpu_split(const struct tern_cpu_run *run, struct tern_cpu_work work, tern_cpu_part_fn *fn,
                    const void *user) {
    uint64_t tasks = work.count * work.cost / TASK_NS;
    uint32_t most = tern_cpu_max_tasks(run->pool);
    tasks = tasks < most ? tasks : most;
    tasks = tasks < work.count ? tasks : work.count;
    if (tasks < 2 || tern_cpu_pool_width(run->pool) < 2) {
        fn(user, 0, work.count, 0);
        return;
    }
    struct split split = {fn, user, work.count, (uint32_t)tasks};
    tern_cpu_pool_run(run->pool, split.tasks, run_part, &split);
}
