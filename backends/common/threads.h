// Threads, locks and signals in the little that backends need of them, alike on POSIX and Windows.
#ifndef TERN_BACKENDS_COMMON_THREADS_H_
#define TERN_BACKENDS_COMMON_THREADS_H_

#include <stdbool.h>

#ifdef _WIN32
typedef struct tern_lock {
    void *srwlock;
} tern_lock;
typedef struct tern_signal {
    void *condition;
} tern_signal;
typedef void *tern_thread_handle;
#else
#include <pthread.h>
typedef struct tern_lock {
    pthread_mutex_t handle;
} tern_lock;
typedef struct tern_signal {
    pthread_cond_t handle;
} tern_signal;
typedef pthread_t tern_thread_handle;
#endif

typedef struct tern_thread {
    tern_thread_handle handle;
    void (*fn)(void *user);
    void *user;
} tern_thread;

// Runs |fn| on a new thread; |thread| stays where it is until joined. False if the system has none
// to give.
bool tern_thread_start(tern_thread *thread, void (*fn)(void *user), void *user);
void tern_thread_join(tern_thread *thread);
// Lets another thread have the processor.
void tern_thread_yield(void);

bool tern_lock_init(tern_lock *lock);
void tern_lock_finish(tern_lock *lock);
void tern_lock_enter(tern_lock *lock);
void tern_lock_leave(tern_lock *lock);

bool tern_signal_init(tern_signal *signal);
void tern_signal_finish(tern_signal *signal);
// Leaves |lock|, sleeps until woken (or for no reason), enters it again.
void tern_signal_wait(tern_signal *signal, tern_lock *lock);
void tern_signal_wake_all(tern_signal *signal);

#endif
