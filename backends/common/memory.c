#include "backends/common/memory.h"

#ifdef _WIN32

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

uint64_t tern_memory_physical(void) {
    MEMORYSTATUSEX memory = {.dwLength = sizeof memory};
    return GlobalMemoryStatusEx(&memory) ? memory.ullTotalPhys : 0;
}

// Large pages need a privilege there.
void tern_memory_prefer_huge(void *memory, size_t size) {
    (void)memory;
    (void)size;
}

#else

#include <sys/mman.h>
#include <unistd.h>

uint64_t tern_memory_physical(void) {
    long pages = sysconf(_SC_PHYS_PAGES);
    long bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && bytes > 0 ? (uint64_t)pages * (uint64_t)bytes : 0;
}

#ifdef MADV_HUGEPAGE
void tern_memory_prefer_huge(void *memory, size_t size) {
    size_t skip = (size_t) - (uintptr_t)memory % TERN_MEMORY_HUGE_PAGE;
    if (size >= skip + TERN_MEMORY_HUGE_PAGE) {
        size_t whole = (size - skip) / TERN_MEMORY_HUGE_PAGE * TERN_MEMORY_HUGE_PAGE;
        (void)madvise((uint8_t *)memory + skip, whole, MADV_HUGEPAGE);
    }
}
#else
void tern_memory_prefer_huge(void *memory, size_t size) {
    (void)memory;
    (void)size;
}
#endif

#endif
