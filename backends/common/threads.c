#include "backends/common/threads.h"

#ifdef _WIN32

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

static DWORD WINAPI enter_thread(void *user) {
    tern_thread *thread = user;
    thread->fn(thread->user);
    return 0;
}

bool tern_thread_start(tern_thread *thread, void (*fn)(void *user), void *user) {
    thread->fn = fn;
    thread->user = user;
    thread->handle = CreateThread(NULL, 0, enter_thread, thread, 0, NULL);
    return thread->handle != NULL;
}

void tern_thread_join(tern_thread *thread) {
    WaitForSingleObject(thread->handle, INFINITE);
    CloseHandle(thread->handle);
}

void tern_thread_yield(void) {
    SwitchToThread();
}

bool tern_lock_init(tern_lock *lock) {
    InitializeSRWLock((SRWLOCK *)lock);
    return true;
}

void tern_lock_finish(tern_lock *lock) {
    (void)lock;
}

void tern_lock_enter(tern_lock *lock) {
    AcquireSRWLockExclusive((SRWLOCK *)lock);
}

void tern_lock_leave(tern_lock *lock) {
    ReleaseSRWLockExclusive((SRWLOCK *)lock);
}

bool tern_signal_init(tern_signal *signal) {
    InitializeConditionVariable((CONDITION_VARIABLE *)signal);
    return true;
}

void tern_signal_finish(tern_signal *signal) {
    (void)signal;
}

void tern_signal_wait(tern_signal *signal, tern_lock *lock) {
    SleepConditionVariableSRW((CONDITION_VARIABLE *)signal, (SRWLOCK *)lock, INFINITE, 0);
}

void tern_signal_wake_all(tern_signal *signal) {
    WakeAllConditionVariable((CONDITION_VARIABLE *)signal);
}

#else

#include <sched.h>
#include <signal.h>
#include <stddef.h>

static void *enter_thread(void *user) {
    tern_thread *thread = user;
    thread->fn(thread->user);
    return NULL;
}

// Signals stay with the application's own threads: a new thread starts with them blocked, but for
// those that say the thread itself has failed. Blocked, they would end the process without the
// application's crash handler, or a sanitizer, hearing of it.
static sigset_t foreign_signals(void) {
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t set;
    sigfillset(&set);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        sigdelset(&set, own[i]);
    }
    return set;
}

bool tern_thread_start(tern_thread *thread, void (*fn)(void *user), void *user) {
    thread->fn = fn;
    thread->user = user;
    sigset_t blocked = foreign_signals(), before;
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int failed = pthread_create(&thread->handle, NULL, enter_thread, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !failed;
}

void tern_thread_join(tern_thread *thread) {
    pthread_join(thread->handle, NULL);
}

void tern_thread_yield(void) {
    sched_yield();
}

bool tern_lock_init(tern_lock *lock) {
    return pthread_mutex_init(&lock->handle, NULL) == 0;
}

void tern_lock_finish(tern_lock *lock) {
    pthread_mutex_destroy(&lock->handle);
}

void tern_lock_enter(tern_lock *lock) {
    pthread_mutex_lock(&lock->handle);
}

void tern_lock_leave(tern_lock *lock) {
    pthread_mutex_unlock(&lock->handle);
}

bool tern_signal_init(tern_signal *signal) {
    return pthread_cond_init(&signal->handle, NULL) == 0;
}

void tern_signal_finish(tern_signal *signal) {
    pthread_cond_destroy(&signal->handle);
}

void tern_signal_wait(tern_signal *signal, tern_lock *lock) {
    pthread_cond_wait(&signal->handle, &lock->handle);
}

void tern_signal_wake_all(tern_signal *signal) {
    pthread_cond_broadcast(&signal->handle);
}

#endif
