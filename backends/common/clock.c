#include "backends/common/clock.h"

#ifdef _WIN32
#include <windows.h>

uint64_t tern_clock_ns(void) {
    return GetTickCount64() * 1000000u;
}

void tern_clock_rest(void) {
    Sleep(1);
}

#else
#include <time.h>

uint64_t tern_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void tern_clock_rest(void) {
    struct timespec rest = {0, 50000};
    nanosleep(&rest, NULL);
}

#endif
