#include "runtime/platform/platform.h"

#include "runtime/platform/win32/wide.h"

uint64_t tern__clock_ns(void) {
    LARGE_INTEGER now;
    LARGE_INTEGER frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    uint64_t per_second = (uint64_t)frequency.QuadPart;
    uint64_t seconds = (uint64_t)now.QuadPart / per_second;
    uint64_t rest = (uint64_t)now.QuadPart % per_second;
    return seconds * 1000000000u + rest * 1000000000u / per_second;
}
