#include "runtime/platform/platform.h"

#include "runtime/platform/win32/wide.h"

_Static_assert(sizeof(SRWLOCK) == sizeof(tern__mutex), "a mutex is a slim lock");

static SRWLOCK *lock_of(tern__mutex *mutex) {
    return (SRWLOCK *)&mutex->srwlock;
}

bool tern__mutex_init(tern__mutex *mutex) {
    InitializeSRWLock(lock_of(mutex));
    return true;
}

void tern__mutex_finish(tern__mutex *mutex) {
    (void)mutex; // a slim lock holds nothing
}

void tern__mutex_lock(tern__mutex *mutex) {
    AcquireSRWLockExclusive(lock_of(mutex));
}

void tern__mutex_unlock(tern__mutex *mutex) {
    ReleaseSRWLockExclusive(lock_of(mutex));
}

// Aligned 32-bit accesses are atomic; volatile keeps the compiler from merging them.
int32_t tern__atomic_load(const int32_t *value) {
    return *(const volatile int32_t *)value;
}

void tern__atomic_store(int32_t *value, int32_t to) {
    *(volatile int32_t *)value = to;
}

uint32_t tern__cpu_count(void) {
    DWORD count = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return count > 0 ? (uint32_t)count : 1;
}
