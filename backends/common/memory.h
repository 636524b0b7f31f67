// How much memory the machine has, and how it is mapped.
#ifndef TERN_BACKENDS_COMMON_MEMORY_H_
#define TERN_BACKENDS_COMMON_MEMORY_H_

#include <stddef.h>
#include <stdint.h>

// Bytes of physical memory, 0 if the system does not say.
uint64_t tern_memory_physical(void);

// Asks that the system map |size| bytes, not touched so far, in huge pages, as far as whole ones
// fit. Only advice: nothing follows from it but speed.
void tern_memory_prefer_huge(void *memory, size_t size);

enum { TERN_MEMORY_HUGE_PAGE = 2 << 20 };

#endif
