#include "backends/common/clock.h"

#ifdef _WIN32

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

uint64_t tern_clock_ns(void) {
    LARGE_INTEGER now;
    LARGE_INTEGER frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    uint64_t per_second = (uint64_t)frequency.QuadPart;
    uint64_t seconds = (uint64_t)now.QuadPart / per_second;
    uint64_t rest = (uint64_t)now.QuadPart % per_second;
    return seconds * 1000000000u + rest * 1000000000u / per_second;
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
