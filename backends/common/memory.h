// How much memory the machine has.
#ifndef TERN_BACKENDS_COMMON_MEMORY_H_
#define TERN_BACKENDS_COMMON_MEMORY_H_

#include <stdint.h>

// Bytes of physical memory, 0 if the system does not say.
uint64_t tern_memory_physical(void);

#endif
