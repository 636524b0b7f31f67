#include "runtime/platform/platform.h"

#include <unistd.h>

bool tern__mutex_init(tern__mutex *mutex) {
    return pthread_mutex_init(&mutex->handle, NULL) == 0;
}

void tern__mutex_finish(tern__mutex *mutex) {
    pthread_mutex_destroy(&mutex->handle);
}

void tern__mutex_lock(tern__mutex *mutex) {
    pthread_mutex_lock(&mutex->handle);
}

void tern__mutex_unlock(tern__mutex *mutex) {
    pthread_mutex_unlock(&mutex->handle);
}

int32_t tern__atomic_load(const int32_t *value) {
    return __atomic_load_n(value, __ATOMIC_RELAXED);
}

void tern__atomic_store(int32_t *value, int32_t to) {
    __atomic_store_n(value, to, __ATOMIC_RELAXED);
}

uint32_t tern__cpu_count(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (uint32_t)count : 1;
}
