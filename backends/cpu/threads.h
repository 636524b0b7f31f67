// Runs tasks on all threads of a device: its own workers, or the application's pool.
#ifndef TERN_BACKENDS_CPU_THREADS_H_
#define TERN_BACKENDS_CPU_THREADS_H_

#include <tern/backend.h>

struct tern_cpu_pool;

typedef void tern_cpu_task_fn(void *user, uint32_t task);

// Starts host->thread_count() - 1 workers, fewer if the system has no more; none if the host has a
// pool.
tern_status tern_cpu_pool_create(const tern_host *host, struct tern_cpu_pool **out_pool);
void tern_cpu_pool_destroy(struct tern_cpu_pool *pool); // accepts NULL

// Threads that take part, the caller included.
uint32_t tern_cpu_pool_width(const struct tern_cpu_pool *pool);

enum { TERN_CPU_POOL_MAX_TASKS = 0x7fff };

// Calls fn(user, task) for task 0 to |tasks| - 1, in any order, on any thread; returns when all are
// done. Called by one thread at a time. Never waits for a worker that has no task of this call.
void tern_cpu_pool_run(struct tern_cpu_pool *pool, uint32_t tasks, tern_cpu_task_fn *fn,
                       void *user);

#endif
